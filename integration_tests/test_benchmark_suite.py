"""The benchmark suite without a GPU: its cases in reference mode at tiny sizes, its processes, tables and documents."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch

import helion
from benchmarks.suite import spread as spreads
from benchmarks.suite.case import Case, in_float32, tensors, traffic
from benchmarks.suite.cases import CASES, named, selected
from benchmarks.suite.comparing import compare
from benchmarks.suite.driver import Pace, run, run_all
from benchmarks.suite.examples import EXAMPLES, KERNELS, eager_of, expected_of, kernel_of
from benchmarks.suite.machine import ROOT
from benchmarks.suite.measuring import in_turns
from benchmarks.suite.merging import merged
from benchmarks.suite.options import parse
from benchmarks.suite.peer import Peer
from benchmarks.suite.peer_process import PeerFailedError, PeerProcess
from benchmarks.suite.records import (
    CaseRecord,
    Results,
    WayRecord,
    read_results,
    write_json,
)
from benchmarks.suite.report import document
from benchmarks.suite.report import main as main_of_report
from benchmarks.suite.situation import Ready, RefusedError, Situation, WrongResultError
from benchmarks.suite.table import line, summary
from benchmarks.suite.task import Task
from benchmarks.suite.ways import WAYS
from benchmarks.suite.worker import measure
from helion import reference

ONE_OF_EACH = list({(case.name.partition("-")[0]): case for case in CASES}.values())
# torch has them for GPUs alone; for CPUs layer_norm_backward wants its statistics in bfloat16.
ONLY_ON_CUDA = {"rms_norm_backward", "layer_norm_backward", "fp8_gemm"}


# Cases.


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=lambda case: case.name)
def test_kernels_compute_what_they_are_compared_with(case: Case) -> None:
    args = case.make("cpu", case.small)
    kernel = kernel_of(case)
    result = reference.run(kernel.fn, kernel.normalize_args(*args)).outputs
    comparison = compare(result, expected_of(case)(*args))
    assert comparison.wrong == ""
    assert comparison.error < 0.05


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=lambda case: case.name)
def test_torch_gives_as_many_results_of_the_same_shapes(case: Case) -> None:
    if case.name.partition("-")[0] in ONLY_ON_CUDA:
        pytest.skip("torch has it on CUDA alone")
    args = case.make("cpu", case.small)
    eager = list(tensors(eager_of(case)(*args)))
    expected = list(tensors(expected_of(case)(*args)))
    assert [one.shape for one in eager] == [one.shape for one in expected]
    assert compare(eager, expected).error < 0.1


def test_names_are_unique_and_files() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").replace("_", "").isalnum() for name in names)
    files = [*EXAMPLES.glob("*.py"), *KERNELS.glob("*.py")]
    assert {case.example for case in CASES} <= {path.stem for path in files}


def test_arguments_are_the_same_in_every_process() -> None:
    case = named("int4_gemm-16x8192x8192")
    first, second = (case.make("cpu", case.small) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_selection() -> None:
    assert selected([]) == CASES
    assert [case.name for case in selected(["*l-1024*", "exp"])] == [
        "matmul-1024x1024x1024",
        "exp-8192x8192",
    ]
    with pytest.raises(ValueError, match="no case matches 'convolution'"):
        selected(["softmax", "convolution"])


def test_traffic_and_flops() -> None:
    case = named("matmul-1024x1024x1024")
    x, y = case.make("cpu", (16, 32, 64))
    assert traffic((x, y), torch.mm(x, y)) == 2 * (16 * 64 + 64 * 32 + 16 * 32)
    assert case.flops is not None
    assert case.flops(*case.sizes) == 2.0 * 1024**3


# Comparing.


def test_one_wrong_row_is_found() -> None:
    expected = torch.randn(2000, 300)
    actual = expected.bfloat16()
    assert compare(actual, expected) == attrs.evolve(compare([actual], [expected]), wrong="")
    actual[7] = 0
    assert "300 elements" not in compare(actual, expected).wrong
    assert "elements are too far" in compare(actual, expected).wrong


@pytest.mark.parametrize(
    ("actual", "wrong"),
    [
        (torch.tensor([1.0, math.nan]), "1 of 2 elements"),
        (torch.tensor([1.0]), "shape (1,) instead of (2,)"),
        ((), "0 tensors instead of 1"),
    ],
)
def test_what_is_wrong(actual: Any, wrong: str) -> None:
    assert wrong in compare(actual, torch.tensor([1.0, 2.0])).wrong


def test_integers_are_compared_exactly() -> None:
    assert compare(torch.tensor([1, 2]), torch.tensor([1, 2])).wrong == ""
    assert "1 of 2" in compare(torch.tensor([1, 3]), torch.tensor([1, 2])).wrong


def test_widening_leaves_integers_and_float32() -> None:
    indices, wide = torch.tensor([1]), torch.randn(3)
    assert in_float32(indices) is indices
    assert in_float32(wide) is wide
    assert in_float32(torch.randn(3).bfloat16()).dtype is torch.float32


# Measuring.


def test_turns_alternate_and_leave_out_who_fails() -> None:
    asked: list[str] = []

    def measure_as(name: str, *, fails: bool = False) -> Any:
        def one() -> float:
            asked.append(name)
            if fails and asked.count(name) == 2:
                raise RuntimeError("illegal access")
            return float(len(asked))

        return one

    told: list[str] = []
    times = in_turns(
        {"a": measure_as("a"), "b": measure_as("b", fails=True), "c": measure_as("c")},
        failed=lambda name, error: told.append(f"{name}: {error}"),
    )
    assert asked == ["a", "b", "c", "c", "b", "a", "a", "c"]
    assert {name: len(one) for name, one in times.items()} == {"a": 3, "b": 1, "c": 3}
    assert told == ["b: illegal access"]


def fake_timer(run: Any) -> float:
    run()
    return 0.5


def our_fake(situation: Situation) -> Ready:
    x, y = situation.args
    return situation.ready(lambda: x + y, config={"num_warps": 4})


def wrong_fake(situation: Situation) -> Ready:
    x, y = situation.args
    return situation.ready(lambda: x - y)


def refusing_fake(_: Situation) -> Ready:
    raise RefusedError("not in the language")


def failing_fake(_: Situation) -> Ready:
    raise RuntimeError("CUDA error")


FAKES = {
    "ours_default": our_fake,
    "ours_tuned": wrong_fake,
    "peer": refusing_fake,
    "compiled": failing_fake,
    "eager": WAYS["eager"],
}


def test_a_case_is_written_down_step_by_step(tmp_path: Path) -> None:
    case = attrs.evolve(named("add-8192x8192"), sizes=(17, 33))
    task = Task(case=case.name, ways=tuple(FAKES), folder=tmp_path, device="cpu")
    written: list[dict[str, Any]] = []
    record = measure(
        case,
        task,
        lambda record: written.append(attrs.asdict(record)),
        ways=FAKES,
        timer=fake_timer,
    )
    assert record.ending == "measured"
    assert record.bytes == 3 * 2 * 17 * 33
    assert record.ms("ours_default") == 0.5
    assert record.of_limit("eager") == 1.0
    assert record.ways["ours_default"].config == {"num_warps": 4}
    assert record.ways["ours_default"].rounds == [0.5, 0.5, 0.5]
    statuses = {name: way.status for name, way in record.ways.items()}
    assert statuses == {
        "limit": "measured",
        "ours_default": "measured",
        "ours_tuned": "wrong",
        "peer": "refused",
        "compiled": "failed",
        "eager": "measured",
    }
    assert record.ways["peer"].reason == "not in the language"
    assert record.ways["compiled"].reason == "RuntimeError: CUDA error"
    before_compiled = next(one for one in written if "compiled" in one["ways"])
    assert before_compiled["ending"] == "failed"  # what is left if the process dies here
    assert before_compiled["ways"]["ours_default"]["first_ms"] == 0.5


def test_an_eager_version_that_fails_costs_the_limit_and_nothing_else(tmp_path: Path) -> None:
    def absent(*_: Any) -> Any:
        raise NotImplementedError("not on this device")

    case = attrs.evolve(named("add-8192x8192"), sizes=(17, 33), eager=absent, expected=torch.add)
    task = Task(case=case.name, ways=("eager", "ours_default"), folder=tmp_path, device="cpu")
    record = measure(case, task, lambda _: None, ways=FAKES, timer=fake_timer)
    assert record.ending == "measured"
    assert record.ms("ours_default") == 0.5
    assert record.ways["limit"].reason == "NotImplementedError: not on this device"
    assert record.of_limit("ours_default") is None


def test_a_failure_in_the_turns_keeps_the_first_times(tmp_path: Path) -> None:
    calls: list[int] = []

    def breaks_later(run: Any) -> float:
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("illegal memory access")
        return fake_timer(run)

    case = attrs.evolve(named("add-8192x8192"), sizes=(17, 33))
    task = Task(case=case.name, ways=("ours_default",), folder=tmp_path, device="cpu")
    record = measure(case, task, lambda _: None, ways=FAKES, timer=breaks_later)
    assert record.ms("ours_default") == 0.5
    assert "illegal memory access" in record.ways["ours_default"].notes[0]


# Processes.


@pytest.fixture
def worker(tmp_path: Path) -> Any:
    """``worker(text)`` is the command of a program that has ``told`` and ``written``, as a case's process has."""

    def write(text: str) -> list[str]:
        program = tmp_path / "worker.py"
        start = """
            import json, os, subprocess, sys, time
            from pathlib import Path
            told, written = Path(sys.argv[1]), Path(sys.argv[2])
            record = json.loads(Path(__file__).with_name("record.json").read_text())
            record["name"] = json.loads(told.read_text())["case"]
        """
        record = CaseRecord("", machine={"device": "none"})
        record.ways["ours_default"] = WayRecord("measured", first_ms=2.0)
        write_json(tmp_path / "record.json", record)
        program.write_text(textwrap.dedent(start) + textwrap.dedent(text))
        return [sys.executable, str(program)]

    return write


FINISHES = """
    record["ending"] = "measured"
    written.write_text(json.dumps(record))
"""


def task(folder: Path, name: str = "add-8192x8192") -> Task:
    return Task(case=name, ways=("ours_default",), folder=folder)


def test_a_case_that_ends_well(tmp_path: Path, worker: Any) -> None:
    record = run(task(tmp_path), 60, tmp_path, worker(FINISHES))
    assert (record.ending, record.ms("ours_default")) == ("measured", 2.0)


def test_a_crash_keeps_what_was_measured(tmp_path: Path, worker: Any) -> None:
    crash = """
        written.write_text(json.dumps(record))
        print("about to fall", flush=True)
        os.kill(os.getpid(), 11)
    """
    record = run(task(tmp_path), 60, tmp_path, worker(crash))
    assert (record.ending, record.ms("ours_default")) == ("failed", 2.0)
    assert record.reason == "status -11: about to fall"


def test_a_hang_ends_with_everything_it_started(tmp_path: Path, worker: Any) -> None:
    hang = f"""
        written.write_text(json.dumps(record))
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path({str(tmp_path / "child")!r}).write_text(str(child.pid))
        time.sleep(600)
    """
    record = run(task(tmp_path), 5, tmp_path, worker(hang))
    assert (record.ending, record.ms("ours_default")) == ("timed out", 2.0)
    status = Path(f"/proc/{(tmp_path / 'child').read_text()}/stat")
    assert any(_ended(status) for _ in range(100)), "a killed process is gone within seconds"


def _ended(status: Path) -> bool:
    """Whether a process is gone or waits for its parent; if not, a little later."""
    try:
        if ") Z " in status.read_text():
            return True
    except (FileNotFoundError, ProcessLookupError):
        return True
    time.sleep(0.1)
    return False


def test_nothing_written_is_a_failure_with_its_traceback(tmp_path: Path, worker: Any) -> None:
    record = run(task(tmp_path), 60, tmp_path, worker("raise SystemExit('no memory left')"))
    assert record.ending == "failed"
    assert "no memory left" in record.reason


def test_the_budget_ends_a_run(tmp_path: Path, worker: Any) -> None:
    names = ["add-8192x8192", "exp-8192x8192", "geglu-8192x8192"]
    clock = iter([0.0, 1.0, 90.0, 95.0])
    results = Results()
    run_all(
        [task(tmp_path, name) for name in names],
        Pace(60, 100, lambda: next(clock)),
        results,
        tmp_path,
        progress=lambda _: None,
        worker=worker(FINISHES),
    )
    assert [case.ending for case in results.cases] == ["measured", "not run", "not run"]
    written = read_results(tmp_path / "results.json")
    assert written == results
    assert written.machine == {"device": "none"}
    assert "budget of 100 s" in summary(results.cases)


def test_the_worker_finds_its_case(tmp_path: Path) -> None:
    """The real program, on a machine where nothing can be measured: its traceback is what is left."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU, on which it would measure")
    record = run(task(tmp_path), 120, tmp_path)
    assert record.ending == "failed"
    assert record.machine is not None
    assert "cuda" in record.reason.lower()


# The peer's process, with a program that answers like it.

FAKE_PEER = """
import json, os, sys
import helion
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "die":
        sys.exit(3)
    if request["do"] == "sleep":
        import time; time.sleep(60)
    print(json.dumps({"who": helion.who, **request.get("answer", {})}), flush=True)
"""


@pytest.fixture
def fake_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "wheel" / "helion").mkdir(parents=True)
    (tmp_path / "wheel" / "helion" / "__init__.py").write_text("who = 'the peer'\n")
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "fake_peer.py").write_text(FAKE_PEER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "program"))
    process = PeerProcess(str(tmp_path / "wheel"), "fake_peer")
    yield process
    process.close()


def test_the_peer_is_found_first_and_answers(fake_peer: PeerProcess) -> None:
    answer = fake_peer.ask({"do": "measure", "answer": {"ms": 2.5}}, patience=60)
    assert answer == {"who": "the peer", "ms": 2.5}


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"answer": {"refused": "no ternaries"}}, RefusedError, "no ternaries"),
        ({"answer": {"wrong": "3 elements"}}, WrongResultError, "3 elements"),
        ({"do": "die"}, PeerFailedError, "the process ended: 3"),
        ({"do": "sleep"}, PeerFailedError, "no answer in 1 s"),
    ],
)
def test_how_the_peer_fails(
    fake_peer: PeerProcess, request_: Any, error: type[Exception], message: str
) -> None:
    patience = 1 if "no answer" in message else 60
    with pytest.raises(error, match=message):
        fake_peer.ask({"do": "prepare", **request_}, patience=patience)


STAND_IN = {
    "__init__.py": """
        import helion.autotuner.metrics
        def kernel(function=None, **settings):
            return Kernel(function) if function else Kernel
        class Kernel:
            def __init__(self, fn):
                self.fn = fn
            def __call__(self, x, y):
                return x + y
            def autotune(self, args, force):
                helion.autotuner.metrics.tell(30)
                helion.autotuner.metrics.tell(12)
                return {"num_warps": 8}
    """,
    "language.py": "",
    "autotuner/__init__.py": "",
    "autotuner/metrics.py": """
        from types import SimpleNamespace
        hooks = []
        register_post_autotune_hook = hooks.append
        def tell(count):
            for hook in hooks:
                hook(SimpleNamespace(num_configs_tested=count))
    """,
}
"""A package that stands in for the peer's, with a search that tells twice how many configs it has tried."""


@pytest.mark.parametrize(("hook", "tried"), [("register_post_autotune_hook", 42), ("hook", None)])
def test_the_peer_program_says_what_its_search_took(
    tmp_path: Path, hook: str, tried: int | None
) -> None:
    for name, text in STAND_IN.items():
        path = tmp_path / "helion" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).replace("register_post_autotune_hook", hook))
    process = PeerProcess(str(tmp_path))
    asked = {"case": "add-8192x8192", "device": "cpu", "sizes": [17, 33]}
    try:
        answer = process.ask(
            {"do": "prepare", **asked, "seconds": 1.0, "config": None}, patience=120
        )
    finally:
        process.close()
    assert answer["search_seconds"] >= 0.0
    assert (answer["config"], answer["configs_tried"]) == ({"num_warps": 8}, tried)


# Options.


def test_usual_options(tmp_path: Path) -> None:
    options = parse(["--output", str(tmp_path)])
    assert options.cases == CASES
    assert options.ways == ("ours_default", "eager", "compiled", "ours_tuned")
    assert options.seconds_of_a_case() < 600
    assert {one.seconds for one in options.tasks()} == {20.0}


def test_the_peer_adds_its_ways(tmp_path: Path) -> None:
    (tmp_path / "helion").mkdir()
    options = parse(["--peer", str(tmp_path), "--only", "add-*", "--output", str(tmp_path)])
    assert options.ways[-2:] == ("peer", "peer_our_config")
    assert options.tasks()[0].peer == str(tmp_path)


def test_spread_runs_two_ways(tmp_path: Path) -> None:
    options = parse(["--spread", "--output", str(tmp_path)])
    assert options.ways == ("ours_default", "ours_tuned")


def test_stored_configs_are_taken(tmp_path: Path) -> None:
    way = WayRecord("measured", first_ms=1.0, config={"num_warps": 8})
    earlier = Results(cases=[CaseRecord("add-8192x8192", ways={"ours_tuned": way})])
    write_json(tmp_path / "results.json", earlier)
    options = parse(
        ["--configs", str(tmp_path / "results.json"), "--only", "add", "exp", "--output", "x"]
    )
    assert [one.config for one in options.tasks()] == [{"num_warps": 8}, None]


def test_cases_of_earlier_runs_are_skipped(tmp_path: Path) -> None:
    earlier = [CaseRecord("add-8192x8192", "measured"), CaseRecord("exp-8192x8192", "timed out")]
    write_json(tmp_path / "results.json", Results(cases=earlier))
    only = ["--only", "add", "exp", "--output", "x"]
    options = parse(["--skip", str(tmp_path / "results.json"), *only])
    assert [case.name for case in options.cases] == ["exp-8192x8192"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "convolution"], "no case matches"),
        (["--ways", "ours_default,fastest"], "unknown ways: fastest"),
        (["--peer", "/nowhere"], "has no folder helion"),
        (["--budget", "0"], "invalid _positive value"),
        (["--configs", "/nowhere.json"], "No such file"),
    ],
)
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([*arguments, "--output", "x"])
    assert message in capsys.readouterr().err


def test_a_task_survives_being_written(tmp_path: Path) -> None:
    one = attrs.evolve(task(tmp_path), config={"block_sizes": [1, 2]}, peer="/x")
    one.write(tmp_path / "task.json")
    assert Task.read(tmp_path / "task.json") == one


# Tables, from made-up results.


def made_up() -> list[CaseRecord]:
    def way(ms: float, **fields: Any) -> WayRecord:
        return WayRecord("measured", first_ms=9.0, rounds=[ms, ms * 2, ms / 2], **fields)

    product = CaseRecord("matmul-1x1x1", "measured", limit="cuBLAS", flops=2e9, bytes=6)
    product.ways = {
        "limit": way(0.1),
        "ours_default": way(0.2, config={"num_warps": 4, "num_stages": 2}),
        "ours_tuned": way(0.125, config={"num_warps": 8, "num_stages": 2, "pid_type": "flat"}),
        "peer": WayRecord("refused", "a ternary | is\nnot supported"),
    }
    row = CaseRecord("softmax-1x1", "timed out", "it took more than 9 s", limit="copy", bytes=10**9)
    row.ways = {"limit": way(0.4), "ours_default": way(0.5)}
    return [product, row, CaseRecord("sum-1x1", "not run", "the budget was spent")]


def test_summary() -> None:
    lines = summary(made_up()).splitlines()
    assert lines[0].split() == [
        "µs", "default", "tuned", "peer", "limit", "default/limit", "tuned/limit", "of",
    ]  # fmt: skip
    assert lines[1].split() == [
        "matmul-1x1x1", "200.0", "125.0", "refused", "100.0", "0.50", "0.80", "cuBLAS",
    ]  # fmt: skip
    assert lines[2].split() == ["softmax-1x1", "500.0", "-", "-", "400.0", "0.80", "-", "copy"]
    assert lines[3:] == [
        "softmax-1x1: timed out: it took more than 9 s",
        "sum-1x1: not run: the budget was spent",
    ]
    assert line(made_up()[1]).startswith("softmax-1x1 (timed out): default 500.0, limit 400.0")


def test_spread() -> None:
    text = spreads.spread(made_up())
    assert "0 of 1 defaults reach 0.8 of the tuned speed" in text
    assert "matmul-1x1x1 (0.62):" in text
    assert "num_warps: 4 -> 8" in text
    assert 'pid_type: left out -> "flat"' in text
    assert "num_stages" not in text


def test_later_runs_replace_cases_that_they_measured(tmp_path: Path) -> None:
    old, new = made_up(), made_up()
    new[0].ways["ours_default"].rounds = [7.0]
    new[1] = CaseRecord("softmax-1x1", "not run")
    both = merged([Results({"device": "a"}, {}, old), Results({"device": "b"}, {}, new)])
    assert both.machine == {"device": "b"}
    assert both.cases[0].ms("ours_default") == 7.0
    assert both.cases[1].ms("ours_default") == 0.5
    write_json(tmp_path / "results.json", both)
    assert json.loads((tmp_path / "results.json").read_text())["cases"][0]["name"] == "matmul-1x1x1"


def test_the_page_of_joined_runs_names_what_each_measured() -> None:
    runs = [
        Results({"device": "a", "commit": commit}, {}, made_up())
        for commit in ("1" * 40, "2" * 40, "1" * 40)
    ]
    joined = merged([merged(runs[:2]), runs[2]])
    assert joined.machine["commits"] == ["1" * 40, "2" * 40]
    assert f"Helion at {'1' * 12}, {'2' * 12}." in document(joined)


def run_of(limit: float, ways: dict[str, float], scale: float = 1.0) -> Results:
    """A run of one case at made-up milliseconds."""
    case = CaseRecord("sum-1x1", "measured", limit="copy", limit_scale=scale, bytes=10**9)
    case.ways = {way: WayRecord("measured", first_ms=ms) for way, ms in ways.items()}
    case.ways["limit"] = WayRecord("measured", first_ms=limit)
    return Results({"device": "a"}, {}, [case])


def test_ways_of_several_runs_keep_the_limit_of_theirs(tmp_path: Path) -> None:
    first = run_of(1.0, {"ours_default": 2.0, "compiled": 4.0, "peer": 8.0})
    second = run_of(0.5, {"peer": 2.0, "ours_tuned": 1.0}, scale=3.0)
    (case,) = merged([first, second]).cases
    assert {way: case.of_limit(way) for way in case.ways} == {
        "ours_default": 0.5,
        "compiled": 0.25,
        "peer": 0.75,
        "ours_tuned": 1.5,
        "limit": 1.0,
    }
    assert case.ms("limit") == 1.5
    assert spreads.reached(case) == pytest.approx(0.5 / 1.5)
    third = run_of(2.0, {"ours_default": 8.0})
    third.cases[0].ways["limit"] = WayRecord("failed", "out of memory")
    both = merged([merged([first, second]), third])
    write_json(tmp_path / "results.json", both)
    (case,) = read_results(tmp_path / "results.json").cases
    assert case.of_limit("ours_default") is None, "its run has no limit"
    assert (case.ms("ours_default"), case.ms("limit")) == (8.0, 1.5)
    assert (case.of_limit("compiled"), case.of_limit("peer")) == (0.25, 0.75)


def test_what_a_later_run_fails_at_is_not_hidden() -> None:
    later = run_of(1.0, {})
    later.cases[0].ways["peer"] = WayRecord("wrong", "3 elements")
    (case,) = merged([run_of(1.0, {"peer": 2.0}), later]).cases
    assert case.ways["peer"].reason == "3 elements"
    assert case.of_limit("peer") is None


def test_results_from_before_searches_were_timed_are_read(tmp_path: Path) -> None:
    write_json(tmp_path / "results.json", run_of(1.0, {"peer": 2.0}))
    content = json.loads((tmp_path / "results.json").read_text())
    case = content["cases"][0]
    for record in (case, *case["ways"].values()):
        for name in ("limits", "search_seconds", "configs_tried"):
            record.pop(name, None)
    (tmp_path / "results.json").write_text(json.dumps(content))
    assert read_results(tmp_path / "results.json").cases[0].of_limit("peer") == 0.5


def test_the_page_says_what_searches_took(tmp_path: Path) -> None:
    results = run_of(1.0, {"ours_default": 2.0, "ours_tuned": 1.5, "peer": 3.0})
    ways = results.cases[0].ways
    ways["ours_tuned"].search_seconds, ways["ours_tuned"].configs_tried = 19.96, 120
    ways["peer"].search_seconds = 88.0
    write_json(tmp_path / "results.json", results)
    folder = tmp_path / "not" / "there"
    assert main_of_report([str(tmp_path / "results.json"), "--folder", str(folder)]) == 0
    page = (folder / "suite.md").read_text()
    assert "| case | tuned: seconds, configs | peer: seconds, configs |" in page
    assert "| sum-1x1 | 20.0, 120 | 88.0, ? |" in page
    for way in ways.values():
        way.search_seconds = None
    write_json(tmp_path / "results.json", results)
    assert main_of_report([str(tmp_path / "results.json"), "--folder", str(folder)]) == 0
    assert "searches took" not in (folder / "suite.md").read_text()


def test_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine = {"device": "NVIDIA H200", "date": "2026-11-24T18:00:00+00:00", "torch": "2.11.0"}
    results = Results(machine, {"seconds_per_kernel": 20.0, "max_autotune": False}, made_up())
    write_json(tmp_path / "results.json", results)
    assert main_of_report([str(tmp_path / "results.json"), "--folder", str(tmp_path)]) == 0
    page = (tmp_path / "suite.md").read_text()
    assert page.startswith("# NVIDIA H200, 2026-11-24\n")
    assert "| case | limit | µs | default | tuned | peer | rate |" in page
    assert "*tuned* searched for 20.0 s" in page
    assert "*compiled*" not in page
    assert "| matmul-1x1x1 | cuBLAS | 100.0 | 0.50 | 0.80 | refused | 16 TFLOP/s |" in page
    assert "| softmax-1x1 | copy | 400.0 | 0.80 | - | - | 2000 GB/s |" in page
    assert "* matmul-1x1x1, peer: refused: a ternary | is not supported" in page
    assert "* sum-1x1: not run: the budget was spent" in page
    assert ("![shares of the limit](suite.svg)" in page) == (tmp_path / "suite.svg").exists()
    assert "wrote" in capsys.readouterr().out


# The real ways, with tensors on the CPU and a clock that says nothing.


def test_our_default_and_a_stored_config_are_run(tmp_path: Path) -> None:
    config = {"block_sizes": [8, 32], "num_warps": 1}
    one = Task(
        case="add-8192x8192",
        ways=("ours_default", "eager", "ours_tuned", "peer", "peer_our_config"),
        folder=tmp_path,
        device="cpu",
        config=config,
        sizes=(17, 33),
    )
    record = measure(named(one.case), one, lambda _: None, timer=fake_timer)
    statuses = {name: way.status for name, way in record.ways.items()}
    assert statuses.pop("peer") == statuses.pop("peer_our_config") == "refused"
    assert set(statuses.values()) == {"measured"}
    assert record.ways["ours_tuned"].config == config
    assert set(record.ways["ours_default"].config or {}) >= {"block_sizes", "num_warps"}


def test_what_our_search_took_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search in the place of the tuner's, which wants a GPU; the directory has a trial of an earlier one."""
    records = tmp_path / "tuning" / "add-8192x8192" / "add.jsonl"
    records.parent.mkdir(parents=True)

    def record(*statuses: str) -> None:
        lines = [
            {"kind": "trial", "status": status, "error": "", "point": {}} for status in statuses
        ]
        with records.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in [{"kind": "session"}, *lines])

    def search(_: helion.Kernel, args: tuple[Any, ...], *, seconds: float) -> helion.Config:
        assert (len(args), seconds) == (2, 7.0)
        record("ok", "wrong_result", "ok")
        return helion.Config(block_sizes=[8, 32], num_warps=1)

    record("ok")
    monkeypatch.setattr(helion.Kernel, "autotune", search)
    one = Task(
        case="add-8192x8192",
        ways=("ours_tuned",),
        folder=tmp_path,
        device="cpu",
        seconds=7.0,
        sizes=(17, 33),
    )
    way = measure(named(one.case), one, lambda _: None, timer=fake_timer).ways["ours_tuned"]
    assert (way.status, way.configs_tried) == ("measured", 3)
    assert way.trials == {"ok": 2, "wrong_result": 1}
    assert way.search_seconds is not None
    assert way.seconds is not None
    assert way.search_seconds <= way.seconds


def test_the_peer_program_loads_no_helion_before_it_is_asked() -> None:
    program = "import sys, benchmarks.suite.peer; sys.exit('helion' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_the_peer_program_runs_a_given_config() -> None:
    """With our own language in place of the peer's, which is the same."""
    asked = {
        "do": "prepare",
        "case": "add-8192x8192",
        "device": "cpu",
        "sizes": [17, 33],
        "seconds": 1.0,
        "config": {"block_sizes": [16, 16]},
    }
    one = Peer()
    answer = one.answer(asked)
    assert answer["config"] == {"block_sizes": [16, 16]}
    assert answer["error"] < 0.01
    refused = Peer().answer({**asked, "config": {"block_sizes": [16]}})
    assert refused["refused"].startswith("InvalidConfig: ")
