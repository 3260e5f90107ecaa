"""What a worker is given to measure with, and that it suffices: without a GPU, so nothing is launched here."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import namedtuple
from typing import Any

import attrs
import pytest
import torch

import helion
import helion.language as hl
from helion_autotune import Measurement, NotPortableError, WrongResult
from helion_autotune.blueprint import portable
from helion_compiler.building import parse_target
from helion_compiler.building.compile_pool import CompileFailed
from helion_compiler.tuning import workload as workloads
from helion_compiler.tuning.measurer import IsolatedKernelMeasurer, make
from helion_compiler.tuning.oracle import Oracle
from helion_compiler.tuning.workload import Candidate, KernelWorkload
from helion_runtime.record import replace

Pair = namedtuple("Pair", ["total", "parts"])


def in_containers(x: torch.Tensor, scale: float) -> Any:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * scale
    return Pair(out, {"size": x.size(0), "half": [x[:5]]})


def in_place(xs: list[torch.Tensor]) -> None:
    for tile in hl.tile(xs[0].size(0)):
        xs[1][tile] = xs[0][tile] + 1


def sum_by_address(like: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(like)
    for tile in hl.tile(like.size(0)):
        out[tile] = hl.stacktensor_like(like, addresses[:])[tile].sum(dim=0)
    return out


@pytest.fixture(autouse=True)
def pretended_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workloads, "target_of_device", lambda device: parse_target("sm_90"))


def session(function: Any, *args: Any) -> tuple[KernelWorkload, Candidate]:
    """A workload, and its one candidate: the default config."""
    kernel = helion.kernel(function)
    specialized = kernel.bind(args)._implementation.specialized
    leaves = specialized.call.leaves_of(args)
    workload = KernelWorkload(
        specialized,
        leaves,
        lambda: Oracle.by_reference(function, args, specialized.definition.settings),
    )
    config = specialized.space.default_config()
    return workload, Candidate(config, specialized.build(config, parse_target("sm_90")))


def sent(workload: KernelWorkload, candidate: Candidate) -> tuple[IsolatedKernelMeasurer, Any]:
    """The measurer and the job, as a worker has them."""
    payload = workload.blueprint().payload()
    measurer = make(pickle.loads(portable(payload)))
    return measurer, pickle.loads(portable(workload.job(candidate)))


def pretend(measurer: IsolatedKernelMeasurer, run: Any) -> list[Any]:
    """Have ``run(leaves)`` in the place of launches; the variants that were asked for."""
    variants: list[Any] = []

    class Pretended:
        def __call__(self, *leaves: Any) -> Any:
            return run(leaves)

        def prepare(self, leaves: Any) -> Any:
            return self

    def dispatcher(job: Any, variant: Any) -> Any:
        variants.append(variant)
        return Pretended()

    def timer(fn: Any, **_: Any) -> Measurement:
        fn()
        return Measurement(1.0)

    measurer._dispatcher = dispatcher  # type: ignore[method-assign]  # the one place that needs a GPU
    measurer._timer = timer
    return variants


def test_results_are_compared_by_their_leaves() -> None:
    x = torch.randn(64)
    measurer, job = sent(*session(in_containers, x, 3.0))
    variants = pretend(measurer, lambda leaves: [leaves[0] * 3, [64, [leaves[0][:5]]]])
    assert measurer.measure(job, None).milliseconds == 1.0
    assert variants == [job.checked, job.variant]
    pretend(measurer, lambda leaves: [leaves[0] * 2, [64, [leaves[0][:5]]]])
    with pytest.raises(
        WrongResult, match=r"the result\.total: 6\d of 64 elements differ|result\[0\]"
    ):
        measurer.measure(job, None)
    pretend(measurer, lambda leaves: [leaves[0] * 3, [63, [leaves[0][:5]]]])
    with pytest.raises(WrongResult, match="expected 64, got 63"):
        measurer.measure(job, None)
    pretend(measurer, lambda leaves: [leaves[0] * 3, [64, []]])
    with pytest.raises(WrongResult, match="expected 3 parts, got 2"):
        measurer.measure(job, None)


def test_arguments_that_are_written_are_restored_and_compared() -> None:
    xs = [torch.zeros(16), torch.full((16,), 9.0)]
    measurer, job = sent(*session(in_place, xs))
    seen = []

    def add(leaves: Any) -> None:
        seen.append(leaves[1].clone())
        leaves[1].copy_(leaves[0] + 1)

    pretend(measurer, add)
    assert measurer.measure(job, None).milliseconds == 1.0
    assert all(torch.equal(before, xs[1]) for before in seen)
    assert len(seen) == 2
    pretend(measurer, lambda leaves: None)
    with pytest.raises(WrongResult, match=r"argument 0\[1\]: 16 of 16 elements differ"):
        measurer.measure(job, None)
    assert torch.equal(xs[1], torch.full((16,), 9.0)), "the author's tensors are untouched"


def test_a_candidate_that_writes_over_arguments_is_found_out() -> None:
    x = torch.randn(64)
    measurer, job = sent(*session(in_containers, x, 3.0))
    measurer.recover()

    def stray(leaves: Any) -> Any:
        leaves[0][7] = 0.0
        return [leaves[0] * 3, [64, [leaves[0][:5]]]]

    pretend(measurer, stray)
    with pytest.raises(WrongResult):
        measurer.measure(job, None)
    with pytest.raises(RuntimeError, match="wrote outside of its outputs"):
        measurer.recover()


def test_containers_of_another_kind_are_a_wrong_result() -> None:
    workload, candidate = session(in_containers, torch.randn(64), 3.0)
    variant = candidate.built.variant
    wrong = replace(variant, outputs=["tuple", variant.outputs[2]])
    built = attrs.evolve(candidate.built, variant=wrong)
    with pytest.raises(WrongResult, match="expected containers"):
        workload.job(Candidate(candidate.config, built))


def test_a_worker_loads_no_compiler() -> None:
    program = (
        "import helion_compiler.tuning.measurer, helion_autotune.isolation.tensors, sys\n"
        "print(' '.join(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(found.stdout.split())
    assert "helion_runtime.dispatch" in loaded
    assert not loaded & {"triton", "sympy", "scipy", "helion", "helion_compiler.program"}
    assert not loaded & {"helion_compiler.tuning.choose_config", "torch._inductor"}


def test_a_candidate_that_does_not_compile_is_told_by_its_cause_alone() -> None:
    """Reports count failures by the first line of what they say."""

    def refusing(request: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError(
            "`ptxas` stderr:\nptxas error   : too much shared data\n\nRepro command: x"
        )

    workload, candidate = session(in_containers, torch.randn(10), 2.0)
    kernel = workload._kernel
    fresh = KernelWorkload(kernel, kernel.call.leaves, None, compiler=refusing)
    point = kernel.space.point(candidate.config)
    other = {**point, "num_warps": 2 if point["num_warps"] != 2 else 8}
    with pytest.raises(CompileFailed) as failed:
        fresh.compile(kernel.space.space.point(other))
    assert str(failed.value) == "ptxas: too much shared data"


def test_addresses_are_followed_in_the_process_that_has_them() -> None:
    parts = [torch.randn(16) for _ in range(3)]
    addresses = torch.tensor([part.data_ptr() for part in parts])
    workload, _ = session(sum_by_address, parts[0], addresses)
    with pytest.raises(NotPortableError, match="sum_by_address reads or writes memory by its addr"):
        workload.blueprint()
