"""The program that tries config spaces: its draws, its processes, how it goes on, and what it counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch

import helion
from benchmarks.space_correctness.__main__ import forget_failures, read
from benchmarks.space_correctness.cases import names
from benchmarks.space_correctness.checking import CaseChecker, run
from benchmarks.space_correctness.comparing import differences
from benchmarks.space_correctness.compiled import Compiled
from benchmarks.space_correctness.compiling import Compiler, why_excluded
from benchmarks.space_correctness.drawing import drawn
from benchmarks.space_correctness.narrowing import Narrowing, steps, where
from benchmarks.space_correctness.outcome import Outcome
from benchmarks.space_correctness.running import ROOT, Workers, run_all, turns
from benchmarks.space_correctness.summary import summarise, text
from gallery.case import Maker, load
from gallery.every_case import CASES
from helion_compiler.building.compile_pool import CompilePool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_every_case_has_a_name_of_its_own() -> None:
    assert list(names().values()) == CASES


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    with Compiler() as one:
        yield one


@pytest.mark.parametrize(
    "name", ["add", "matmul-backward", "layer_norm-backward", "inline", "sum_of_tensors"]
)
def test_draws_of_the_gallery_are_equal(name: str, compiler: Compiler) -> None:
    outcomes = CaseChecker(name, "cpu", compiler).check(0)
    assert {one.kind for one in outcomes} == {"equal"}, outcomes
    assert all(one.config for one in outcomes)
    kernels = [one.kernel for one in outcomes]
    assert kernels == (
        ["layer_norm_forward", "layer_norm_backward"] if "layer" in name else [kernels[0]]
    )


def test_warps_with_roles_are_interpreted_without(compiler: Compiler) -> None:
    """Gluon, which they are written in, has no interpreter."""
    checker = CaseChecker("differentiable_attention-backward", "cpu", compiler)
    halves = next(d for d in range(100) if checker._call(d)[1] is torch.float16)
    one = next(one for one in checker.prepared(halves) if one.call.kernel.name == "attention")
    config = helion.Config(
        block_sizes=[1, 64, 32], range_warp_specializes=[None, True], num_warps=4
    )
    assert "gluon" in one.bound.lower(config).emitted.source
    assert not run(checker.case, one, config)


def test_draws_differ_and_are_repeatable(compiler: Compiler) -> None:
    first, again = (CaseChecker("softmax_two_pass", "cpu", compiler) for _ in range(2))
    (one,), (other,), (same,) = first.check(0), first.check(1), again.check(0)
    assert one.config != other.config
    assert one == same


def test_a_wrong_config_is_narrowed_to_what_makes_it_wrong(compiler: Compiler) -> None:
    checker = CaseChecker("softmax_two_pass", "cpu", compiler)
    (one,) = checker.prepared(0)

    def bad(config: helion.Config) -> str:
        return "bad" if config["num_warps"] == 16 and config["pid_type"] != "flat" else ""

    space, default = one.bound.space.space, one.bound.space.default_config()
    point = space.point({"num_warps": 16, "pid_type": "persistent_blocked"})
    left = Narrowing(bad, default).narrowed(one.bound.space.config(point))
    (usual,) = {default["num_warps"]} - {16}
    assert left["num_warps"] == 16 != usual
    assert left["pid_type"] == "persistent_blocked"
    (told,) = where(one, default)
    assert told.startswith("tensor 0: 0 of")


def test_steps_towards_the_default_are_of_keys_and_of_entries() -> None:
    wrong = {"a": [1, 2], "b": 3, "c": 4, "d": 7}
    found = list(steps(wrong, {"a": [1, 5], "b": 3, "c": 6}))
    assert found == [
        {"a": [1, 5], "b": 3, "c": 4, "d": 7},
        {"a": [1, 5], "b": 3, "c": 4, "d": 7},
        {"a": [1, 2], "b": 3, "c": 6, "d": 7},
        {"a": [1, 2], "b": 3, "c": 4},
    ]


def test_no_config_of_a_space_is_excluded_from_it() -> None:
    """Tunables of this kernel decide whether it has a key."""
    case = names()["grouped_gemm_balanced"]
    arguments = case.arguments(Maker(torch.float32, "cpu"), *case.small[0])
    kernel = load(case.example).grouped_gemm_balanced
    bound = kernel.bind(kernel.normalize_args(*arguments))._implementation.specialized
    configs = [drawn(bound, draw) for draw in range(20)]
    assert len({config["workers"] for config in configs}) > 3
    assert [why_excluded(bound, config) for config in configs] == [None] * 20


def test_a_config_is_compiled_for_other_machines(compiler: Compiler) -> None:
    """Or one of the machine's own space, which has no eviction policies here."""
    (outcome,) = CaseChecker("add", "cpu", compiler, ["sm_90", "gfx942"]).check(0)
    assert outcome.targets == {"sm_90": "ok", "gfx942": "ok"}
    assert list(outcome.instead) == ["gfx942"]
    assert "AMD's loads have no eviction policies" in outcome.instead["gfx942"]["reason"]
    assert outcome.instead["gfx942"]["config"] != outcome.config


def test_what_has_compiled_is_not_compiled_again(tmp_path: Path) -> None:
    """Whichever process did; with another compiler, or after a failure, it is."""
    path, found = tmp_path / "compiled.jsonl", []
    for seconds, version in [(0.0, "1"), (60.0, "1"), (0.0, "1"), (0.0, "2")]:
        with Compiler(CompilePool(1, seconds), Compiled(version, path)) as one:
            (outcome,) = CaseChecker("exp", "cpu", one, ["sm_90"], runs=False).check(0)
        found.append((outcome.kind, outcome.targets["sm_90"][:4]))
    ok, slow = ("not run", "ok"), ("not run", "slow")
    assert found == [slow, ok, ok, slow]
    assert len(path.read_text().splitlines()) == 1


def test_what_another_process_compiles_is_known(tmp_path: Path) -> None:
    request = {"name": "k", "source": "…", "file": "a", "architecture": 90}
    one, other = (Compiled("1", tmp_path / "compiled.jsonl") for _ in range(2))
    assert other.shared(request) is None
    one.add(request, 64)
    assert other.shared({**request, "file": "b"}) == 64
    assert other.shared({**request, "architecture": 80}) is None


def test_a_compilation_that_takes_long_is_given_up() -> None:
    with Compiler(CompilePool(1, 0.0)) as hasty:
        (outcome,) = CaseChecker("add", "cpu", hasty, ["sm_90"]).check(0)
    assert outcome.targets["sm_90"].startswith("slow to compile: compiling took more than")


def test_rounding_of_nothing_is_right() -> None:
    zero = torch.zeros(3)
    assert list(differences(zero, (), torch.full((3,), 1e-17).double(), {}, 1)) == []
    assert len(list(differences(zero, (), torch.full((3,), 1e-6).double(), {}, 1))) == 1


def test_wrong_values_are_found() -> None:
    expected = torch.randn(64, 64).double()
    actual = expected.float()
    assert list(differences(actual, (), expected, {}, 1)) == []
    one_off = actual.clone()
    one_off[3, 5] += 0.01
    unwritten = actual.clone()
    unwritten[0, 0] = float("nan")
    for wrong in (one_off, unwritten, actual[:32], (actual, actual)):
        assert len(list(differences(wrong, (), expected, {}, 1))) == 1
    assert "argument 1" in next(differences(actual, (0, one_off), expected, {1: expected}, 1))


WORKER = """
import json, os, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    if asked == {"case": "falls", "draw": 1}:
        os.kill(os.getpid(), 11)
    if asked["case"] == "hangs":
        time.sleep(60)
    kind = "error" if asked["case"] == "spoils" else "equal"
    outcome = {"case": asked["case"], "draw": asked["draw"], "kernel": "k", "call": "1", "kind": kind}
    print(json.dumps([{**outcome, "detail": str(os.getpid()), "targets": {"sm_90": sys.argv[-1]}}]), flush=True)
"""


@pytest.fixture
def worker(tmp_path: Path) -> list[str]:
    program = tmp_path / "worker.py"
    program.write_text(textwrap.dedent(WORKER))
    return [sys.executable, str(program)]


def ran(
    worker: list[str],
    todo: Any,
    device: str = "cpu",
    seconds: float | None = None,
    **options: Any,
) -> list[Outcome]:
    found: list[Outcome] = []
    workers = Workers(device, ["ok"], program=worker, seconds=seconds)
    run_all(todo, found.extend, workers, **options)
    return sorted(found, key=lambda one: (one.case, one.draw))


def test_processes_that_fall_or_hang_are_replaced(worker: list[str]) -> None:
    todo = [("falls", [0, 1, 2]), ("fine", [0]), ("hangs", [0])]
    outcomes = ran(worker, todo, processes=2, seconds=5)
    assert [(one.case, one.draw, one.kind) for one in outcomes] == [
        ("falls", 0, "equal"),
        ("falls", 1, "crash"),
        ("falls", 2, "equal"),
        ("fine", 0, "equal"),
        ("hangs", 0, "timeout"),
    ]
    assert outcomes[0].targets == {"sm_90": "ok"}


@pytest.mark.parametrize(("device", "processes"), [("cpu", 1), ("cuda", 3)])
def test_an_error_on_a_gpu_spoils_a_process(worker: list[str], device: str, processes: int) -> None:
    outcomes = ran(worker, [("spoils", [0, 1, 2])], device=device)
    assert len({one.detail for one in outcomes}) == processes


def test_nothing_begins_after_the_deadline(worker: list[str]) -> None:
    assert ran(worker, [("fine", [0, 1])], deadline=0.0) == []


def test_what_runs_at_the_deadline_is_ended(worker: list[str]) -> None:
    begun = time.monotonic()
    outcomes = ran(worker, [("fine", [0]), ("hangs", [0]), ("fine", [1])], deadline=begun + 3)
    assert [(one.case, one.kind) for one in outcomes] == [("fine", "equal")]
    assert time.monotonic() - begun < 30  # the worker would hang for a minute


def test_cases_take_turns() -> None:
    assert turns([("a", range(5)), ("b", [1, 2, 5])], 2) == [
        ("a", [0, 1]),
        ("b", [1]),
        ("a", [2, 3]),
        ("b", [2]),
        ("a", [4]),
        ("b", [5]),
    ]


def made_up() -> list[Outcome]:
    equal = Outcome(
        "add", 0, "add", "1x1", "equal", config={"num_warps": 1}, targets={"sm_90": "ok"}
    )
    equal = attrs.evolve(equal, seconds={"sm_90": 0.5, "run": 1.0})
    refused = attrs.evolve(
        equal,
        draw=1,
        kind="refused",
        detail="SharedMemoryError: too much",
        instead={"sm_90": {"reason": "shared memory: too much", "config": {}}},
    )
    wrong = attrs.evolve(equal, draw=2, kind="wrong", detail="3 of 9 elements are far off")
    spilled = attrs.evolve(equal, draw=3, targets={"sm_90": "TritonError: spills"})
    large = attrs.evolve(equal, draw=4, kind="not run", targets={"sm_90": "excluded: too large"})
    return [equal, refused, wrong, spilled, large]


def test_the_summary() -> None:
    summary = summarise(made_up())
    assert summary["kinds"] == {"equal": 2, "refused": 1, "wrong": 1, "not run": 1}
    assert summary["refusals"] == {"SharedMemoryError": 1}
    assert summary["targets"]["sm_90"] == {
        "ok": 3,
        "excluded": 1,
        "failed": 1,
        "instead": 1,
        "seconds": 2.5,
        "reasons": {"TritonError: spills": 1, "excluded: too large": 1},
    }
    assert [(one["kind"], one["draw"]) for one in summary["failures"]] == [("wrong", 2)]
    assert [(one["target"], one["draw"]) for one in summary["not compiled"]] == [("sm_90", 3)]
    told = text(summary)
    assert "add/add: 2 equal, 1 refused, 1 wrong, 1 not run; compiled for sm_90 3/5" in told
    assert "sm_90: 3 compile, 1 are excluded, 1 fail: " in told
    assert "sm_90: add/add draw 3 (1x1): TritonError: spills\n    {'num_warps': 1}" in told
    assert "WRONG add/add draw 2 (1x1): 3 of 9 elements are far off" in told


def test_draws_that_failed_are_forgotten(tmp_path: Path) -> None:
    """With all kernels of the draw; here the one beside it had been right."""
    path, found = tmp_path / "outcomes.jsonl", made_up()
    found.append(attrs.evolve(found[0], draw=2, kernel="other"))
    path.write_text("".join(json.dumps(attrs.asdict(one)) + "\n" for one in found))
    forget_failures(path)
    assert [one.draw for one in read(path)] == [0, 1, 4]
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_a_run_goes_on_where_it_ended(tmp_path: Path) -> None:
    """The whole program: what is missing is drawn, and a wrong outcome of before is kept, or drawn again if asked, and
    of draws that another machine does, nothing is.
    """
    lines = [json.dumps(attrs.asdict(one)) for one in made_up() if one.kind == "wrong"]
    (tmp_path / "outcomes.jsonl").write_text("\n".join([*lines, '{"case": "add", "dr']) + "\n")
    command = [
        sys.executable,
        "-m",
        "benchmarks.space_correctness",
        "--configs",
        "4",
        "--only",
        "add",
    ]
    for more, commits in [
        (["--commit", "a"], [None, "a", "a", "a"]),
        (["--commit", "b", "--retry"], ["a", "a", "a", "b"]),
        (["--commit", "c", "--first", "5", "--configs", "6"], ["a", "a", "a", "b", "c"]),
    ]:
        result = subprocess.run(
            [*command, "--output", str(tmp_path), *more],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        right = len(commits) - commits.count(None)
        assert result.returncode == (None in commits), result.stderr
        kinds = {"equal": right, "wrong": 1} if None in commits else {"equal": right}
        assert json.loads((tmp_path / "summary.json").read_text())["kinds"] == kinds
        assert f"{len(commits)} configs: {right} equal" in result.stdout
        assert [one.commit for one in read(tmp_path / "outcomes.jsonl")] == commits
