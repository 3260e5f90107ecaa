"""Each leaf package from its wheel, its own dependencies beside it and nothing else of ours: typed, light, useful.

Runs once in each of tox's environments ``lang``, ``autotune`` and ``runtime``, which say through ``HELION_ALONE`` which
package they hold. Anywhere else nothing here can be asked, and every test says so.
"""

from __future__ import annotations

import importlib.metadata
import os
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ALONE = os.environ.get("HELION_ALONE", "")
OURS = frozenset({"helion", "helion_autotune", "helion_compiler", "helion_runtime"})
PROGRAMS = Path(__file__).parent / "alone"

pytestmark = pytest.mark.skipif(
    not ALONE, reason="asks what one package can do alone: tox -e lang, autotune or runtime"
)


class Leaf(NamedTuple):
    """One package: its module, a program that uses it, what its environment must lack, what use must not load."""

    module: str
    program: str
    lacks: frozenset[str]
    never_loads: frozenset[str]


LEAVES = {
    "helion-lang": Leaf(
        module="helion",
        program="language.py",
        lacks=frozenset({"triton", "scipy", "numpy"}),
        never_loads=frozenset({"torch._inductor"}),
    ),
    "helion-runtime": Leaf(
        module="helion_runtime",
        program="runtime.py",
        lacks=frozenset({"triton", "scipy", "numpy", "attrs"}),
        never_loads=frozenset({"sympy", "torch._inductor", "torch._dynamo"}),
    ),
    "helion-autotune": Leaf(
        module="helion_autotune",
        program="tuner.py",
        lacks=frozenset({"torch", "triton", "sympy"}),
        never_loads=frozenset(),
    ),
}


@pytest.fixture
def leaf() -> Leaf:
    return LEAVES[ALONE]


def test_nothing_else_of_ours_is_installed(leaf: Leaf) -> None:
    installed = {distribution.name for distribution in importlib.metadata.distributions()}
    assert {name for name in installed if name.startswith("helion")} == {ALONE}
    assert {module for module in OURS if find_spec(module) is not None} == {leaf.module}


@pytest.mark.skipif(
    bool(os.environ.get("HELION_TORCH_FROM")),
    reason="the machine's own torch brings what lies beside it",
)
def test_the_environment_lacks_what_the_package_must_not_need(leaf: Leaf) -> None:
    assert {module for module in leaf.lacks if find_spec(module) is not None} == set()


def test_it_is_the_wheel_that_is_tested(leaf: Leaf) -> None:
    spec = find_spec(leaf.module)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(sysconfig.get_path("purelib"))


def test_the_wheel_carries_types_and_licence_and_no_tests(leaf: Leaf) -> None:
    files = [str(file) for file in importlib.metadata.files(ALONE) or ()]
    assert f"{leaf.module}/py.typed" in files
    assert any(file.endswith("LICENSE") for file in files)
    assert not [file for file in files if "tests/" in file]


def test_it_is_useful_alone(leaf: Leaf, loaded_by: Callable[[str], frozenset[str]]) -> None:
    program = PROGRAMS / leaf.program
    loaded = loaded_by(f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')")
    assert leaf.module in loaded
    assert loaded & (leaf.lacks | leaf.never_loads | (OURS - {leaf.module})) == frozenset()
