"""Searches among candidates that make illegal accesses, hang, exhaust memory or are wrong: they go on, and end well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion_autotune import Isolation, Status, measure_milliseconds, tune
from helion_compiler.tuning import workload as workloads
from helion_compiler.tuning.measurer import KernelJob
from helion_runtime.record import replace

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.gpu


def sum_by_address(like: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(like)
    for tile in hl.tile(like.size(0)):
        out[tile] = hl.stacktensor_like(like, addresses[:])[tile].sum(dim=0)
    return out


def test_a_search_survives_every_kind_of_bad_kernel() -> None:
    from bad_kernels import (  # needs Triton's driver
        COUNT,
        FINE,
        HANGS,
        ILLEGAL,
        NO_MEMORY,
        SPACE,
        WRONG,
        Doubling,
    )

    x = torch.randn(COUNT, device="cuda")
    before = x.clone()
    start = time.monotonic()
    result = tune(
        SPACE,
        Doubling(x),
        strategy="finite",
        isolation=Isolation(measure=20, hurry=2),
    )
    print(f"{len(result.trials)} candidates in {time.monotonic() - start:.1f} s")
    for trial in result.trials:
        print(trial.status.value, trial.point, trial.error or f"{trial.milliseconds:.4f} ms")
    by_fault = {
        fault: [trial for trial in result.trials if trial.point["fault"] == fault]
        for fault in (FINE, ILLEGAL, HANGS, WRONG, NO_MEMORY)
    }
    assert all(trial.ok for trial in by_fault[FINE])
    assert result.best.point["fault"] == FINE
    expected = {
        ILLEGAL: (Status.RUN_ERROR, "illegal memory access"),
        HANGS: (Status.TIMEOUT, "no result within"),
        WRONG: (Status.WRONG_RESULT, "1048576 elements differ"),
        NO_MEMORY: (Status.RUN_ERROR, "memory"),
    }
    for fault, (status, words) in expected.items():
        for trial in by_fault[fault]:
            assert trial.status is status, trial
            assert words in (trial.error or ""), trial
    assert torch.equal(x, before), "this process and its memory are as they were"
    assert float((x + 1).sum()) == pytest.approx(float(before.sum()) + COUNT, rel=1e-3)


def tripled(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 3
    return out


REACHING_TOO_FAR = (1, 2, 16, 32)
"""Numbers of warps of candidates that do: any search tries one of them."""


class SomeReachTooFar(workloads.KernelWorkload):
    """Candidates with some numbers of warps are launched with a pointer that is none."""

    def job(self, candidate: Any) -> KernelJob:
        job = super().job(candidate)
        if candidate.config["num_warps"] not in REACHING_TOO_FAR:
            return job
        (launch,) = job.variant.launches
        far = tuple(replace(argument, offset=1 << 44) for argument in launch.arguments)
        launches = (replace(launch, arguments=far),)
        return KernelJob(
            job.image,
            replace(job.variant, launches=launches),
            replace(job.checked, launches=launches),
        )


def test_a_helion_search_survives_illegal_accesses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from helion_compiler.tuning import choose_config

    monkeypatch.setattr(choose_config, "KernelWorkload", SomeReachTooFar)
    x = torch.randn(1 << 20, device="cuda")
    kernel = helion.kernel(tripled, autotune_cache=str(tmp_path), autotune_progress_bar=False)
    start = time.monotonic()
    config = kernel.autotune((x,), evaluations=24, seconds=60)
    print(f"{time.monotonic() - start:.1f} s: {config}")
    assert config["num_warps"] not in REACHING_TOO_FAR
    assert torch.equal(kernel(x), x * 3)
    (path,) = tmp_path.glob("*.jsonl")
    lines = path.read_text()
    assert "illegal memory access" in lines
    assert '"status":"ok"' in lines


@pytest.mark.filterwarnings("error")  # nothing is measured in this process instead
def test_a_hand_written_kernel_survives_its_configs() -> None:
    import triton

    from tuned_kernels import scaled  # needs Triton's driver

    n = 1 << 20
    x = torch.randn(n, device="cuda")
    before, out = x.clone(), torch.zeros_like(x)
    scaled[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, n, 3.0)
    assert torch.equal(x, before)
    assert torch.equal(out, x * 3.0)
    (point,) = scaled.chosen.values()
    print(point)
    assert "FAULT: none" in str(point)


def test_tiny_kernels_are_timed_in_graphs() -> None:
    x = torch.randn(1 << 10, device="cuda")
    in_graph = measure_milliseconds(lambda: x.mul_(1.0))
    assert in_graph.timed_by == "graph"
    assert len(in_graph.samples) >= 100
    large = torch.empty(1 << 29, device="cuda")  # longer than any host takes to enqueue it
    by_events = measure_milliseconds(lambda: large.mul_(1.0))
    assert by_events.timed_by == "events"
    print(f"{in_graph.milliseconds * 1e3:.2f} us, {by_events.milliseconds * 1e3:.1f} us")
    print(f"at {by_events.clock_mhz} MHz")
    assert 0.0005 < in_graph.milliseconds < 0.1 < by_events.milliseconds


def test_what_cannot_be_captured_is_timed_by_events() -> None:
    x = torch.randn(1 << 10, device="cuda")
    measurement = measure_milliseconds(lambda: x.sum().item(), repetitions=20)
    assert measurement.timed_by == "events"
    assert_as_before(x)


def test_a_capture_that_breaks_is_over() -> None:
    """What torch does not know to wait breaks the capture; random numbers can be drawn afterwards."""
    x = torch.randn(1 << 10, device="cuda")

    def waits() -> None:
        x.mul_(1.0)
        torch.cuda.current_stream().synchronize()

    measurement = measure_milliseconds(waits, repetitions=20)
    assert measurement.timed_by == "events"
    assert_as_before(x)


def assert_as_before(x: torch.Tensor) -> None:
    assert float(torch.ones(1 << 20, device="cuda").sum()) == 1 << 20
    assert 0 < float(torch.rand(100, device="cuda").mean()) < 1
    torch.cuda.empty_cache()
    assert measure_milliseconds(lambda: x.mul_(1.0)).timed_by == "graph"


def test_isolation_can_be_turned_off(tmp_path: Path) -> None:
    x = torch.randn(1 << 16, device="cuda")
    kernel = helion.kernel(tripled, autotune_cache=str(tmp_path), autotune_isolation=False)
    kernel.autotune((x,), evaluations=6)
    assert torch.equal(kernel(x), x * 3)


def test_what_follows_addresses_is_measured_here(tmp_path: Path) -> None:
    parts = [torch.randn(1 << 16, device="cuda") for _ in range(3)]
    addresses = torch.tensor([part.data_ptr() for part in parts], device="cuda")
    kernel = helion.kernel(sum_by_address, autotune_cache=str(tmp_path))
    with pytest.warns(RuntimeWarning, match="measured in this process.*by its address"):
        kernel.autotune((parts[0], addresses), evaluations=6)
    torch.testing.assert_close(kernel(parts[0], addresses), sum(parts))
