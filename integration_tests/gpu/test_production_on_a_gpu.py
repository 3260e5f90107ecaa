"""Decorated kernels in production, on a GPU: as operators of torch's, from bundles, and compiled again from source."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

import helion
import helion.language as hl
import helion_runtime
from helion_compiler import BuildRequest, build_bundle
from helion_compiler.building import target_of_device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.gpu

SHAPE = (256, 128)
CONFIG = helion.Config(block_sizes=[32, 64], num_warps=4)
DESCRIBED = helion.Config(
    block_sizes=[32, 64],
    num_warps=4,
    indexing=["tensor_descriptor", "tensor_descriptor", "pointer"],
)


@helion.kernel(config=CONFIG)
def scaled_add(x: torch.Tensor, y: torch.Tensor, scale: float) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] + y[tile] * scale
    return out


@helion.kernel(config=CONFIG)
def add_into(x: torch.Tensor, y: torch.Tensor) -> None:
    for tile in hl.tile(x.size()):
        x[tile] = x[tile] + y[tile]


def operands(rows: int = SHAPE[0]) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.randn(rows, SHAPE[1], device="cuda") for _ in range(2))  # type: ignore[return-value]  # two


def model(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    total = scaled_add(x.sin(), y, 2.0)
    add_into(total, y)
    return total.cos()


def expected(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (x.sin() + y * 2.0 + y).cos()


def build(folder: Path, target: str, config: helion.Config = CONFIG) -> Any:
    x, y = (torch.empty(SHAPE, device="meta") for _ in range(2))
    requests = [
        BuildRequest(scaled_add, (x, y, 2.0), config=config),  # type: ignore[arg-type]  # attrs converts it
        BuildRequest(add_into, (x, y)),  # type: ignore[arg-type]  # as above
    ]
    return build_bundle(folder / f"{target}.helion", requests, targets=[target], jobs=1)


@pytest.fixture(autouse=True)
def fresh_dynamo() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture(params=["compiled", "bundle"])
def ways(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same source, compiled here and from a bundle."""
    if request.param == "compiled":
        yield request.param
        return
    here = target_of_device(torch.device("cuda", 0)).name
    with helion_runtime.use(build(tmp_path, here).path):
        yield request.param


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_torch_compile(ways: str, mode: str) -> None:
    compiled: Any = torch.compile(model, fullgraph=True, mode=mode)
    for _ in range(4):  # graphs are captured by the second call, replayed by the third
        x, y = operands()
        torch.testing.assert_close(compiled(x, y), expected(x, y))


def test_a_kernel_that_is_compiled_while_graphs_watch_memory() -> None:
    """They refuse a call that leaves a tensor of theirs alive, as the example of a kernel would be."""
    fresh = helion.kernel(scaled_add.fn, config=CONFIG)
    compiled: Any = torch.compile(
        lambda x, y: fresh(x.sin(), y, 2.0).cos(), fullgraph=True, mode="reduce-overhead"
    )
    for _ in range(4):
        x, y = operands()
        torch.testing.assert_close(compiled(x, y), (x.sin() + y * 2.0).cos())


def test_symbolic_sizes() -> None:
    compiled: Any = torch.compile(model, fullgraph=True, dynamic=True)
    for rows in (256, 100, 7):
        x, y = operands(rows)
        torch.testing.assert_close(compiled(x, y), expected(x, y))


def test_real_tensors_are_traced_too(ways: str) -> None:
    x, y = operands()
    scaled_add(x, y, 2.0)  # so that its launch is there to be taken instead
    graph = make_fx(lambda x, y: scaled_add(x, y, 2.0))(x, y)
    x, y = operands()
    torch.testing.assert_close(graph(x, y), x + 2 * y)


def test_export_and_load(ways: str) -> None:
    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return model(x, y)

    exported = torch.export.export(Module(), operands())
    file = io.BytesIO()
    torch.export.save(exported, file)
    file.seek(0)
    x, y = operands()
    torch.testing.assert_close(torch.export.load(file).module()(x, y), expected(x, y))


def test_gradients() -> None:
    kernel = helion.kernel(scaled_add.fn, config=CONFIG)

    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        return grad, grad * ctx.scale, None

    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        ctx.scale = inputs[2]

    kernel.register_autograd(backward, setup_context=setup_context)
    for call in (kernel, torch.compile(kernel, fullgraph=True)):
        x, y = (tensor.requires_grad_() for tensor in operands())
        call(x, y, 3.0).sum().backward()
        torch.testing.assert_close(y.grad, torch.full_like(y, 3.0))
    torch.library.opcheck(kernel.operator((x, y, 3.0)), (x, y, 3.0))


@pytest.mark.parametrize("config", [CONFIG, DESCRIBED], ids=["pointers", "descriptors"])
def test_source_for_another_gpu_is_compiled_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, config: helion.Config
) -> None:
    here = target_of_device(torch.device("cuda", 0)).name
    other = "sm_80" if here != "sm_80" else "sm_90"
    bundle = build(tmp_path, other, config)
    x, y = operands()
    with pytest.raises(helion_runtime.errors.ArchitectureError):
        helion_runtime.load(bundle.path).scaled_add(x, y, 2.0)
    loaded = helion_runtime.load(bundle.path, bundle.id, on_miss="jit")
    for _ in range(3):
        torch.testing.assert_close(loaded.scaled_add(x, y, 2.0), x + 2 * y)
    told = [record for record in caplog.records if record.name == "helion_runtime"]
    assert len(told) == 2, "that it is compiled, and that this signature is served so"
    assert {record.levelno for record in told} == {logging.WARNING}


def test_tensors_that_are_not_aligned(tmp_path: Path) -> None:
    here = target_of_device(torch.device("cuda", 0)).name
    bundle = build(tmp_path, here)
    loaded = helion_runtime.load(bundle.path, bundle.id, on_miss="jit")
    x, y = operands()
    moved = torch.empty(x.numel() + 1, device="cuda")[1:].view_as(x).copy_(x)
    torch.testing.assert_close(loaded.scaled_add(moved, y, 2.0), x + 2 * y)
    torch.testing.assert_close(loaded.scaled_add(x, y, 2.0), x + 2 * y)
