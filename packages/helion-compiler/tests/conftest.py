"""What the tests of the compiler share: golden files, and modules beside the tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

TESTS = Path(__file__).parent


def load_module(name: str) -> ModuleType:
    """The module ``name`` of this folder, which is no package; executed once."""
    full = f"helion_compiler_tests_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, TESTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


@pytest.fixture(autouse=True)
def same_numbers_each_time() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def golden_sources() -> ModuleType:
    return load_module("golden_sources")


@pytest.fixture(scope="session")
def epilogue_kernels() -> ModuleType:
    return load_module("epilogue_kernels")


@pytest.fixture(scope="session")
def config_kernels() -> ModuleType:
    return load_module("config_kernels")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)`` compares with ``golden/<name>``; ``--update-golden`` writes it instead."""

    def compare(name: str, text: str) -> None:
        path = TESTS / "golden" / name
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), (
            f"there is no golden/{name}: run pytest with --update-golden and read what it wrote"
        )
        assert text == path.read_text(encoding="utf-8")

    return compare
