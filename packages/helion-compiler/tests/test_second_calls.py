"""What a configured kernel does when it is called again: what a bundle does, and nothing of the compiler's.

The tensors are the CPU's and say that they are a GPU's; kernels are compiled for one, and a driver records launches.
"""

from __future__ import annotations

import gc
import sys
import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
import helion_compiler
import helion_runtime
from helion_compiler import BuildRequest, bound_kernel, build_bundle
from helion_compiler.building import parse_target
from helion_runtime import dispatch, recording_driver
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMPILER = str(Path(helion_compiler.__file__).parent)
RUNTIME = str(Path(helion_runtime.__file__).parent)
CONFIG = helion.Config(block_sizes=[16, 16])
FACTOR = 3


@helion.kernel(config=CONFIG)
def scaled_add(x: torch.Tensor, y: torch.Tensor, scale: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] + y[tile] * scale * FACTOR
    return out


@helion.kernel(config=CONFIG)
def applied(x: torch.Tensor, function: Callable[..., torch.Tensor]) -> torch.Tensor:
    out = torch.empty_like(x)
    for tiles in hl.tile(x.size()):
        out[tiles] = function(x[tiles], tiles)
    return out


class OnGpu(torch.Tensor):
    """A tensor on the CPU that says that it is on a GPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    is_cuda = True  # type: ignore[assignment]  # a property elsewhere
    device = torch.device("cuda:0")  # type: ignore[assignment]  # as above


class Driver(RecordingDriver):
    """Launches for such tensors; outputs lie on the CPU."""

    device_type = "cuda"

    def torch_device(self, device: int) -> torch.device:
        return torch.device("cpu")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    found = Driver()
    monkeypatch.setattr(dispatch, "default_driver", lambda: found)
    monkeypatch.setattr(bound_kernel, "target_of_device", lambda device: parse_target("sm_90"))
    return found


def on_gpu() -> Any:
    return torch.zeros(32, 64).as_subclass(OnGpu)


def functions_called(call: Callable[[], object]) -> list[tuple[str, str]]:
    """File and name of every Python function that runs, but for the driver's and what that calls."""
    found: list[tuple[str, str]] = []
    within: list[Any] = []

    def listen(frame: Any, event: str, _: object) -> None:
        if within:
            if event == "return" and frame is within[-1]:
                within.pop()
        elif event == "call" and frame.f_code.co_filename == recording_driver.__file__:
            within.append(frame)
        elif event == "call":
            found.append((frame.f_code.co_filename, frame.f_code.co_name))

    sys.setprofile(listen)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found[1:]  # `call` itself


def of(package: str, called: list[tuple[str, str]]) -> Iterator[str]:
    """Functions of a package's own files."""
    for file, name in called:
        if file.startswith(package):
            yield f"{Path(file).name}:{name}"


def test_a_second_call_runs_nothing_of_the_compiler(driver: Driver, tmp_path: Path) -> None:
    x, y = on_gpu(), on_gpu()
    request = BuildRequest(scaled_add, (x, y, 2.0))  # type: ignore[arg-type]  # attrs converts it
    bundle = build_bundle(tmp_path / "k.helion", [request], targets=["sm_90"], jobs=1)
    driver.kernels += bundle.kernels

    first = functions_called(lambda: scaled_add(x, y, 2.0))
    assert "pipeline.py:make_program" in of(COMPILER, first)
    compiled = functions_called(lambda: scaled_add(x, y, 3.0))
    assert len(driver.launches) == 2
    assert set(of(COMPILER, compiled)) == {
        "compiled_kernel.py:__call__",
        "shortcuts.py:takes",
        "captures.py:unchanged",
        "shortcuts.py:leaves_of",
    }

    served = helion_runtime.load(bundle.path, driver=driver)
    with helion_runtime.use(served):
        scaled_add(x, y, 2.0)
        from_bundle = functions_called(lambda: scaled_add(x, y, 3.0))
    assert len(driver.launches) == 4
    assert not list(of(COMPILER, from_bundle))
    # No guard is in use yet: the signature has been looked up once.
    assert list(of(RUNTIME, compiled)) == ["dispatch.py:__call__", "torch_shortcuts.py:refuse"]
    assert list(of(RUNTIME, from_bundle)) == [
        "backend.py:__call__",
        "dispatch.py:__call__",
        "torch_shortcuts.py:refuse",
    ]

    def generated(called: list[tuple[str, str]]) -> list[str]:
        return [name for file, name in called if file.startswith("<") and "call of" not in file]

    assert generated(compiled) == generated(from_bundle)
    assert generated(compiled)
    launches = [(launch.symbol, launch.grid, launch.block) for launch in driver.launches]
    assert len(set(launches)) == 1


def adding(bias: torch.Tensor, factor: int) -> Callable[..., torch.Tensor]:
    return lambda value, tiles: value * factor + bias[tiles]


def test_a_second_call_with_a_function_runs_nothing_of_the_compiler(
    driver: Driver, tmp_path: Path
) -> None:
    """One that is written anew for each call, and captures another tensor."""
    x, biases, factors = on_gpu(), [on_gpu() for _ in range(3)], (2, 2, 3)
    requests = [
        BuildRequest(applied, (x, adding(biases[0], factor)), name=f"by_{factor}")  # type: ignore[arg-type]  # as above
        for factor in (2, 3)
    ]
    driver.kernels += build_bundle(
        tmp_path / "k.helion", requests, targets=["sm_90"], jobs=1
    ).kernels

    called = [
        list(of(COMPILER, functions_called(partial(applied, x, adding(bias, factor)))))
        for bias, factor in zip(biases, factors, strict=True)
    ]
    traced = ["pipeline.py:make_program" in one for one in called]
    assert traced == [True, False, True], "another number is another program"
    assert {one.partition(":")[0] for one in called[1]} == {
        *("compiled_kernel.py", "shortcuts.py", "captures.py", "passed_functions.py")
    }
    passed = [
        {int.from_bytes(each, "little") for each in launch.parameters} for launch in driver.launches
    ]
    for number, bias in enumerate(biases):
        assert [bias.data_ptr() in one for one in passed] == [number == place for place in range(3)]


def kept(call: Callable[..., object], make: Callable[[], torch.Tensor], count: int) -> bool:
    """Whether any of so many new arguments lives on when a call with them is over."""
    arguments = [make() for _ in range(count)]
    living = [weakref.ref(argument) for argument in arguments]
    call(*arguments)
    del arguments
    gc.collect()
    return any(one() is not None for one in living)


def test_a_kernel_keeps_no_tensor_of_its_calls() -> None:
    """A first call is what a kernel is compiled for: its tensors would stay in memory as long as the kernel."""
    kernel = helion.kernel(scaled_add.fn, config=CONFIG)
    for columns in (64, 64, 48):  # the last is compiled for anew
        assert not kept(lambda x, y: kernel(x, y, 2.0), partial(torch.zeros, 8, columns), 2)
    bound: list[Any] = []
    assert not kept(lambda x, y: bound.append(kernel.bind((x, y, 2.0))), on_gpu, 2)
    assert "tl.store" in bound[0].to_triton_code(CONFIG)
    x, y = torch.ones(2, 32, 64)
    torch.testing.assert_close(bound[0](x, y, 2.0), x + y * 2.0 * FACTOR)


def test_a_kernel_keeps_no_tensor_that_functions_of_its_calls_capture() -> None:
    kernel = helion.kernel(applied.fn, config=applied.configs[0])
    x = torch.ones(32, 64)

    def captured(bias: torch.Tensor) -> None:
        kernel(x, lambda value, tiles: value + bias[tiles])

    def default(bias: torch.Tensor) -> None:
        kernel(x, lambda value, tiles, *, own=bias: value + own[tiles])

    for call in (captured, captured, default):
        assert not kept(call, partial(torch.zeros, 32, 64), 1)


def test_tensors_that_a_kernel_captures_are_the_authors_to_keep() -> None:
    def make(table: torch.Tensor) -> Any:
        @helion.kernel(config=helion.Config(block_sizes=[16]))
        def looked_up(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                out[tile] = table[x[tile]]
            return out

        return looked_up

    table = torch.arange(8) * 10
    kernel = make(table)
    assert not kept(kernel, lambda: torch.tensor([3, 1, 7]), 1)
    assert kernel(torch.tensor([2, 2, 0])).tolist() == [20, 20, 0]
