"""Counters without a GPU: a page as Nsight Compute prints it, a program in its place, and machine code for sm_90."""

from __future__ import annotations

import json
import sys
import textwrap
from argparse import Namespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from benchmarks.counters import machine_code, metrics
from benchmarks.counters.__main__ import main, profile_case, tasks
from benchmarks.counters.binding import binding, occupancy_limiter, remarks, top_stalls
from benchmarks.counters.nsight import Nsight, NsightError, find_ncu, unknown_metrics, why
from benchmarks.counters.page import case_page
from benchmarks.counters.profile import Profile, the_kernel
from benchmarks.counters.raw_page import Launch, RawPageError, read_raw_page
from benchmarks.counters.subject import Facts, prepare
from benchmarks.suite.comparing import compare
from benchmarks.suite.records import CaseRecord, Results, WayRecord, write_json
from benchmarks.suite.task import Task
from helion_compiler.building.targets import parse_target

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = """\
==PROF== Connected to process 4242 (/usr/bin/python3.12)
==PROF== Profiling "vectorized_elementwise_kernel" - 0: 0%....50%....100% - 12 passes
"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC",\
"gpu__time_duration.sum","dram__bytes_read.sum","dram__bytes_write.sum","launch__func_cache_config","sm__missing.sum"
"","","","","","","","","","","","us","Mbyte","byte","",""
"0","4242","python3.12","127.0.0.1","void at::native::fill<4>(int, at::Array)","1","7","(128, 1, 1)","(64, 1, 1)","0",\
"9.0","1.500000","0.25","0","CachePreferNone","n/a"
"1","4242","python3.12","127.0.0.1","_helion_layer_norm","1","7","(512, 1, 1)","(2,048, 1, 1)","0","9.0",\
"1,132.096000","268.435456","268,435,456","CachePreferNone","n/a"
"""


def test_a_raw_page() -> None:
    fill, kernel = read_raw_page(SAMPLE)
    assert fill.symbol == "void at::native::fill<4>"
    assert kernel.symbol == "_helion_layer_norm"
    assert kernel.values == {
        "gpu__time_duration.sum": pytest.approx(1_132_096.0),
        "dram__bytes_read.sum": pytest.approx(268_435_456.0),
        "dram__bytes_write.sum": 268_435_456.0,
    }
    assert kernel.units["gpu__time_duration.sum"] == "ns"
    assert kernel.units["dram__bytes_read.sum"] == "byte"
    assert kernel.texts["launch__func_cache_config"] == "CachePreferNone"
    assert kernel.texts["sm__missing.sum"] == "n/a"


DETAILS = (
    '"ID","Kernel Name","Metric Name","Metric Unit","Metric Value"\n"0","k","x__y.sum","","1"\n'
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("==PROF== Disconnected\nhello\n", "no line of names"),
        (DETAILS, "the page of details"),
        ('"ID","Kernel Name","x__y.sum"\n"0","k","1"\n', "no line of units"),
        ('"ID","Kernel Name","x__y.sum"\n', "no line of units"),
        ('"ID","Kernel Name","x__y.sum"\n"","",""\n"0","k"\n', "launch 0 has 2 cells for 3 names"),
    ],
)
def test_pages_of_another_layout_are_refused(text: str, message: str) -> None:
    with pytest.raises(RawPageError, match=message):
        read_raw_page(text)


def test_the_kernel_is_found_by_its_name() -> None:
    launches = read_raw_page(SAMPLE)
    assert the_kernel(launches, "_helion_layer_norm") is launches[1]
    assert the_kernel(launches, None) is launches[1], "the longest"
    with pytest.raises(NsightError, match="kernel softmax was not launched, but void at::native"):
        the_kernel(launches, "softmax")
    with pytest.raises(NsightError, match=r"has no gpu__time_duration\.sum"):
        the_kernel([Launch("k", {}, {}, {})], "k")


ASKED = (
    "dram__bytes_read.sum",
    "dram__bytes_write.sum",
    "sm__a.avg.x",
    "sm__a.avg.y",
    "sm__ab.sum",
)


@pytest.mark.parametrize(
    ("printed", "unknown"),
    [
        ("==ERROR== Failed to find metric dram__bytes_read.sum", ["dram__bytes_read.sum"]),
        (
            r"==ERROR== Failed to find metric regex:^sm__a\.(sum|avg)$",
            ["sm__a.avg.x", "sm__a.avg.y"],
        ),
        ("==ERROR== Failed to find metric sm__a.avg.y\n==PROF== x", ["sm__a.avg.y"]),
        ("==ERROR== Failed to find metric lts__other.sum", []),
        ("==PROF== Connected to process 1", []),
    ],
)
def test_metrics_that_nsight_compute_does_not_know(printed: str, unknown: list[str]) -> None:
    assert unknown_metrics(printed, ASKED) == unknown


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("==ERROR== ERR_NVGPUCTRPERM - The user does not have permission", "run as root"),
        ("==ERROR== Failed to initialize the profiler: LibraryNotLoaded", "another machine"),
        ("==WARNING== No kernels were profiled.", "nothing was launched"),
        ("Traceback\nValueError: no such size\n==PROF== end", "ValueError: no such size"),
    ],
)
def test_failures_are_explained(printed: str, said: str, tmp_path: Path) -> None:
    text = why(1, printed, tmp_path / "x.log")
    assert said in text
    assert f"ncu ended with 1; all of it is in {tmp_path / 'x.log'}" in text


def test_a_missing_command_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(NsightError, match="install Nsight Compute"):
        find_ncu(str(tmp_path / "ncu"))
    with pytest.raises(SystemExit):
        main(["--only", "add", "--ncu", str(tmp_path / "ncu"), "--output", str(tmp_path)])
    assert "install Nsight Compute" in capsys.readouterr().err


# A program in the place of ncu: it knows no L1 hit rates, runs what it is told to, and prints made-up numbers.

FAKE_NCU = """\
    #!{python}
    import json, subprocess, sys
    from pathlib import Path
    arguments = sys.argv[1:]
    if "--import" in arguments:
        asked = json.loads(Path(arguments[arguments.index("--import") + 1]).read_text())
        line = lambda cells: print(",".join(f'"{{cell}}"' for cell in cells))
        line(["ID", "Kernel Name", *asked])
        line(["", "", *["%"] * len(asked)])
        line(["0", "memset", *["1"] * len(asked)])
        line(["1", "the_kernel", *["1,000.5"] * len(asked)])
        sys.exit()
    asked = arguments[arguments.index("--metrics") + 1].split(",")
    if {unknown!r} in asked:
        print("==ERROR== Failed to find metric", {unknown!r})
        sys.exit(1)
    report = arguments.index("--export") + 1
    status = subprocess.run(arguments[report + 1 :]).returncode
    if status == 0:
        Path(arguments[report]).write_text(json.dumps(asked))
    sys.exit(status)
"""
PROGRAM = """\
    import json, sys
    from pathlib import Path
    told = json.loads(Path(sys.argv[1]).read_text())
    if told["ways"] == ["tuned"]:
        sys.exit("RuntimeError: no memory left")
    facts = {"case": told["case"], "way": told["ways"][0], "bytes": 100, "flops": None, "limit": "copy"}
    Path(sys.argv[2]).write_text(json.dumps(facts | {"symbol": "the_kernel"}))
"""


@pytest.fixture
def nsight(tmp_path: Path) -> Nsight:
    path = tmp_path / "ncu"
    path.write_text(
        textwrap.dedent(FAKE_NCU).format(python=sys.executable, unknown=metrics.L1_HITS)
    )
    path.chmod(0o755)
    return Nsight(find_ncu(str(path)), metrics.METRICS, 60)


def test_a_case_is_profiled(nsight: Nsight, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    folder = tmp_path / "out"
    tasks = [Task(case="add-1x1", ways=(way,), folder=folder) for way in ("default", "tuned")]
    (one,), (problem,) = profile_case(nsight, tasks, [sys.executable, str(program)])
    assert one.value(metrics.DURATION) == 1000.5
    assert one.others == (("memset", 1.0),)
    assert one.unavailable == (metrics.L1_HITS,)
    assert nsight.unknown == [metrics.L1_HITS], "not asked for again"
    assert problem.startswith("add-1x1, tuned: NsightError: ncu ended with 1")
    assert "no memory left" in problem
    names = {path.name for path in folder.iterdir()}
    assert names > {f"add-1x1.default.{end}" for end in ("csv", "json", "log", "ncu-rep")}
    written = json.loads((folder / "add-1x1.default.json").read_text())
    assert written["launch"]["values"][metrics.TENSOR] == 1000.5
    assert f"not counted here: {metrics.L1_HITS}" in case_page([one])


# Rules, from numbers.

QUIET = {
    **dict.fromkeys((metrics.DRAM, metrics.TENSOR, metrics.L2, metrics.L1, metrics.ISSUE), 10.0),
    **dict.fromkeys(metrics.PIPES.values(), 10.0),
    metrics.DURATION: 1e5, metrics.READ: 2e8, metrics.WRITTEN: 2e8, metrics.BUSY: 99.0,
    metrics.WAVES: 4.0, metrics.SPILL_LOADED: 0.0, metrics.SPILL_STORED: 0.0,
    metrics.BANK_CONFLICTS: 0.0, metrics.SHARED_WAVEFRONTS: 100.0,
    metrics.stalled("selected"): 1.0, metrics.stalled("barrier"): 5.0,
    metrics.stalled("long_scoreboard"): 3.0, metrics.stalled("wait"): 1.0,
    metrics.stalled("membar"): 0.0,
}  # fmt: skip


def made_up(**changed: float) -> Profile:
    values = {**QUIET, **{getattr(metrics, name): value for name, value in changed.items()}}
    facts = Facts(case="c", way="default", bytes=4 * 10**8, flops=None, limit="copy", symbol="k")
    return Profile(facts, Launch("k", values, {}, {}))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"DRAM": 87.0, "ISSUE": 90.0}, "bound by memory: 87 % of its peak"),
        ({"TENSOR": 78.0, "ISSUE": 90.0}, "bound by tensor cores: 78 % of its peak"),
        ({"ISSUE": 71.0}, "bound by instructions: 71 % of its peak"),
        ({"L2": 90.0}, "bound by the L2 cache: 90 % of its peak"),
        (
            {},
            "bound by latency: barrier 50% (waits at a barrier of the program); long_scoreboard 30%",
        ),
    ],
)
def test_what_binds(changed: dict[str, float], said: str) -> None:
    assert binding(made_up(**changed)).startswith(said)


def test_what_binds_without_some_counters() -> None:
    profile = made_up(ISSUE=90.0)
    del profile.launch.values[metrics.DRAM]
    assert binding(profile) == (
        f"bound by instructions: 90 % of its peak (as far as known without {metrics.DRAM})"
    )
    nothing = attrs.evolve(profile, launch=Launch("k", {metrics.DURATION: 1.0}, {}, {}))
    assert "no stalls were counted" in binding(nothing)
    assert remarks(nothing) == top_stalls(nothing) == []


def test_the_top_stalls_are_three_at_most_and_no_issues() -> None:
    assert top_stalls(made_up()) == [("barrier", 0.5), ("long_scoreboard", 0.3), ("wait", 0.1)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"READ": 4e8}, "it moves 1.50 times the bytes that it has to"),
        ({"SPILL_STORED": 32.0}, "registers spill: 32 bytes"),
        ({"BANK_CONFLICTS": 25.0}, "25% of shared memory's cycles are bank conflicts"),
        ({"WAVES": 0.5}, "0.50 waves: there is room for more programs"),
        ({"WAVES": 1.1}, "1.10 waves: the last one is 10% full"),
        ({"BUSY": 60.0}, "multiprocessors are idle 40 % of the time"),
    ],
)
def test_remarks(changed: dict[str, float], said: str) -> None:
    (remark,) = remarks(made_up(**changed))
    assert remark.startswith(said)
    assert remarks(made_up()) == []


def test_the_limiter_of_occupancy() -> None:
    profile = made_up()
    assert occupancy_limiter(profile) is None
    limits = zip(metrics.OCCUPANCY_LIMITS.values(), (2.0, 1.0, 8.0, 32.0), strict=True)
    profile.launch.values.update(limits)
    assert occupancy_limiter(profile) == "1 by shared memory"


def test_a_page() -> None:
    limit = made_up(DURATION=9.5e4)
    limit = attrs.evolve(limit, facts=attrs.evolve(limit.facts, way="limit", symbol=None))
    page = case_page([attrs.evolve(made_up(), instructions={"all": 7, "LDG.128": 2}), limit])
    assert page.startswith("## c\n\n**default** is bound by latency")
    assert "|  | default | limit (copy) |" in page
    assert "barrier of the program); long_scoreboard 30%" in page
    assert "| time | 100.0 µs | 95.0 µs |" in page
    assert "| speed | 4000 GB/s | 4211 GB/s |" in page
    assert (
        "| moved, of what has to be | 400.0 of 400.0 MB (1.00) | 400.0 of 400.0 MB (1.00) |" in page
    )
    assert "| registers | - | - |" in page
    assert "* default, machine code: 7 instructions, no HGMMA, no HMMA, LDG.128 2, no STG" in page


# Machine code.

SASS = """\
        Function : k
    .headerflags    @"EF_CUDA_SM90"
        /*0000*/                   LDC R1, c[0x0][0x28] ;             /* 0x00000a00ff017b82 */
                                                                      /* 0x000fe20000000800 */
        /*0010*/              @!P0 LDG.E.128.CONSTANT R4, desc[UR4][R2.64] ;  /* 0x00 */
        /*0020*/               @P1 LDG.E.U16 R6, desc[UR4][R2.64] ;   /* 0x00 */
        /*0030*/                   STG.E desc[UR4][R2.64], R6 ;       /* 0x00 */
        /*0040*/              @UP0 UTMALDG.2D [UR8], [UR4] ;          /* 0x00 */
        /*0050*/                   NOP ;                              /* 0x00 */
"""


def test_instructions_are_counted_by_class() -> None:
    counts = {"LDC": 1, "LDG.128": 1, "LDG.16": 1, "STG.32": 1, "UTMALDG": 1, "all": 5}
    assert machine_code.count(SASS) == counts
    assert "5 instructions, no HGMMA, no HMMA, LDG.128 1, LDG.16 1" in machine_code.shown(counts)
    with pytest.raises(machine_code.MachineCodeError, match="no instructions"):
        machine_code.count("Function : k\n")


def test_what_is_not_a_binary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "k.cubin").write_bytes(b"nothing")
    with pytest.raises(machine_code.MachineCodeError, match=r"k\.cubin"):
        machine_code.disassemble(tmp_path / "k.cubin")


def small(case: str, folder: Path, **fields: Any) -> Task:
    return Task(case=case, folder=folder, device="cpu", **fields)


def test_a_kernel_and_its_machine_code(tmp_path: Path) -> None:
    config = {"block_sizes": [64, 64, 32], "num_warps": 4, "num_stages": 2}
    task = small(
        "matmul-4096x4096x4096", tmp_path, ways=("tuned",), config=config, sizes=(128, 128, 128)
    )
    subject = prepare(task, tmp_path / "k.cubin", parse_target("sm_90"))
    facts = subject.facts
    assert (facts.bytes, facts.flops, facts.limit) == (3 * 128 * 128 * 2, 2.0 * 128**3, "cuBLAS")
    assert (facts.config or {})["block_sizes"] == [64, 64, 32]
    sass = machine_code.disassemble(tmp_path / "k.cubin")
    assert f"Function : {facts.symbol}\n" in sass
    counts = machine_code.count(sass)
    assert counts["HGMMA"] >= 2
    assert counts["all"] > 100
    assert "LDL.32" not in counts


def test_the_default_runs_and_a_limit_has_no_machine_code(tmp_path: Path) -> None:
    default = small("add-8192x8192", tmp_path, ways=("default",), sizes=(64, 128))
    subject = prepare(default, tmp_path / "k.cubin", parse_target("sm_90"))
    x, y = subject.run(), subject.run()
    assert compare(x, y).error == 0.0
    assert subject.facts.bytes == 3 * 64 * 128 * 2
    limit = prepare(attrs.evolve(default, ways=("limit",)), tmp_path / "none.cubin")
    limit.run()
    assert limit.facts.symbol is None
    assert not (tmp_path / "none.cubin").exists()


def stored(folder: Path) -> Path:
    """Results with a tuned config of one case."""
    way = WayRecord("measured", first_ms=1.0, config={"num_warps": 8})
    path = folder / "results.json"
    write_json(path, Results(cases=[CaseRecord("add-8192x8192", ways={"ours_tuned": way})]))
    return path


def test_the_ways_of_each_case(tmp_path: Path) -> None:
    def ways(only: list[str], configs: Path | None, *, limit: bool) -> list[list[tuple[str, Any]]]:
        given = Namespace(only=only, configs=configs, limit=limit, output=tmp_path)
        return [[(one.ways, one.config) for one in case] for case in tasks(given)]

    default, tuned, limit = ("default",), ("tuned",), ("limit",)
    both = [[(default, None)], [(default, None)]]
    assert ways(["add-8192x8192", "exp-8192x8192"], None, limit=False) == both
    config = {"num_warps": 8}
    (one,) = ways(["add-8192x8192"], stored(tmp_path), limit=True)
    assert one == [(default, config), (tuned, config), (limit, config)]


def test_a_stored_config_is_wanted_of_every_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], nsight: Nsight
) -> None:
    configs = str(stored(tmp_path))
    with pytest.raises(SystemExit):
        main(["--only", "add", "exp-8192", "--configs", configs, "--ncu", nsight.command])
    assert "has no tuned config of exp-8192x8192" in capsys.readouterr().err
