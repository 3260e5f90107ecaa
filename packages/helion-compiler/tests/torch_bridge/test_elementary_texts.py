"""Functions of our own in a template: what it needs, and how many instructions it is."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from helion_compiler.torch_bridge.elementary import ELEMENTARY, ELEMENTARY_FUNCTIONS
from helion_compiler.torch_bridge.pointwise import TensorOperand, lower_pointwise

aten = torch.ops.aten
INSTRUCTION = re.compile(r"^\S+\s+(?:@!?U?P\d+ )?\s*([A-Z][A-Z0-9]*)\b.*;")


def template(name: str, dtype: torch.dtype = torch.float32, *, elementary: bool = True) -> Any:
    operator = getattr(aten, name).default
    return lower_pointwise(operator, (TensorOperand(dtype),), {}, dtype, elementary=elementary)


@pytest.mark.parametrize("name", ELEMENTARY)
def test_a_template_names_what_it_needs(name: str) -> None:
    assert template(name).uses == {ELEMENTARY[name], "libdevice"}
    assert template(name, torch.bfloat16).uses == {ELEMENTARY[name], "libdevice", "widened"}
    assert template("neg", torch.bfloat16).uses == {"widened"}
    assert template("neg", torch.float16).uses == set()


@pytest.mark.parametrize("name", ELEMENTARY)
def test_other_texts_are_left_alone(name: str) -> None:
    for dtype, elementary in ((torch.float32, False), (torch.float64, True)):
        found = template(name, dtype, elementary=elementary)
        assert not found.uses & ELEMENTARY_FUNCTIONS.keys()


INSTRUCTIONS = {"log": 20, "sigmoid": 5, "tanh": 14}
"""What the module's documentation says. The kernel has some more for addresses."""


@pytest.mark.parametrize("name", ELEMENTARY)
def test_it_takes_fewer_instructions(name: str, binary_of: Any, make_job: Any) -> None:
    counts = {}
    for elementary in (True, False):
        job = make_job(
            f"{name}_{elementary}", template(name, elementary=elementary), (torch.ones(64),)
        )
        between = instructions(binary_of(job).asm["sass"])
        assert elementary is False or "BRA" not in between, "each lane goes the same way"
        counts[elementary] = len(between)
    assert INSTRUCTIONS[name] <= counts[True] <= INSTRUCTIONS[name] + 6
    assert counts[True] < counts[False]


def instructions(sass: str) -> list[str]:
    """The instructions after the first load and before the first store, by name."""
    names = [match[1] for line in sass.splitlines() if (match := INSTRUCTION.search(line))]
    return names[names.index("LDG") + 1 : names.index("STG")]
