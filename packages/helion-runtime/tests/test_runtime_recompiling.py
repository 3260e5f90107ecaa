"""Variants that are compiled from a bundle's source where no binary serves; what Triton would answer is made up."""

from __future__ import annotations

import logging
import subprocess
import sys
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest
import torch

from helion_runtime import load
from helion_runtime.dispatch import Dispatcher
from helion_runtime.driver import DeviceProperties
from helion_runtime.entries import DescriptorArgument, DescriptorLayout, OpEntry
from helion_runtime.errors import (
    ArchitectureError,
    NoTritonError,
    NoVariantError,
    RecompileError,
    UntrustedSourceError,
)
from helion_runtime.modules import KernelImage, ModuleLoader
from helion_runtime.recompiling import recompiler, worker
from helion_runtime.recompiling.recipe import Recipe, read_recipe, with_recipe
from helion_runtime.recompiling.recompiler import Recompiler, Sources, compile_elsewhere
from helion_runtime.record import replace
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from helion_runtime.entries import KernelEntry, VariantEntry

AMPERE = DeviceProperties("ampere", (8, 0), 108, 166912)
RECIPE = Recipe(("*fp32", "*fp32", "*fp32", "i32"), (True, True, True, False), {"num_stages": 3})
SOURCE = "def k(x, y, out, n):\n    pass\n"


class Triton:
    """Answers what a compiler would, and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        return {
            "binary": f"binary {len(self.requests)}".encode(),
            "metadata": {**worker.METADATA, "name": request["name"], "shared": 2048},
            "target": f"sm_{request['architecture']}",
            "triton": "3.7.0",
        }


@pytest.fixture
def triton() -> Triton:
    return Triton()


@pytest.fixture
def make_op(
    kernel: KernelEntry, add_variant: VariantEntry, triton: Triton
) -> Callable[..., tuple[Dispatcher, RecordingDriver]]:
    def make(
        device: DeviceProperties = AMPERE,
        *,
        variant: VariantEntry = add_variant,
        entry: KernelEntry = kernel,
        texts: dict[str, str] | None = None,
        compiler: Any = triton,
    ) -> tuple[Dispatcher, RecordingDriver]:
        driver = RecordingDriver([entry], device)
        loader = ModuleLoader(lambda: driver)
        texts = {"k": with_recipe(SOURCE, RECIPE)} if texts is None else texts
        sources = Sources({"k": entry}, texts, "3.7.0", "kernels.helion")
        again = Recompiler([variant], sources, loader, compiler)
        op = OpEntry("add", ("x", "y"), (variant,))
        images = {"k": KernelImage(entry, b"binary")}
        return Dispatcher.of_op(op, images, loader, recompile=again.serve), driver

    return make


X = torch.zeros(4, 8)


def unaligned() -> torch.Tensor:
    return torch.zeros(33)[1:].view(4, 8)


def test_another_device(
    make_op: Callable[..., Any], triton: Triton, caplog: pytest.LogCaptureFixture
) -> None:
    """The bundle's binary is for 9.0 alone; the call comes on 8.0."""
    op, driver = make_op()
    for _ in range(3):
        assert op(X, X).shape == (4, 8)
    (request,) = triton.requests
    assert (request["name"], request["architecture"], request["binary"]) == ("k", 80, "cubin")
    assert request["divisible"] == [True, True, True, False]
    assert request["options"] == {"num_stages": 3}
    assert request["source"].startswith(SOURCE)
    assert [binary for _, _, binary in driver.loaded] == [b"binary 1"]
    assert [launch.shared for launch in driver.launches] == [2048] * 3
    compiling, serving = (record.getMessage() for record in caplog.records)
    assert "compiling kernel 'k' for sm_80 from the source in kernels.helion" in compiling
    assert "runs kernels that were compiled here" in serving
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_every_signature_is_logged_once(
    make_op: Callable[..., Any], triton: Triton, caplog: pytest.LogCaptureFixture
) -> None:
    op, _ = make_op()
    for rows in (4, 5, 4, 5):
        op(torch.zeros(rows, 8), torch.zeros(rows, 8))
    assert len(triton.requests) == 1
    told = [r.getMessage() for r in caplog.records if "compiled here" in r.getMessage()]
    assert len(told) == 2
    assert "[5, 8]" in told[1]


def test_a_device_that_the_binary_is_for_compiles_nothing(
    make_op: Callable[..., Any], triton: Triton, caplog: pytest.LogCaptureFixture
) -> None:
    op, _ = make_op(DeviceProperties("hopper", (9, 0), 132, 232448))
    op(X, X)
    assert not triton.requests
    assert not caplog.records


def test_tensors_that_are_not_aligned(make_op: Callable[..., Any], triton: Triton) -> None:
    op, driver = make_op(DeviceProperties("hopper", (9, 0), 132, 232448))
    u = unaligned()
    for first, second in ((X, X), (u, X), (u, X), (u, unaligned()), (X, X)):
        op(first, second)
    assert [request["divisible"][:3] for request in triton.requests] == [
        [False, True, True],
        [False, False, True],
    ]
    assert len(driver.launches) == 5
    assert [variant.aligned for variant in op.variants] == [(0, 1), (1,), ()]
    loaded = [binary for _, _, binary in driver.loaded]
    assert loaded == [b"binary", b"binary 1", b"binary 2"]


def test_descriptors_need_aligned_tensors(
    make_op: Callable[..., Any], add_variant: VariantEntry, kernel: KernelEntry, triton: Triton
) -> None:
    (launch,) = add_variant.launches
    described = DescriptorArgument(0, 0, (["size", 0, 0], ["size", 0, 1]), (["size", 0, 1], 1))
    variant = replace(
        add_variant,
        launches=(replace(launch, arguments=(described, *launch.arguments[1:])),),
    )
    parameters = ("tensormap", "i32", "i32", "i64", "i64", *kernel.parameters[1:])
    layout = DescriptorLayout(use_tensor_map=True, block_shape=(4, 8), element_size=4)
    entry = replace(kernel, parameters=parameters, descriptors=(layout,))
    hopper = DeviceProperties("hopper", (9, 0), 132, 232448)
    op, _ = make_op(hopper, variant=variant, entry=entry)
    with pytest.raises(NoVariantError) as caught:
        op(unaligned(), X)
    assert "tensor descriptors need x to start at a multiple of 16" in caught.value.__notes__[0]
    assert not triton.requests


def test_other_arguments_are_still_misses(make_op: Callable[..., Any], triton: Triton) -> None:
    op, _ = make_op()
    with pytest.raises(NoVariantError) as caught:
        op(X.double(), X)
    assert "another device, or for tensors that are not aligned" in caught.value.__notes__[0]
    assert not triton.requests


def test_code_for_amd_is_not_compiled_for_nvidia(
    make_op: Callable[..., Any], kernel: KernelEntry, triton: Triton
) -> None:
    op, _ = make_op(entry=replace(kernel, arch="gfx942", warp_size=64))
    with pytest.raises(ArchitectureError):
        op(X, X)
    assert not triton.requests


def test_threads_compile_once(make_op: Callable[..., Any], triton: Triton) -> None:
    op, driver = make_op()
    barrier = Barrier(4)

    def call() -> None:
        barrier.wait()
        op(X, X)

    threads = [Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(triton.requests) == 1
    assert len(driver.launches) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"source/k\.py is not in the bundle"),
        (SOURCE, "does not say how it was compiled; build the bundle again"),
        (SOURCE + "# compiled with {", "its last line is no recipe"),
        (SOURCE + "# compiled with []", "its last line is no recipe"),
        (
            SOURCE + '# compiled with {"types": [1], "divisible": [true], "options": {}}',
            "no recipe",
        ),
        (
            with_recipe(SOURCE, replace(RECIPE, types=("*fp32",), divisible=(True,))),
            "has 1 parameter",
        ),
    ],
)
def test_sources_that_cannot_be_compiled(
    make_op: Callable[..., Any], triton: Triton, text: str | None, message: str
) -> None:
    op, _ = make_op(texts={} if text is None else {"k": text})
    with pytest.raises(RecompileError, match=message):
        op(X, X)
    assert not triton.requests


def test_what_triton_refuses(make_op: Callable[..., Any]) -> None:
    def refuse(request: dict[str, Any]) -> dict[str, Any]:
        raise RecompileError(f"no such thing in {request['name']}")

    op, _ = make_op(compiler=refuse)
    with pytest.raises(RecompileError, match=r"source/k\.py for sm_80: no such thing in k"):
        op(X, X)


def test_without_triton(make_op: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recompiler, "find_spec", lambda name: None)
    op, _ = make_op(compiler=compile_elsewhere)
    with pytest.raises(NoTritonError, match=r"pip install triton==3\.7\.0"):
        op(X, X)


def test_a_process_that_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says is the answer; a death is told."""
    with pytest.raises(RecompileError):
        compile_elsewhere({"name": "k", "source": "raise ValueError('no')", "file": "<k>"})
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(RecompileError, match="No such file"):
        compile_elsewhere({})
    died = subprocess.CompletedProcess([], 9, stdout="", stderr="out of memory")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: died)
    with pytest.raises(RecompileError, match="ended with 9: out of memory"):
        compile_elsewhere({})


def test_recipes_go_with_sources() -> None:
    text = with_recipe(SOURCE, RECIPE)
    assert text.startswith(SOURCE)
    assert read_recipe(text, "here") == RECIPE


def test_source_is_only_run_of_bundles_that_somebody_vouches_for(
    frozen_path: Path, hopper: RecordingDriver
) -> None:
    for on_miss in ("jit", {"scaled_add": "jit"}):
        with pytest.raises(UntrustedSourceError, match="pin=ID"):
            load(frozen_path, on_miss=on_miss, driver=hopper)  # type: ignore[arg-type]  # a list's union
        pin = load(frozen_path).id
        bundle = load(frozen_path, pin, on_miss=on_miss, driver=hopper)  # type: ignore[arg-type]  # as above
        with pytest.raises(NoVariantError) as caught:
            bundle.scaled_add(X.double(), X, 1.0)
        assert caught.value.__notes__ == [recompiler.UNSERVED]
    for wrong in ("compile", {"scaled_add": 3}):
        with pytest.raises(TypeError, match="expected 'jit' or a function"):
            load(frozen_path, pin, on_miss=wrong, driver=hopper)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            (
                "PTXAS error: Internal Triton PTX codegen error\n`ptxas` stderr:\n"
                "ptxas /tmp/a.ptx, line 39; error   : Unknown modifier '.instr'\n"
                "ptxas fatal   : Ptx assembly aborted due to errors\n\nRepro command: ptxas -v /tmp/a.ptx\n"
            ),
            "ptxas: Unknown modifier '.instr'",
        ),
        (
            (
                "PTXAS error: Internal Triton PTX codegen error\n`ptxas` stderr:\nptxas error   : Entry function "
                "'k' uses too much shared data (0x40008 bytes, 0x38c00 max)\n\nRepro command: ptxas -v"
            ),
            "ptxas: Entry function 'k' uses too much shared data (0x40008 bytes, 0x38c00 max)",
        ),
        ("at 3:4:\n    x + y\n    ^\nPassManager::run failed\n", "PassManager::run failed"),
        (
            "`ptxas` failed with error code 11:\n\nRepro command: ptxas -v",
            "`ptxas` failed with error code 11:",
        ),
        ("", "RuntimeError"),
    ],
)
def test_what_is_told_of_triton_s_failures(text: str, told: str) -> None:
    assert worker.reason(RuntimeError(text)) == told
