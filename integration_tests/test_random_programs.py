"""Random programs against reference mode; ``python -m integration_tests.random_programs`` runs as many as one likes."""

from __future__ import annotations

import ast

import attrs
import pytest

from random_programs.check import check
from random_programs.program import write
from random_programs.reduce import pruned
from random_programs.running import refusals, run_all
from random_programs.statements import STATEMENTS

INTERPRETED = range(32)
ON_A_GPU = range(60)
PASSES = 8
"""A program that passes."""
REFUSED_AT_MOST = 0.2
"""Programs that the compiler may say it cannot compile, in its own words."""


def test_interpreted() -> None:
    outcomes = list(run_all(INTERPRETED))
    assert [outcome for outcome in outcomes if outcome.failed] == []
    refused = refusals(outcomes)
    assert refused.total() <= REFUSED_AT_MOST * len(outcomes), refused


@pytest.mark.gpu
def test_on_a_gpu() -> None:
    outcomes = list(run_all(ON_A_GPU, "cuda"))
    assert [outcome for outcome in outcomes if outcome.failed] == []
    refused = refusals(outcomes)
    assert refused.total() <= REFUSED_AT_MOST * len(outcomes), refused


def test_a_number_gives_one_program() -> None:
    first, second = write(7), write(7)
    assert first == second
    assert write(8).source != first.source
    arguments = [program.arguments("cpu") for program in (first, second)]
    assert repr(arguments[0]) == repr(arguments[1])


def test_every_statement_and_operator_appears() -> None:
    sources = [write(number).source for number in range(300)]
    for wanted in (
        "hl.tile(", "hl.grid(", "hl.static_range(", "hl.jagged_tile(", "range(", "while ", "if ", "elif ",
        "hl.barrier()", "hl.atomic_add(", "hl.load(", "extra_mask=", "hl.store(", "hl.arange(", ".index",
        "hl.dot(", " @ ", "torch.softmax(", "torch.where(", ".reshape(", ".permute(", ".expand(", "torch.cat(",
        ".sum(", "torch.argmax(", "torch.var(", "torch.prod(", "keepdim=True", "helper", "lambda",
    ):  # fmt: skip
        assert any(wanted in source for source in sources), wanted
    assert len(STATEMENTS) == 7


def test_what_is_wrong_is_found() -> None:
    """A program whose expected errors are too small is reported, with its config and source."""
    program = write(PASSES)
    outputs = tuple(attrs.evolve(output, error=-1.0) for output in program.outputs)
    outcome = check(attrs.evolve(program, outputs=outputs))
    assert outcome.kind == "wrong"
    assert "helion.Config(" in outcome.detail
    assert "@triton.jit" in outcome.detail


def test_pruning_keeps_what_leads_to_a_result() -> None:
    source = "def kernel(x):\n    for t in x:\n        a = 1\n        b = a\n        c = 2\n"
    source += "        out0[t] = b\n        out1[t] = c\n    return (out0, out1)\n"
    kept = ast.unparse(ast.parse(pruned(source, "out0")))
    assert "c = 2" not in kept
    assert "out1" not in kept
    assert "b = a" in kept
