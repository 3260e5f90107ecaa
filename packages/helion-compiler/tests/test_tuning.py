"""Choosing configs: what is compared, stored, resumed and refused.

Times are made up here; a GPU's are asked for in integration_tests/gpu.
"""

from __future__ import annotations

import importlib
import itertools
import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import attrs
import pytest
import torch

import helion
import helion.language as hl
from helion_autotune import Measurement, Records, RecordsError
from helion_compiler.building import parse_target
from helion_compiler.building.compile_pool import CompileFailed, CompilePool
from helion_compiler.model import limits_of
from helion_compiler.tuning import oracle as oracle_module
from helion_compiler.tuning import untuned
from helion_compiler.tuning.comparing import same_random_numbers
from helion_compiler.tuning.oracle import Inexactness, Oracle, multiplies_in_tf32
from helion_compiler.tuning.worker_source import WorkerSource

if TYPE_CHECKING:
    from collections.abc import Iterator


def doubled(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 2
    return out


def doubled_inline(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        values = x[tile]
        out[tile] = hl.inline_triton("{0} * 2", args=(values,), output_like=values)
    return out


def add_one(x: torch.Tensor) -> None:
    for tile in hl.tile(x.size(0)):
        x[tile] = x[tile] + 1


def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0), y.size(1)], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([x.size(0), y.size(1)]):
        out[tile_m, tile_n] = torch.mm(x[tile_m, :], y[:, tile_n])
    return out


SETTINGS = helion.Settings()
choose_config: Any = importlib.import_module("helion_compiler.tuning.choose_config")


# The oracle.


def test_oracle_accepts_what_rounding_costs() -> None:
    x = torch.randn(1000).bfloat16()
    assert Oracle.by_reference(doubled, (x,), SETTINGS).check(x * 2, (x,)) is None


def test_oracle_knows_that_rows_differ_in_size() -> None:
    x = torch.randn(1000, 64).bfloat16()
    x[10:] /= 100
    oracle = Oracle.by_reference(doubled, (x,), SETTINGS)
    error = 0.01 * torch.randn_like(x)
    assert oracle.check(x * 2 + error * (torch.arange(1000) < 10)[:, None], (x,)) is None
    assert "elements differ" in str(oracle.check(x * 2 + error, (x,)))


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda out: out.index_fill(0, torch.tensor([3]), 7.0), "1 of 100 elements differ"),
        (lambda out: out.index_fill(0, torch.tensor([3]), float("nan")), "1 of 100 elements"),
        (lambda out: out[:50], "expected shape (100,), got (50,)"),
        (lambda out: out + 1, "100 of 100 elements differ, the worst by 1"),
    ],
)
def test_oracle_sees_what_is_wrong(spoil: Any, problem: str) -> None:
    x = torch.randn(100)
    mismatch = Oracle.by_reference(doubled, (x,), SETTINGS).check(spoil(x * 2), (x,))
    assert problem in str(mismatch)
    assert str(mismatch).startswith("the result")


def test_oracle_compares_mutated_arguments() -> None:
    x = torch.randn(10)
    oracle = Oracle.by_reference(add_one, (x,), SETTINGS)
    assert oracle.check(None, (x + 1,)) is None
    assert "argument 0" in str(oracle.check(None, (x,)))


def with_numbers(x: torch.Tensor) -> Any:
    """Draws on the host, and returns more than tensors."""
    noise = torch.rand_like(x)
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] + noise[tile]
    return {"out": out, "sums": (out.sum().item(), [out.mean(0)]), "size": out.size(0)}


def test_random_numbers_floats_and_containers_of_the_host() -> None:
    x = torch.randn(4, 5)
    oracle = Oracle.by_reference(with_numbers, (x,), SETTINGS, draws=True)
    kernel = helion.kernel()(with_numbers)
    with same_random_numbers():
        found = kernel(x)
    assert oracle.check(found, (x,)) is None
    assert "the result['out']" in str(oracle.check(kernel(x), (x,)))
    total, means = found["sums"]
    wrong = {**found, "sums": (total + 1, means)}
    assert "the result['sums'][0]" in str(oracle.check(wrong, (x,)))
    assert "expected a dict" in str(oracle.check((), (x,)))


def test_tolerances_follow_products_and_settings() -> None:
    x, y = torch.randn(64, 64), torch.randn(64, 64)
    program = helion.kernel(product).bind((x, y))._implementation.specialized.program
    assert multiplies_in_tf32(program, SETTINGS)
    assert not multiplies_in_tf32(program, attrs.evolve(SETTINGS, dot_precision="ieee"))
    half = helion.kernel(product).bind((x.half(), y.half()))._implementation.specialized.program
    assert not multiplies_in_tf32(half, SETTINGS)
    cut = [(t.view(torch.int32) & ~0x1FFF).view(torch.float32) for t in (x, y)]
    result = cut[0] @ cut[1]
    assert (
        Oracle.by_reference(product, (x, y), SETTINGS, inexact=Inexactness(tf32=True)).check(
            result, (x, y)
        )
        is None
    )
    assert Oracle.by_reference(product, (x, y), SETTINGS).check(result, (x, y)) is not None
    loose = attrs.evolve(SETTINGS, autotune_baseline_rtol=1e-2, autotune_baseline_atol=1e-1)
    assert Oracle.by_reference(product, (x, y), loose).check(result, (x, y)) is None


class OnTheCpu:
    """Stands for what launches on a GPU: interprets."""

    def __init__(self, kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.specialized = kernel._implementation.specialized
        self.ran: list[helion.Config] = []
        sm_90 = lambda _device: parse_target("sm_90")  # noqa: E731 - short
        monkeypatch.setattr(oracle_module, "target_of_device", sm_90)
        monkeypatch.setattr(untuned, "target_of_device", sm_90)
        monkeypatch.setattr(self.specialized, "dispatcher_for", self._interpreter)

    def _interpreter(self, built: Any) -> Any:
        config = helion.Config.from_json(built.image.entry.config)
        self.ran.append(config)
        return lambda *leaves: self.specialized.run_interpreted(leaves, config)


def test_where_reference_mode_takes_too_long_the_untuned_config_is_the_oracle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x = torch.randn(100)
    before = x.clone()
    there = OnTheCpu(helion.kernel(add_one).bind((x,)), monkeypatch)
    oracle = untuned.find_oracle(there.specialized, (x,), 0.0)
    assert there.ran == [there.specialized.space.default_config()]
    assert torch.equal(x, before)
    assert oracle.check(None, (x + 1,)) is None
    assert "argument 0" in str(oracle.check(None, (x,)))
    assert "takes more than 0 s" in capsys.readouterr().err
    untuned.find_oracle(there.specialized, (x,), 60.0)
    assert len(there.ran) == 1
    assert capsys.readouterr().err == ""


def test_where_parts_mean_nothing_uncompiled_the_untuned_config_is_the_oracle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x = torch.randn(100)
    there = OnTheCpu(helion.kernel(doubled_inline).bind((x,)), monkeypatch)
    oracle = untuned.find_oracle(there.specialized, (x,), 60.0)
    assert there.ran == [there.specialized.space.default_config()]
    assert oracle.check(x * 2, (x,)) is None
    assert oracle.check(x * 3, (x,)) is not None
    told = capsys.readouterr().err
    assert "`hl.inline_triton` has no meaning in reference mode" in told
    assert "against a result that you trust" in told


def test_where_reference_mode_has_too_little_memory_the_untuned_config_is_the_oracle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any, **__: Any) -> NoReturn:
        raise torch.OutOfMemoryError

    x = torch.randn(100)
    there = OnTheCpu(helion.kernel(add_one).bind((x,)), monkeypatch)
    monkeypatch.setattr(oracle_module.reference, "run", full)
    assert untuned.find_oracle(there.specialized, (x,), 60.0).check(None, (x + 1,)) is None
    assert "takes more memory than there is" in capsys.readouterr().err


def test_the_untuned_config_is_the_first_that_can_be_launched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x = torch.empty(512, 512, dtype=torch.float16)
    there = OnTheCpu(helion.kernel(product).bind((x, x)), monkeypatch)
    space = there.specialized.space
    taken = {
        config: there.specialized.build(config, parse_target("sm_90")).image.entry.shared
        for config in map(space.config, space.starts)
    }
    assert untuned.untuned_config(there.specialized, (x, x)) == space.default_config()
    assert capsys.readouterr().err == ""
    least = min(taken.values())
    assert least < taken[space.default_config()]
    limits = limits_of(90)
    assert limits is not None
    monkeypatch.setattr(untuned, "limits_of", lambda _: attrs.evolve(limits, shared_memory=least))
    assert taken[untuned.untuned_config(there.specialized, (x, x))] == least
    assert f"{taken[space.default_config()]} bytes of shared memory" in capsys.readouterr().err


# The processes that compile.


def requests() -> Iterator[tuple[Any, helion.Config]]:
    kernel = helion.kernel(doubled).bind((torch.empty(1000),))._implementation.specialized
    for size in (64, 128):
        yield kernel, helion.Config(block_sizes=[size])


def test_pool_compiles() -> None:
    with CompilePool(1, 120) as pool:
        for kernel, config in requests():
            built = kernel.build(config, parse_target("sm_90"), pool.compile)
            assert built.image.binary.startswith(b"\x7fELF")


def test_pool_reports_refusals_and_goes_on() -> None:
    request = {"name": "k", "file": "<k>", "types": ["*fp32"], "divisible": [True]}
    request |= {
        "backend": "cuda",
        "binary": "cubin",
        "architecture": 90,
        "warp_size": 32,
        "options": {"num_warps": 4},
    }
    source = "import triton\nimport triton.language as tl\n\n\n@triton.jit\ndef k(x):\n    tl.store(x, {})\n"
    with CompilePool(1, 120) as pool:
        with pytest.raises(CompileFailed, match="missing is not defined"):
            pool.compile({**request, "source": source.format("missing")})
        assert pool.compile({**request, "source": source.format("1.0")})["metadata"]["name"] == "k"


def test_pool_ends_what_takes_too_long() -> None:
    (kernel, config), _ = requests()
    with CompilePool(1, 0.0) as pool:
        for _ in range(2):  # the second is served by a new process
            with pytest.raises(TimeoutError, match="took more than 0 s"):
                kernel.build(config, parse_target("sm_80"), pool.compile)


# Sessions, with made-up times.


class FakeWorkload:
    """Compiles nothing; a block size is faster the nearer it is to 128."""

    measured = itertools.count()
    broken = False

    def __init__(self, kernel: Any, leaves: Any, oracle: Any, **options: Any) -> None:
        self.listed = options.get("listed", False)
        self.kernel = kernel

    def compile(self, point: Any) -> Any:
        if self.broken:
            raise RuntimeError("ptxas has a bad day")
        if self.listed:
            return helion.Config.from_json(point["config"])
        return self.kernel.space.config(point)

    def measure(self, config: Any, incumbent_ms: float | None) -> Measurement:
        next(FakeWorkload.measured)
        time = 1.0 + abs(config["block_sizes"][0] - 128) / 100
        return Measurement(time, (time,))


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Sessions believe in a GPU; returns settings that keep results in a folder of the test's own."""
    monkeypatch.setattr(choose_config, "device_of", lambda leaves: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    monkeypatch.setattr(choose_config, "KernelWorkload", FakeWorkload)
    pool = type("Pool", (), {"compile": None})()
    monkeypatch.setattr(choose_config, "CompilePool", lambda jobs, timeout: nullcontext(pool))
    monkeypatch.setattr(FakeWorkload, "measured", itertools.count())
    monkeypatch.setattr(FakeWorkload, "broken", False)
    settings = {"autotune_accuracy_check": False, "autotune_isolation": False}
    return {"autotune_cache": str(tmp_path), **settings}


def tuned(settings: dict[str, Any], **options: Any) -> helion.Config:
    kernel = helion.kernel(doubled, autotune_budget_seconds=20, **settings)
    return kernel.autotune((torch.randn(1000),), evaluations=100, **options)


def measurements() -> int:
    """How many there were since the last time."""
    return next(FakeWorkload.measured)


def test_search_finds_reports_and_remembers(
    pretended_gpu: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    config = tuned(pretended_gpu)
    assert config["block_sizes"] == (128,)
    assert measurements() > 10
    printed = capfd.readouterr().err
    assert "Generation 1: replaced=" in printed
    assert "best=Config(block_sizes=" in printed
    assert f"@helion.kernel(config={config!r})" in printed
    before = measurements()
    assert tuned(pretended_gpu, force=False) == config
    assert measurements() == before + 1  # nothing but the counting itself
    assert tuned(pretended_gpu, force=True)["block_sizes"] == (128,)
    assert measurements() > before + 10


def test_the_seconds_of_a_search_count_from_the_call(pretended_gpu: dict[str, Any]) -> None:
    long_ago = time.monotonic() - 1000
    tuned(pretended_gpu, began=long_ago)
    assert measurements() == 1  # a first seed, as something has to be measured


class Killed(BaseException):
    """Stands for a signal: nothing in between may catch it."""


def test_search_goes_on_where_it_stopped(
    pretended_gpu: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = FakeWorkload.measure

    def until_killed(self: Any, config: Any, incumbent_ms: float | None) -> Measurement:
        result = measure(self, config, incumbent_ms)
        if next(FakeWorkload.measured) > 2 * 8:
            raise Killed
        return result

    with monkeypatch.context() as killed:
        killed.setattr(FakeWorkload, "measure", until_killed)
        with pytest.raises(Killed):
            tuned(pretended_gpu)
    monkeypatch.setattr(FakeWorkload, "measured", itertools.count())
    kernel = helion.kernel(doubled, **pretended_gpu)
    kernel.autotune((torch.randn(1000),), evaluations=8)
    # All eight were recorded before: only the finalists, at most four, are measured again, thrice each.
    assert measurements() <= 4 * 3


def test_several_configs_are_measured_and_nothing_is_stored(
    pretended_gpu: dict[str, Any], tmp_path: Path
) -> None:
    configs = [helion.Config(block_sizes=[size]) for size in (16, 64, 512)]
    kernel = helion.kernel(doubled, configs=configs, **pretended_gpu)
    specialized = kernel.bind((torch.randn(1000),))._implementation.specialized
    chosen = choose_config.choose_config(specialized, (torch.randn(1000),), WorkerSource())
    assert chosen == configs[1]
    assert list(tmp_path.iterdir()) == []


def test_nothing_works(pretended_gpu: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeWorkload, "broken", True)
    with pytest.raises(helion.exc.NoConfigFound, match="ptxas has a bad day"):
        tuned(pretended_gpu)


def test_searching_can_be_forbidden(pretended_gpu: dict[str, Any]) -> None:
    with pytest.raises(helion.exc.AutotuningDisallowedInEnvironment, match="doubled"):
        tuned({**pretended_gpu, "disallow_autotuning": True})


def test_a_lock_file_is_written_and_is_enough_for_a_frozen_run(
    pretended_gpu: dict[str, Any], tmp_path: Path
) -> None:
    lock = {"autotune_lock": str(tmp_path / "tuned.lock.json")}
    frozen = {**pretended_gpu, **lock, "disallow_autotuning": True}
    with pytest.raises(
        helion.exc.AutotuningDisallowedInEnvironment, match="has no entry for doubled"
    ):
        tuned(frozen, force=False)
    config = tuned({**pretended_gpu, **lock})
    before = measurements()
    elsewhere = {**frozen, "autotune_cache": str(tmp_path / "empty")}
    assert tuned(elsewhere, force=False) == config
    assert measurements() == before + 1  # nothing but the counting itself
    Path(lock["autotune_lock"]).write_text("<<<<<<< HEAD")
    with pytest.raises(helion.exc.AutotuneError, match="is no lock file"):
        tuned(elsewhere, force=False)


def test_unwritable_cache(pretended_gpu: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(helion.exc.CacheNotWritable, match="HELION_AUTOTUNE_CACHE"):
        tuned({**pretended_gpu, "autotune_cache": str(tmp_path / "file" / "cache")})
    assert measurements() == 0


def test_what_is_stored_runs_from_a_directory_that_cannot_be_written_to(
    pretended_gpu: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose image has the results; that root may write anywhere is no matter here."""
    found = tuned(pretended_gpu)

    def refuse(self: Records) -> None:
        raise RecordsError(f"cannot write records to {self.path}: Read-only file system")

    monkeypatch.setattr(Records, "prepare", refuse)
    before = measurements()
    assert tuned(pretended_gpu, force=False) == found
    assert measurements() == before + 1  # nothing but the counting itself
    with pytest.raises(helion.exc.CacheNotWritable, match="Read-only file system"):
        tuned(pretended_gpu)


def test_foreign_records(pretended_gpu: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "doubled.jsonl").write_text('{"format": 99, "kind": "trial"}\n')
    with pytest.raises(helion.exc.CacheNotWritable, match="format"):
        tuned(pretended_gpu)


def test_records_are_readable(pretended_gpu: dict[str, Any], tmp_path: Path) -> None:
    tuned(pretended_gpu)
    results = list(Records(tmp_path / "doubled.jsonl").results())
    assert results
    assert all('"device": "a GPU"' in line.key for line in results)


def test_no_gpu() -> None:
    with pytest.raises(helion.exc.AutotuneError, match="only meaningful on a GPU"):
        helion.kernel(doubled).autotune((torch.randn(10),))


# Configs from the cache.


def from_cache(settings: dict[str, Any], size: int, **options: Any) -> Any:
    kernel = helion.kernel(doubled, autotuner_fn=helion.from_cache(**options), **settings)
    specialized = kernel.bind((torch.randn(size),))._implementation.specialized
    return choose_config.choose_config(specialized, (torch.randn(size),), WorkerSource())


def test_configs_of_other_arguments_are_measured_and_the_fastest_is_stored(
    pretended_gpu: dict[str, Any],
) -> None:
    best = tuned(pretended_gpu)
    before = measurements()
    slow = helion.Config(block_sizes=[1])
    assert from_cache(pretended_gpu, 2000, configs=[slow])["block_sizes"] == best["block_sizes"]
    assert 2 <= measurements() - before - 1 <= 2 * 4  # both, and the finalists again
    before = measurements()
    assert from_cache(pretended_gpu, 2000)["block_sizes"] == best["block_sizes"]
    assert measurements() == before + 1  # found by the second process


def test_one_config_from_the_cache_is_not_measured(pretended_gpu: dict[str, Any]) -> None:
    best = tuned(pretended_gpu)
    before = measurements()
    assert from_cache(pretended_gpu, 2000, max_configs=1)["block_sizes"] == best["block_sizes"]
    assert measurements() == before + 1


def test_authors_configs_are_measured_beside_those_of_the_cache(
    pretended_gpu: dict[str, Any],
) -> None:
    tuned(pretended_gpu)
    others = [helion.Config(block_sizes=[1]), helion.Config(block_sizes=[2])]
    chosen = from_cache({**pretended_gpu, "configs": others}, 2000)
    assert chosen["block_sizes"] == (128,)


def test_configs_of_another_device_do_not_count(
    pretended_gpu: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned(pretended_gpu)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "another GPU")
    with pytest.raises(helion.exc.NotEnoughConfigs, match="0 config"):
        from_cache(pretended_gpu, 2000)


def test_configs_that_do_not_fit_do_not_count(pretended_gpu: dict[str, Any]) -> None:
    best = tuned(pretended_gpu)
    assert best["block_sizes"] == (128,)
    with pytest.raises(helion.exc.NotEnoughConfigs, match="fits these arguments"):
        from_cache(pretended_gpu, 8)  # its blocks have at most 8 lanes


def test_an_empty_cache_and_a_given_config(pretended_gpu: dict[str, Any]) -> None:
    given = helion.Config(block_sizes=[64])
    chosen = from_cache(pretended_gpu, 2000, configs=[given])
    assert given.items() <= chosen.items()  # keys that it leaves out have their defaults
    assert from_cache(pretended_gpu, 2000)["block_sizes"] == (64,)


def test_searching_forbidden_measures_nothing_either(pretended_gpu: dict[str, Any]) -> None:
    settings = {**pretended_gpu, "disallow_autotuning": True}
    with pytest.raises(helion.exc.AutotuningDisallowedInEnvironment):
        from_cache(settings, 2000, configs=[helion.Config(block_sizes=[64])])


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="processes have no priorities here")
def test_compiling_processes_stand_back() -> None:
    """Cores that all compile ahead must not keep the process that measures waiting."""
    with CompilePool(1) as pool:
        with pytest.raises(CompileFailed):
            pool.compile({})  # answered, so it has begun
        (worker,) = pool._all
        mine = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, worker._process.pid) == min(mine + 10, 19)
