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
