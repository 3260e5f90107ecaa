"""The kernels of ``examples/``, by whichever ``helion`` this process finds."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.suite.case import in_float32

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from benchmarks.suite.case import Case

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
KERNELS = Path(__file__).resolve().parent / "kernels"
"""Sources that are for measuring alone."""


@functools.cache
def load(example: str) -> ModuleType:
    """A module of ``examples/`` or ``kernels/``, executed once."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))  # they import what they share
    path = KERNELS / f"{example}.py"
    return load_file(path if path.exists() else EXAMPLES / path.name)


@functools.cache
def load_file(path: Path) -> ModuleType:
    """A module of any file, executed once; it finds its neighbours."""
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def kernel_of(case: Case) -> Any:
    """The kernel, as its file decorates it."""
    return getattr(load(case.example), case.kernel)


def eager_of(case: Case) -> Callable[..., Any]:
    """The same by torch."""
    return _function(case, case.eager)


def expected_of(case: Case) -> Callable[..., Any]:
    """The same in higher precision."""
    if case.expected is not None:
        return _function(case, case.expected)
    eager = eager_of(case)
    return lambda *args: eager(*map(in_float32, args))


def _function(case: Case, given: Callable[..., Any] | str) -> Callable[..., Any]:
    function: Callable[..., Any] = (
        getattr(load(case.example), given) if isinstance(given, str) else given
    )
    return function
