"""The decorator around kernels that Python plays: compiling ahead, threads, gradients, captures."""

import threading
from contextlib import nullcontext

import pytest

torch = pytest.importorskip("torch", reason="launches take torch tensors")
pytest.importorskip("triton", reason="keys name triton's version")

from helion_autotune import Measurement, PowerOfTwo, Space, autotune  # noqa: E402 - after the checks
from helion_autotune.triton_kernels.candidates import candidates_of  # noqa: E402 - after the checks
from helion_autotune.triton_kernels.decorator import _refuse_capture  # noqa: E402 - after the checks
from helion_autotune.triton_kernels.oracle import Oracle  # noqa: E402 - after the checks
from helion_autotune.triton_kernels.workload import Launch, TritonWorkload  # noqa: E402 - after the checks

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


def test_the_key_must_be_given_at_the_launch():
    kernel = autotune(SPACE, key=["out"], measure=timer)(Kernel())
    with pytest.raises(ValueError, match=r"lacks \['out'\]"):
        kernel[(1,)](torch.ones(4))


def test_nothing_is_tuned_while_a_graph_is_captured(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(RuntimeError, match=r"double must be tuned.*before the capture"):
        _refuse_capture("double")
