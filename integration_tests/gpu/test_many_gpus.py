"""One search on several GPUs of a host: each measures, and none but the session's own is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

import helion
import helion.language as hl
from helion_autotune import Integer, Isolation, Space, Status, tune

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        torch.cuda.is_available() and torch.cuda.device_count() < 2,
        reason="one search on several GPUs needs two",
    ),
]


@pytest.mark.parametrize("own", [0, 1])
def test_every_gpu_measures_wherever_the_arguments_are(own: int) -> None:
    from named_gpus import Summing, uuid  # asks for a GPU

    x = torch.arange(1 << 16, device=f"cuda:{own}", dtype=torch.float64)
    space = Space({"a": Integer(0, 63)})
    limits = Isolation(devices="all")
    result = tune(space, Summing(x), strategy="finite", isolation=limits, finalists=3)
    assert all(trial.ok for trial in result.trials), result.trials
    where = {trial.measurement.timed_by for trial in result.trials if trial.measurement}
    assert where == {uuid(index) for index in range(torch.cuda.device_count())}


def test_faults_on_several_gpus_are_survived() -> None:
    from bad_kernels import COUNT, FINE, SPACE, Doubling  # needs Triton's driver

    x = torch.randn(COUNT, device="cuda")
    before = x.clone()
    limits = Isolation(measure=20, hurry=2, devices="all")
    result = tune(SPACE, Doubling(x), strategy="finite", isolation=limits)
    for trial in result.trials:
        assert trial.ok == (trial.point["fault"] == FINE), trial
        assert trial.status is not Status.REJECTED
    assert torch.equal(x, before)


def tripled(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 3
    return out


def test_a_kernel_is_tuned_on_all_gpus(tmp_path: Path) -> None:
    x = torch.randn(1 << 20, device="cuda:1")
    kernel = helion.kernel(tripled, autotune_cache=str(tmp_path), autotune_devices="all")
    kernel.autotune((x,), evaluations=24, seconds=60)
    assert torch.equal(kernel(x), x * 3)
