"""What importing each package loads where everything is installed: the light ones stay light beside the heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

COMPILING = {"triton", "scipy", "sympy", "torch._inductor", "torch._dynamo"}

MUST_NOT_LOAD = {
    "helion": COMPILING | {"helion_compiler", "helion_autotune", "helion_runtime"},
    "helion.language": COMPILING | {"helion_compiler", "helion_autotune", "helion_runtime"},
    "helion_runtime": COMPILING | {"helion", "helion_compiler", "helion_autotune"},
    "helion_autotune": {"torch", "triton", "helion", "helion_compiler", "helion_runtime"},
}


@pytest.mark.parametrize("module", MUST_NOT_LOAD)
def test_importing_stays_light(module: str, loaded_by: Callable[[str], frozenset[str]]) -> None:
    loaded = loaded_by(f"import {module}")
    assert module in loaded
    assert loaded & MUST_NOT_LOAD[module] == frozenset()


def test_what_is_forbidden_is_installed(loaded_by: Callable[[str], frozenset[str]]) -> None:
    """Without this, the tests above would pass in an environment that merely lacks the heavy packages."""
    forbidden = set().union(*MUST_NOT_LOAD.values())
    program = "import " + ", ".join(sorted(forbidden))
    assert forbidden <= loaded_by(program)


def test_torch_itself_loads_nothing_forbidden(loaded_by: Callable[[str], frozenset[str]]) -> None:
    """If torch should begin to load one of these by itself, forbidding it to our packages would be unfair."""
    assert loaded_by("import torch") & COMPILING == frozenset()
