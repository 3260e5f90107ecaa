"""Random programs against reference mode; ``python -m integration_tests.random_programs`` runs as many as one likes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import attrs
import pytest
import torch

from integration_tests.random_programs.check import Outcome, check
from integration_tests.random_programs.program import write
from integration_tests.random_programs.pruning import pruned
from integration_tests.random_programs.reduce import (
    ATTEMPTS,
    MOST_CHECKS,
    SIMPLER_CALLS,
    reduce_program,
    signature,
    with_source,
)
from integration_tests.random_programs.running import Worker, refusals, run_all
from integration_tests.random_programs.statements import STATEMENTS

if TYPE_CHECKING:
    from integration_tests.random_programs.program import RandomProgram

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


def test_what_is_added_in_place_may_be_too_large() -> None:
    """In program 920815 it is, where nothing else could be said either."""
    assert "+=" in write(920815).source


def test_torch_itself_runs_what_the_host_does() -> None:
    """Program 720999 has tensors of float8, which torch cannot flip, among those that it changes."""
    changed = 0
    for number in (720999, *range(100)):
        program = write(number)
        arguments = program.arguments("cpu")
        for spec, argument in zip(program.tensors, arguments, strict=False):  # numbers come last
            if f"torch.flip({spec.name}, [0])" in program.source:
                torch.flip(argument, [0])
                changed += 1
    assert changed


def test_every_statement_and_operator_appears() -> None:
    sources = [write(number).source for number in range(300)]
    for wanted in (
        "hl.tile(", "hl.grid(", "hl.static_range(", "hl.jagged_tile(", "range(", "while ", "if ", "elif ",
        "hl.barrier()", "hl.atomic_add(", "hl.load(", "extra_mask=", "hl.store(", "hl.arange(", ".index",
        "hl.dot(", " @ ", "torch.softmax(", "torch.where(", ".reshape(", ".permute(", ".expand(", "torch.cat(",
        ".sum(", "torch.argmax(", "torch.var(", "torch.prod(", "keepdim=True", "helper", "lambda",
        "cumsum(", "hl.associative_scan(", "hl.reduce(", "torch.sort(", "torch.topk(", "argmin(", "float8", "+= 1",
        "masked_fill(", " >> ", "torch.sign(", "torch.erf(", "torch.log(acc", " = out0[",
        "hl.atomic_xchg(", ".block_size +", "hl.register_block_size(", "block_size=[",
    ):  # fmt: skip
        assert any(wanted in source for source in sources), wanted
    assert len(STATEMENTS) == 8


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


def test_a_failing_program_is_made_smaller() -> None:
    """Until nothing is left but what it fails on; the checks that it may run bound how long that takes."""
    program = next(write(n) for n in range(100) if write(n).source.count("torch.softmax(") == 1)
    checks = 0

    def checked(candidate: RandomProgram, _attempt: int) -> Outcome:
        nonlocal checks
        checks += 1
        ast.parse(candidate.source)
        failed = "torch.softmax(" in candidate.source and "hl.tile(" in candidate.source
        return Outcome(candidate.number, "wrong" if failed else "passed")

    reduced = reduce_program(program, checked)
    assert reduced.outcome.kind == "wrong"
    assert len(reduced.program.source.splitlines()) <= 10 < len(program.source.splitlines())
    assert len(reduced.program.tensors) < len(program.tensors)
    assert checks <= MOST_CHECKS + ATTEMPTS
    checks = 0
    reduce_program(program, checked, 10)
    assert checks <= 10 + ATTEMPTS + len(program.outputs) + len(SIMPLER_CALLS)


def test_a_smaller_program_fails_in_the_same_place() -> None:
    frames = [
        '  File "/a/b.py", line 3, in first',
        "    x",
        '  File "/c.py", line 4, in second',
        "    y",
    ]
    detail = "\n".join(["Traceback:", *frames, "TypeError: no", "in kernel 'kernel'"])
    assert signature(Outcome(1, "error", detail)) == ("error", "TypeError in c.py:second")
    assert signature(Outcome(1, "refused", "OverpackedTile: too many")) == (
        "refused",
        "OverpackedTile",
    )


def test_reducing_what_is_refused() -> None:
    """As the command does: in a process beside this one, which a loop without end does not stop."""
    program = write(PASSES)
    lines = program.source.splitlines()
    loop = next(number for number, line in enumerate(lines) if "hl.tile(" in line)
    margin = " " * (len(lines[loop + 1]) - len(lines[loop + 1].lstrip()))
    lines.insert(loop + 1, f"{margin}hl.barrier()")
    worker = Worker("cpu")
    try:
        broken = with_source(program, "\n".join(lines) + "\n")
        reduced = reduce_program(broken, worker.run, 60)
    finally:
        worker.close()
    assert "BarrierOnlyAllowedAtTopLevel" in reduced.outcome.detail
    assert len(reduced.program.source.splitlines()) <= 10
