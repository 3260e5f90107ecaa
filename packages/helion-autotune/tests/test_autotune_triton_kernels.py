"""The decorator around kernels that Python plays: compiling ahead, threads, gradients, captures."""

import os
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

import attrs
import pytest

torch = pytest.importorskip("torch", reason="launches take torch tensors")
pytest.importorskip("triton", reason="keys name triton's version")

from helion_autotune import (  # noqa: E402 - after the checks
    Measurement,
    NotPortableError,
    PowerOfTwo,
    Space,
    autotune,
    tune,
)
from helion_autotune.triton_kernels.candidates import candidates_of  # noqa: E402 - after the checks
from helion_autotune.triton_kernels.decorator import _refuse_capture  # noqa: E402 - after the checks
from helion_autotune.triton_kernels.launch import Launch, grid_of  # noqa: E402 - after the checks
from helion_autotune.triton_kernels.oracle import Oracle  # noqa: E402 - after the checks
from helion_autotune.triton_kernels.workload import TritonWorkload  # noqa: E402 - after the checks

SPACE = Space({"BLOCK": PowerOfTwo(1, 4)})


def double(x, out, BLOCK):
    out.copy_(2 * x)


class Kernel:
    """Has what a ``@triton.jit`` object has for its launcher."""

    fn = staticmethod(double)
    arg_names = ("x", "out", "BLOCK")
    __name__ = "double"

    def __init__(self):
        self.launches = []

    def run(self, x, out, *, grid, warmup, BLOCK, **options):
        self.launches.append((warmup, BLOCK, options))
        if not warmup:
            double(x, out, BLOCK)


class Config:
    """Has what a ``triton.Config`` has."""

    def __init__(self, block, pre_hook=None):
        self.block, self.pre_hook = block, pre_hook

    def all_kwargs(self):
        return {"BLOCK": self.block, "num_warps": 4}

    def __str__(self):
        return f"BLOCK: {self.block}, num_warps: 4"


def timer(fn, *, give_up_over_ms, before):
    fn()
    return Measurement(1.0)


def make_workload(configs, kernel, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device", lambda index: nullcontext())
    x, out = torch.ones(4), torch.zeros(4)
    launch = Launch(kernel, (x, out), {}, {"x": x, "out": out}, (1,), 0)
    candidates = candidates_of(configs, kernel.arg_names, "double")
    return TritonWorkload(launch, candidates, Oracle(launch.named), timer), candidates.space


def test_compiling_launches_nothing(monkeypatch):
    kernel = Kernel()
    workload, space = make_workload([Config(2)], kernel, monkeypatch)
    candidate = workload.compile(space.default)
    assert kernel.launches == [(True, 2, {"num_warps": 4})]
    workload.measure(candidate, None)
    assert {warmup for warmup, *_ in kernel.launches[1:]} == {False}


def test_a_config_with_a_hook_is_not_compiled_ahead_and_its_hook_sees_every_launch(monkeypatch):
    kernel, seen = Kernel(), []
    hooked = Config(2, pre_hook=lambda arguments: seen.append(arguments["BLOCK"]))
    workload, space = make_workload([hooked], kernel, monkeypatch)
    workload.compile(space.default)
    assert kernel.launches == []
    workload.measure(space.default, None)
    assert seen == [2] * len(kernel.launches)


def test_configs_that_differ_in_their_hooks_only_stay_two():
    candidates = candidates_of([Config(2), Config(2, pre_hook=print), Config(4)], ["BLOCK"], "k")
    names = [point["config"] for point in candidates.space.points()]
    assert names == [
        "BLOCK: 2, num_warps: 4",
        "BLOCK: 2, num_warps: 4 #2",
        "BLOCK: 4, num_warps: 4",
    ]
    assert [candidates.pre_hook(p) for p in candidates.space.points()] == [None, print, None]
    with pytest.raises(ValueError, match="the list of configs is empty"):
        candidates_of([], ["BLOCK"], "k")


def test_many_threads_tune_once():
    tunings = []

    def counting(fn, *, give_up_over_ms, before):
        tunings.append(threading.get_ident())
        return timer(fn, give_up_over_ms=give_up_over_ms, before=before)

    kernel = autotune(SPACE, strategy="finite", measure=counting)(Kernel())

    def launch():
        x, out = torch.ones(4), torch.zeros(4)
        kernel[(1,)](x, out)
        assert torch.equal(out, 2 * x)

    threads = [threading.Thread(target=launch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(tunings)) == 1
    assert len(kernel.chosen) == 1


def test_tensors_with_gradients_and_expanded_tensors_are_arguments_too():
    x = torch.ones(1, requires_grad=True)
    out = torch.zeros(4, requires_grad=True)
    kernel = autotune(SPACE, strategy="finite", measure=timer)(Kernel())
    with torch.no_grad():
        kernel[(1,)](x.expand(4), out)
    assert torch.equal(out.detach(), torch.full((4,), 2.0))


def test_a_config_that_is_added_is_the_only_one_to_be_measured(tmp_path):
    def measured(*blocks):
        found = []

        def measure(fn, *, give_up_over_ms, before):
            fn()
            found.append(kernel.launches[-1][1])
            return Measurement(float(found[-1]))

        kernel = Kernel()
        tuned = autotune([Config(b) for b in blocks], records=tmp_path / "r", measure=measure)
        tuned(kernel)[(1,)](torch.ones(4), torch.zeros(4))
        return found

    assert set(measured(4, 2)) == {4, 2}
    assert measured(4, 2) == [], "stored"
    added = measured(4, 2, 1)
    finalists = 3 * [1, 2, 4]
    assert added == [1, *finalists]


def test_the_key_must_be_given_at_the_launch():
    kernel = autotune(SPACE, key=["out"], measure=timer)(Kernel())
    with pytest.raises(ValueError, match=r"lacks \['out'\]"):
        kernel[(1,)](torch.ones(4))


def test_nothing_is_tuned_while_a_graph_is_captured(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(RuntimeError, match=r"double must be tuned.*before the capture"):
        _refuse_capture("double")


@pytest.fixture
def played(monkeypatch):
    if sys.platform != "linux":
        pytest.skip("isolated measuring needs Linux, which is what GPUs run on")
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import played_kernels

    return played_kernels


def isolated(played, owner, **options):
    x, out = torch.arange(8.0), torch.zeros(8)
    grid = lambda meta: (meta["n"] // 2,)  # noqa: E731 - as launches are written
    named = {"x": x, "out": out, "n": 8}
    launch = Launch(owner.fn, (x, out, 8), {}, named, grid, None)
    workload = TritonWorkload(
        launch, owner.candidates, Oracle(named, **options), played.timer, owner=owner
    )
    result = tune(played.WAYS, workload, strategy="finite", isolation=True, jobs=1)
    assert torch.equal(x, torch.arange(8.0)), "the caller's tensors are never touched"
    assert not out.any()
    return {trial.point["WAY"]: trial for trial in result.trials}


@pytest.mark.parametrize("options", [{}, {"reference": lambda **named: {"out": named["x"] * 2}}])
def test_a_kernel_of_a_module_is_measured_in_a_worker(played, options):
    found = isolated(played, played.double, **options)
    assert found["fine"].ok
    assert found["other"].ok
    assert found["fine"].milliseconds != 1.0 + os.getpid() / 1e9, "another process"
    assert "SIGSEGV" in found["crash"].error
    assert found["wrong"].error.startswith("WrongResult: out: 7 of 8 elements are off")
    assert "WrongResult" in found["spoil"].error
    assert "wrote over arguments that are none of its outputs" in found["spoil"].error


def test_a_kernel_that_no_module_has_is_not_portable(played):
    other = autotune(played.WAYS, measure=played.timer)(played.double.fn)
    with pytest.raises(NotPortableError, match=r"double by its name, and no module has it"):
        isolated(played, other)


def test_a_kernel_of_somebody_elses_is_found_where_it_was_tuned(played):
    import tuned_elsewhere

    assert tuned_elsewhere.faster is not played.double
    found = isolated(played, tuned_elsewhere.faster)
    assert found["other"].ok
    assert "SIGSEGV" in found["crash"].error


def test_a_grid_is_asked_with_what_the_kernel_and_its_heuristics_add():
    def kernel(x, n, BLOCK=4, EVEN=None):
        raise AssertionError("never run")

    class Jit:
        fn = staticmethod(kernel)

    class Heuristics:
        fn = Jit()

        def __init__(self):
            self.values = {"EVEN": lambda named: named["n"] % named["BLOCK"] == 0}

    grid = lambda meta: (meta["n"] // meta["BLOCK"], meta["EVEN"])  # noqa: E731 - as they are
    launch = Launch(Heuristics(), (), {}, {"x": None, "n": 64}, grid, None)
    assert grid_of(launch, {}) == (16, 1)
    assert grid_of(launch, {"BLOCK": 48}) == (1, 0)
    assert grid_of(attrs.evolve(launch, grid=(5, 2)), {}) == (5, 2)
