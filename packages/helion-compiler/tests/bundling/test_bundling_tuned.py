"""The release flow: tune into a lock file, build from it. The GPU is pretended, with made-up times."""

from __future__ import annotations

import importlib
import json
import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
import helion_runtime
from helion_autotune import LockedResult, LockFile, Measurement
from helion_autotune.point import Point
from helion_compiler import BuildRequest, LockedConfigs, build_bundle, tune_requests
from helion_compiler.building import parse_target
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.bundling.example_arguments import on_device, parse_argument
from helion_compiler.bundling.tune_requests import why_not_tuned
from helion_compiler.cli import main
from helion_compiler.tuning.result_key import result_key

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
import helion, helion.language as hl, torch

@helion.kernel
def twice(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 2
    return out

@helion.kernel(config=helion.Config(block_sizes=[64]))
def thrice(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 3
    return out
"""
BUILD_FILE = """
lock = "tuned.lock.json"

[[variant]]
kernel = "ops.py:twice"
args = ["f32[1000]"]

[[variant]]
kernel = "ops.py:twice"
args = ["f32[1000]"]
config = { block_sizes = [32] }
name = "given"

[[variant]]
kernel = "ops.py:thrice"
args = ["f32[1000]"]
"""


@helion.kernel
def scaled(x: torch.Tensor, factor: int) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * factor
    return out


class FakeWorkload:
    """Compiles nothing; a block size is faster the nearer it is to 128."""

    def __init__(self, kernel: Any, *args: Any, **options: Any) -> None:
        self.kernel = kernel

    def compile(self, point: Any) -> Any:
        return self.kernel.space.config(point)

    def measure(self, config: Any, incumbent_ms: float | None) -> Measurement:
        time = 1.0 + abs(config["block_sizes"][0] - 128) / 100
        return Measurement(time, (time,))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the author's files in it."""
    (tmp_path / "ops.py").write_text(SOURCE)
    (tmp_path / "k.toml").write_text(BUILD_FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A Hopper GPU to tune on, whose tensors are on the CPU."""
    choosing = importlib.import_module("helion_compiler.tuning.choose_config")
    tuning = importlib.import_module("helion_compiler.bundling.tune_requests")
    monkeypatch.setenv("HELION_AUTOTUNE_CACHE", str(folder / "cache"))
    monkeypatch.setenv("HELION_AUTOTUNE_ACCURACY_CHECK", "0")
    monkeypatch.setenv("HELION_AUTOTUNE_ISOLATION", "0")
    monkeypatch.setattr(tuning, "target_of_device", lambda device: parse_target("sm_90"))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(
        tuning, "on_device", lambda fn, args, device: on_device(fn, args, torch.device("cpu"))
    )
    monkeypatch.setattr(choosing, "device_of", lambda leaves: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    monkeypatch.setattr(choosing, "KernelWorkload", FakeWorkload)
    pool = type("Pool", (), {"compile": None})()
    monkeypatch.setattr(choosing, "CompilePool", lambda jobs, timeout: nullcontext(pool))


def test_what_is_tuned_is_built(
    pretended_gpu: None,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["tune", "k.toml", "--seconds", "20", "--evaluations", "100"]) == 0
    told = capsys.readouterr()
    assert told.out == "tuned.lock.json: 1 of 3 tuned\n"
    assert re.search(r"^twice: .*Config\(block_sizes=\[128\]", told.err, re.MULTILINE)
    assert "given: not tuned, config as given\n" in told.err
    assert "thrice: not tuned, the kernel's config\n" in told.err
    monkeypatch.undo()  # the rest runs where there is no GPU
    monkeypatch.chdir(folder)
    targets = ["--target", "sm_90", "--target", "sm_80", "--jobs", "1"]
    assert main(["build", "k.toml", "-o", "out.helion", *targets]) == 0
    told = capsys.readouterr()
    origins = {line.split(":")[0]: line.split("bytes, ")[1] for line in told.err.splitlines()}
    assert origins == {
        "twice for sm_90": "config tuned on NVIDIA H200",
        "twice for sm_80": "config by default",
        "given for sm_90": "config as given",
        "given for sm_80": "config as given",
        "thrice for sm_90": "the kernel's config",
        "thrice for sm_80": "the kernel's config",
    }
    assert main(["build", "k.toml", "-o", "same.helion", "--records", "cache", *targets]) == 0
    assert capsys.readouterr().err == told.err
    assert (folder / "same.helion").read_bytes() == (folder / "out.helion").read_bytes()
    manifest = helion_runtime.load(folder / "out.helion").manifest
    assert manifest.tested_on == ("NVIDIA H200",)
    kernels = {kernel.name: kernel for kernel in manifest.kernels}
    (twice,) = (op for op in manifest.ops if op.name == "twice")
    launched = [kernels[variant.launches[0].kernel] for variant in twice.variants]
    (hopper,) = (kernel for kernel in launched if kernel.arch == "sm_90a")
    assert json.loads(hopper.config)["block_sizes"] == [128]


def test_what_the_lock_file_has_is_not_searched_again(
    pretended_gpu: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = helion.kernel(scaled.fn)  # with the settings of the environment
    request = BuildRequest(kernel, (torch.empty(1000, device="meta"), 3))
    lock = folder / "a" / "tuned.lock.json"
    (first,) = tune_requests([request], lock, evaluations=40)
    content = lock.read_bytes()

    def refuse(self: Any, *args: Any, **options: Any) -> None:
        raise AssertionError("searched again")

    with monkeypatch.context() as searching:
        searching.setattr(FakeWorkload, "__init__", refuse)
        told: list[Any] = []
        assert tune_requests([request], lock, progress=told.append) == (first,) == tuple(told)
        assert lock.read_bytes() == content
        with pytest.raises(AssertionError, match="searched again"):
            tune_requests([request], lock, force=True)


def test_why_a_request_is_not_tuned() -> None:
    hopper, x = parse_target("sm_90"), torch.empty(64, device="meta")
    plain = BuildRequest(scaled, (x, 2))
    assert why_not_tuned(plain, hopper, []) == ""
    assert why_not_tuned(plain, hopper, ["sm_80", "sm_90"]) == ""
    assert why_not_tuned(plain, hopper, ["ptx_90"]) == ""
    assert why_not_tuned(plain, hopper, ["sm_80"]) == "for sm_80, and this GPU is of sm_90"
    elsewhere = BuildRequest(scaled, (x, 2), targets=["gfx942"])
    assert "for gfx942" in why_not_tuned(elsewhere, hopper, ["sm_90"])
    assert why_not_tuned(BuildRequest(scaled, (x, 2), config={}), hopper, []) == "config as given"


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks what is said without a GPU")
def test_tuning_takes_a_gpu(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "k.toml"]) == 1
    assert "torch sees no GPU on this machine" in capsys.readouterr().err
    assert not (folder / "tuned.lock.json").exists()
    with pytest.raises(SystemExit):
        main(["tune", "ops.py:twice", "--args", "f32[8]"])
    assert "give --lock" in capsys.readouterr().err


X = torch.empty(1000, device="meta")
H200, H100 = "NVIDIA H200", "NVIDIA H100 80GB HBM3"


def lock_file(
    folder: Path, *results: tuple[str, int], size: int = 1000, **changes: Any
) -> LockedConfigs:
    """A lock file with the block size of ``scaled`` for each GPU, as a search would have written it."""
    lock = LockFile(folder / "tuned.lock.json")
    bound = BuildRequest(scaled, (torch.empty(size, device="meta"), 3)).bind()
    for device, block in results:
        key = {**result_key(bound, bound.call.leaves, device), **changes}
        point = bound.space.point(helion.Config(block_sizes=[block]))
        lock.add(LockedResult("scaled", json.dumps(key, sort_keys=True), point))
    return LockedConfigs(lock)


def built(folder: Path, locked: LockedConfigs, *targets: str) -> dict[str, list[int]]:
    request = BuildRequest(scaled, (X, 3))
    bundle = build_bundle(
        folder / "b.helion", [request], targets=targets or ["sm_90"], tuned=locked, jobs=1
    )
    return {kernel.arch: json.loads(kernel.config)["block_sizes"] for kernel in bundle.kernels}


def test_each_architecture_has_its_own_results(tmp_path: Path) -> None:
    assert built(tmp_path, lock_file(tmp_path, (H200, 512)))["sm_90a"] == [512]
    lock_file(tmp_path, ("NVIDIA A100", 64), architecture=80)
    locked = LockedConfigs(str(tmp_path / "tuned.lock.json"))
    found = built(tmp_path, locked, "sm_90", "sm_80", "ptx_80", "gfx942")
    assert (found["sm_90a"], found["sm_80"], found["ptx_80"]) == ([512], [64], [64])
    assert found["gfx942"] not in ([512], [64])
    path = tmp_path / "tuned.lock.json"
    build_bundle(
        tmp_path / "c.helion", [BuildRequest(scaled, (X, 3))], targets=["sm_90"], tuned=path
    )
    (kernel,) = helion_runtime.load(tmp_path / "c.helion").manifest.kernels
    assert json.loads(kernel.config)["block_sizes"] == [512]


def test_one_of_several_gpus_is_named(tmp_path: Path) -> None:
    locked = lock_file(tmp_path, (H200, 512), (H100, 512))
    assert built(tmp_path, locked)["sm_90a"] == [512]  # they agree
    lock_file(tmp_path, (H100, 128))
    with pytest.raises(
        BundleRequestError, match=rf"several results for `scaled`: tuned on {H100} .*{H200} with"
    ):
        built(tmp_path, locked)
    lock_file(tmp_path, ("NVIDIA A100", 64), architecture=80)
    for device, block in ((H200, 512), (H100, 128)):
        named = LockedConfigs(locked.lock, device)
        found = built(tmp_path, named, "sm_90", "sm_80")
        assert found == {"sm_90a": [block], "sm_80": [64]}, "there is one GPU of the other"
    with pytest.raises(BundleRequestError, match=r"nothing in .* was tuned on 'H200'") as refused:
        built(tmp_path, LockedConfigs(locked.lock, "H200"))
    assert f"it has results of NVIDIA A100, {H100}, {H200}" in str(refused.value)


def test_floats_of_any_value_share_a_result() -> None:
    def key(factor: float) -> dict[str, Any]:
        bound = BuildRequest(scaled, (X, factor)).bind()
        return result_key(bound, bound.call.leaves, H200)

    assert key(0.5) == key(2.5)
    assert key(2) != key(3) != key(3.0)


@helion.kernel
def mapped(x: torch.Tensor, power: hl.constexpr, finish: Any) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = finish(x[tile] ** power)
    return out


def test_constants_and_functions_have_results_of_their_own() -> None:
    def negated(value: torch.Tensor) -> torch.Tensor:
        return -value

    def halved(value: torch.Tensor) -> torch.Tensor:
        return value / 2

    def key(power: int, finish: Any) -> dict[str, Any]:
        bound = BuildRequest(mapped, (X, power, finish)).bind()
        return result_key(bound, bound.call.leaves, H200)

    assert key(2, negated) == key(2, negated)
    assert key(2, negated) != key(3, negated)
    assert key(2, negated) != key(2, halved)
    assert key(2, negated)["constants"]["power"] == "2"


def test_results_of_other_versions_count_and_say_so(tmp_path: Path) -> None:
    locked = lock_file(tmp_path, (H200, 512), triton="3.5.0")
    bound = BuildRequest(scaled, (X, 3)).bind()
    found = locked.find(bound)
    assert found is not None
    assert found.config["block_sizes"] == (512,)
    assert found.origin.startswith(f"config tuned on {H200} with helion ")
    assert found.origin.endswith("triton 3.5.0")
    lock_file(tmp_path, (H200, 128))  # those of this version go before
    found = locked.find(bound)
    assert found is not None
    assert (found.config["block_sizes"], found.origin) == ((128,), f"config tuned on {H200}")


def test_results_that_cannot_be_used(tmp_path: Path) -> None:
    bound = BuildRequest(scaled, (X, 3)).bind()
    with pytest.raises(BundleRequestError, match="has no tuned results, or is not there"):
        LockedConfigs(tmp_path / "missing.json").find(bound)
    (tmp_path / "text.json").write_text("<<<<<<< HEAD")
    with pytest.raises(BundleRequestError, match="is no lock file"):
        LockedConfigs(tmp_path / "text.json").find(bound)
    locked = lock_file(tmp_path, (H200, 512), size=2048)
    with pytest.raises(
        BundleRequestError, match=r"no result for `scaled`.*differs in arguments .*2048.*1000"
    ) as refused:
        locked.find(bound)
    assert "device" not in str(refused.value)
    key = json.dumps(result_key(bound, bound.call.leaves, H200), sort_keys=True)
    locked.lock.add(LockedResult("scaled", key, Point({"block_size": 3})))
    with pytest.raises(BundleRequestError, match="no longer fits it"):
        locked.find(bound)


def test_a_kernel_with_several_configs_has_the_tuned_one(tmp_path: Path) -> None:
    configs = [helion.Config(block_sizes=[size]) for size in (64, 256)]
    kernel = helion.kernel(scaled.fn, configs=configs)
    request = BuildRequest(kernel, (X, 3))
    with pytest.raises(BundleRequestError, match="2 configs; choosing one takes a GPU"):
        request.choose_config(request.bind())
    locked = lock_file(tmp_path, (H200, 256))
    assert request.choose_config(request.bind(), locked).config["block_sizes"] == (256,)


def test_example_arguments_get_data() -> None:
    texts = ("bf16[4,8]@[16,2]", "f8e4m3[64]", "i64[5]", "bool[64]", "f32[0,3]", '["f32[3]", 2]')
    values = [parse_argument(text) for text in texts]

    def kernel(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> None: ...

    device = torch.device("cpu")
    made: Any = on_device(kernel, values, device)
    strided, small, integers, flags, empty, (inner, number) = made
    assert (strided.shape, strided.stride(), strided.dtype) == ((4, 8), (16, 2), torch.bfloat16)
    assert strided.float().std() > 0.5
    assert small.float().std() > 0.5
    assert integers.tolist() == [0] * 5
    assert 10 < flags.sum() < 54
    assert (empty.shape, number) == ((0, 3), 2)
    again: Any = on_device(kernel, values, device)
    assert torch.equal(again[0], strided)
    assert torch.equal(again[5][0], inner)
    given = torch.arange(3.0)
    assert on_device(lambda x: x, (given,), device)[0] is given
