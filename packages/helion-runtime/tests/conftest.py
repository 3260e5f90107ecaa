"""What the runtime's tests share: the frozen bundle, a recording driver, and an op made of its entries."""

from __future__ import annotations

import importlib.util
import os
import runpy
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from helion_runtime.bundle.reading import VerifiedContent, read_verified
from helion_runtime.dispatch import Dispatcher
from helion_runtime.driver import DeviceProperties
from helion_runtime.entries import (
    AllocateStep,
    KernelEntry,
    LaunchEntry,
    PointerArgument,
    ScalarArgument,
    TensorSignature,
    VariantEntry,
)
from helion_runtime.modules import KernelImage
from helion_runtime.native import find_native
from helion_runtime.record import Record
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Callable

HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)
KERNEL = KernelEntry(
    "k",
    "k",
    "0" * 64,
    "sm_90a",
    ("pointer", "pointer", "pointer", "i32", "global_scratch", "profile_scratch"),
    4,
    1024,
)
NUMEL = ["mul", ["size", 0, 0], ["size", 0, 1]]
MATRIX = TensorSignature("float32", 2)
ADD = VariantEntry(
    signature=(MATRIX, MATRIX),
    guard=(["eq", ["size", 0, 1], ["size", 1, 1]],),
    aligned=(0, 1),
    steps=(AllocateStep((["size", 0, 0], ["size", 0, 1]), (["size", 0, 1], 1), "float32"),),
    launches=(
        LaunchEntry(
            "k",
            (["ceildiv", NUMEL, 1024], 1, 1),
            (
                PointerArgument(0),
                PointerArgument(1),
                PointerArgument(2),
                ScalarArgument("i32", NUMEL),
            ),
        ),
    ),
    outputs=["buffer", 2],
)


class Op(Record):
    """A dispatcher with one variant of kernel ``k``, and the driver it launches on."""

    call: Dispatcher
    driver: RecordingDriver

    def number(self, position: int) -> int:
        """The parameter at ``position`` of the last launch, as an unsigned number."""
        return int.from_bytes(self.driver.launches[-1].parameters[position], "little")


@pytest.fixture
def kernel() -> KernelEntry:
    return KERNEL


@pytest.fixture
def add_variant() -> VariantEntry:
    return ADD


@pytest.fixture(scope="session")
def native_launcher(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The extension module: the installed one, or one that is compiled for these tests."""
    if find_native() is not None:
        return
    if shutil.which(os.environ.get("CC", "cc")) is None:
        pytest.skip("the extension module is not installed, and there is no C compiler to build it")
    path = tmp_path_factory.mktemp("native") / "_launch.abi3.so"
    runpy.run_path(str(Path(__file__).parent.parent / "native" / "build.py"))["build"](path)
    spec = importlib.util.spec_from_file_location("helion_runtime._launch", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["helion_runtime._launch"] = module
    find_native.cache_clear()
    assert find_native() is not None


@pytest.fixture(params=["ctypes", "native"])
def native(request: pytest.FixtureRequest) -> bool:
    """Whether the extension module launches: whoever uses this runs both ways."""
    if request.param == "native":
        request.getfixturevalue("native_launcher")
    return bool(request.param == "native")


@pytest.fixture
def make_op(native: bool) -> Callable[..., Op]:
    def make(
        variant: VariantEntry = ADD, entry: KernelEntry = KERNEL, **driver_options: object
    ) -> Op:
        driver = RecordingDriver([entry], native=native, **driver_options)  # type: ignore[arg-type]  # passed through
        names = [f"x{i}" for i in range(len(variant.signature))]
        dispatcher = Dispatcher("op", names, driver=driver)
        dispatcher.add(variant, {entry.name: KernelImage(entry, b"binary")})
        return Op(dispatcher, driver)

    return make


@pytest.fixture
def matrix() -> Callable[..., torch.Tensor]:
    def make(rows: int = 4, columns: int = 8, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.zeros(rows, columns, dtype=dtype)

    return make


@pytest.fixture(scope="session")
def frozen_path() -> Path:
    return Path(__file__).with_name("data") / "format_1_0.helion"


@pytest.fixture(scope="session")
def frozen(frozen_path: Path) -> VerifiedContent:
    return read_verified(frozen_path)


@pytest.fixture
def hopper(frozen: VerifiedContent) -> RecordingDriver:
    """A driver that knows the frozen bundle's kernels, in the order its dispatch loads them."""
    return RecordingDriver(frozen.manifest.kernels, HOPPER)
