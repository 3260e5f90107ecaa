"""What all tests share: options, and that ``gpu`` tests are skipped, with the reason, where there is none."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that write what a test expects instead of comparing with it; read what they wrote."""
    parser.addoption(
        "--update-golden", action="store_true", help="write the generated sources of tests/golden"
    )
    parser.addoption(
        "--update-messages", action="store_true", help="write the messages of tests/bad_programs"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU. torch is imported only if there is such a test: the tuner's environment has none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked or (reason := _why_no_gpu()) is None:
        return
    for item in marked:
        item.add_marker(pytest.mark.skip(reason=reason))


def _why_no_gpu() -> str | None:
    try:
        import torch
    except ModuleNotFoundError:
        return "needs a GPU, and torch is not installed"
    if torch.version.cuda is None:
        return f"needs a GPU, and torch {torch.__version__} is built without CUDA"
    if not torch.cuda.is_available():
        return f"needs a GPU, and torch {torch.__version__} finds none"
    return None
