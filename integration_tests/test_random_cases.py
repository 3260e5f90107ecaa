"""300 random cases of the four kernels, in the interpreter on CPU tensors and, with larger sizes, on a GPU."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

CASES = 300
BATCHES = 30


def _random_cases() -> Any:
    """The module beside this file, which is no package."""
    name = "helion_random_cases"
    if name not in sys.modules:
        path = Path(__file__).with_name("random_cases.py")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


random_cases = _random_cases()


@pytest.mark.parametrize("numbers", random_cases.batches(CASES, BATCHES), ids=str)
def test_interpreted(numbers: range) -> None:
    problems = [random_cases.check(random_cases.draw(number), "cpu") for number in numbers]
    assert [problem for problem in problems if problem is not None] == []


@pytest.mark.gpu
@pytest.mark.parametrize("numbers", random_cases.batches(CASES, BATCHES), ids=str)
def test_on_a_gpu(numbers: range) -> None:
    limits = random_cases.ON_GPU
    problems = [random_cases.check(random_cases.draw(number, limits), "cuda") for number in numbers]
    assert [problem for problem in problems if problem is not None] == []


def test_every_key_appears() -> None:
    """The first cases alone already ask for something of every key that these kernels have."""
    seen: dict[str, set[str]] = {}
    for number in range(100):
        case = random_cases.draw(number)
        bound = case.bind(case.arguments("cpu"))
        for name, value in case.point(bound).items():
            seen.setdefault(name.partition("[")[0], set()).add(str(value))
    assert seen.keys() == KEYS
    assert {key for key, values in seen.items() if len(values) < 2} == set()


KEYS = {
    "block_sizes",
    "epilogue_subtile",
    "flatten_loops",
    "indexing",
    "l2_groupings",
    "load_cache_modifiers",
    "load_eviction_policies",
    "loop_orders",
    "maxnreg",
    "num_sm_multiplier",
    "num_stages",
    "num_warps",
    "pid_type",
    "range_flattens",
    "range_multi_buffers",
    "range_num_stages",
    "range_unroll_factors",
    "reduction_loops",
    "static_ranges",
    "store_cache_modifiers",
}
