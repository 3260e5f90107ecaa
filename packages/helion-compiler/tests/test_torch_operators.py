"""Kernels under torch's tracers: each call is one operator, which torch itself checks."""

from __future__ import annotations

import copy
import gc
import logging
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

import helion
import helion.language as hl
from helion_runtime.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONFIG = helion.Config(block_sizes=[16, 16])
SHAPE = (20, 30)
WEIGHT = torch.arange(30.0)


@helion.kernel(config=CONFIG)
def scaled_add(x: torch.Tensor, y: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] + y[tile] * scale
    return out


@helion.kernel(config=CONFIG)
def add_into(x: torch.Tensor, y: torch.Tensor) -> None:
    for tile in hl.tile(x.size()):
        x[tile] = x[tile] + y[tile]


@helion.kernel(config=CONFIG)
def both(x: torch.Tensor, n: int, flag: bool, word: str, bias: torch.Tensor | None) -> Any:
    """Several results, the argument itself, a view of a result, and arguments of every kind."""
    total, product = torch.empty_like(x), torch.empty_like(x)
    for tile in hl.tile(x.size()):
        values = x[tile] + n if flag else x[tile] - n
        if bias is not None:
            values = values + bias[tile]
        total[tile] = values
        product[tile] = values * (2 if word == "twice" else 3)
    return total, product, total.t(), x, n


@helion.kernel(config=CONFIG)
def add_all(xs: list[torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
    out = torch.empty(xs[0].shape, dtype=dtype, device=xs[0].device)
    for tile in hl.tile(out.size()):
        total = hl.zeros(tile, dtype=torch.float32)
        for x in xs:
            total = total + x[tile]
        out[tile] = total.to(dtype)
    return out


@helion.kernel(config=CONFIG)
def apply(x: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = function(x[tile])
    return out


@helion.kernel(config=CONFIG)
def weighted(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile_m, tile_n in hl.tile(x.size()):
        out[tile_m, tile_n] = x[tile_m, tile_n] * WEIGHT[tile_n]
    return out


@helion.kernel(config=CONFIG)
def as_dict(x: torch.Tensor) -> dict[str, Any]:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] * 2
    return {"out": out, "rows": x.size(0), "nothing": None}


@helion.kernel(config=CONFIG)
def reading(x: torch.Tensor) -> torch.Tensor:
    """Allocates as many rows as the largest element says."""
    out = torch.zeros([x.max().item(), x.size(1)], device=x.device)
    for tile in hl.tile(out.size()):
        out[tile] = 1.0
    return out


@helion.kernel(config=helion.Config(block_sizes=[4]))
def row_sums(x: torch.Tensor) -> torch.Tensor:
    """Python adds the columns up one by one."""
    out = x.new_empty([x.size(0)])
    columns = hl.specialize(x.size(1))
    for tile in hl.tile(x.size(0)):
        total = hl.zeros([tile], dtype=torch.float32)
        for column in hl.static_range(columns):
            total = total + x[tile, column]
        out[tile] = total
    return out


@helion.kernel(config=helion.Config(block_sizes=[8, 32]))
def partial_sums(x: torch.Tensor) -> torch.Tensor:
    """Allocates by the block size that its config chooses."""
    block = hl.register_block_size(x.size(0))
    parts = x.new_zeros([helion.cdiv(x.size(0), block), x.size(1)])
    for tile_m, tile_n in hl.tile(x.size(), block_size=[block, None]):
        parts[tile_m.id, tile_n] = x[tile_m, tile_n].sum(0)
    return parts.sum(0)


@pytest.fixture(autouse=True)
def fresh_dynamo() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def tensors(count: int = 2, rows: int = SHAPE[0]) -> list[torch.Tensor]:
    return [torch.randn(rows, SHAPE[1]) for _ in range(count)]


def called(graph: Any, operator: Any) -> int:
    return [node.target for node in graph.nodes].count(operator)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_compile(backend: str, dynamic: bool) -> None:
    compiled: Any = torch.compile(
        lambda x, y: scaled_add(x.sin(), y, scale=2.0).cos(),
        fullgraph=True,
        backend=backend,
        dynamic=dynamic,
    )
    for rows in (4, 7, 9):
        x, y = tensors(rows=rows)
        torch.testing.assert_close(compiled(x, y), (x.sin() + 2 * y).cos())


def test_dynamic_sizes_make_one_graph() -> None:
    counter = CompileCounterWithBackend("aot_eager")
    compiled: Any = torch.compile(
        lambda x, y: scaled_add(x, y), fullgraph=True, backend=counter, dynamic=True
    )
    compiled(*tensors(rows=4))
    first = counter.frame_count
    for rows in (7, 16, 9):
        compiled(*tensors(rows=rows))
    assert counter.frame_count == first


def test_a_kernel_that_is_first_called_while_traced() -> None:
    kernel = helion.kernel(scaled_add.fn, config=CONFIG)
    x, y = tensors()
    compiled: Any = torch.compile(kernel, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, y), x + y)


class Model(torch.nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return scaled_add(x, y) * 2


@pytest.mark.parametrize("strict", [False, True])
def test_export(strict: bool) -> None:
    rows = torch.export.Dim("rows", min=2, max=4096)
    x, y = tensors()
    exported = torch.export.export(
        Model(), (x, y), dynamic_shapes=({0: rows}, {0: rows}), strict=strict
    )
    operator = scaled_add.operator((x, y))
    assert called(exported.graph, operator) == 1
    assert len(exported.graph.nodes) == 5, "two inputs, the operator, the product, and the output"
    x, y = tensors(rows=11)
    torch.testing.assert_close(exported.module()(x, y), (x + y) * 2)


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_make_fx(mode: str) -> None:
    x, y = tensors()
    graph = make_fx(lambda x, y: scaled_add(x, y), tracing_mode=mode)(x, y)
    assert called(graph.graph, scaled_add.operator((x, y))) == 1
    torch.testing.assert_close(graph(x, y), x + y)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_fake_tensors(device: str) -> None:
    with FakeTensorMode() as mode:
        x = torch.empty(4, 8, device=device, dtype=torch.bfloat16)
        inside = scaled_add(x, x)
    for found in (inside, scaled_add(x, x)):
        assert found.fake_mode is mode
        assert (found.shape, found.stride(), found.dtype) == ((4, 8), (8, 1), torch.bfloat16)
        assert found.device == x.device


def test_other_modes_see_one_operator() -> None:
    with FlopCounterMode(display=False) as counter:
        scaled_add(*tensors())
    assert counter.get_total_flops() == 0

    seen = []

    class Listener(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            seen.append(func)
            return func(*args, **(kwargs or {}))

    x, y = tensors()
    with Listener():
        found = scaled_add(x, y)
    torch.testing.assert_close(found, x + y)
    assert seen == [scaled_add.operator((x, y))]


def every_kind() -> list[Any]:
    x, y, z = tensors(3)
    return [
        pytest.param(scaled_add, (x, y, 2.0), "Tensor x, Tensor y, float scale", id="plain"),
        pytest.param(add_into, (x, y), "Tensor(a0!) x, Tensor y", id="written"),
        pytest.param(
            both, (x, 3, True, "twice", y),
            "Tensor x, int n, bool flag, str word, Tensor bias", id="arguments",
        ),
        pytest.param(
            both, (x, 3, False, "thrice", None),
            "Tensor x, int n, bool flag, str word, Tensor? bias", id="none",
        ),
        pytest.param(add_all, ([x, y, z], torch.float64), "Tensor[] xs, ScalarType dtype", id="list"),
        pytest.param(weighted, (x,), "Tensor x, Tensor weighted_WEIGHT", id="captured"),
        pytest.param(apply, (x, torch.relu), "Tensor x", id="function"),
        pytest.param(as_dict, (x,), "Tensor x", id="dict"),
        pytest.param(row_sums, (x,), "Tensor x", id="specialised"),
        pytest.param(partial_sums, (x,), "Tensor x", id="block size"),
    ]  # fmt: skip


@pytest.mark.parametrize(("kernel", "args", "schema"), every_kind())
def test_torch_checks_the_operator(kernel: Any, args: tuple[Any, ...], schema: str) -> None:
    operator = kernel.operator(args)
    assert f"({schema}) -> " in str(operator._schema)
    passed = tuple(arg for arg in args if not callable(arg))
    if kernel is weighted:
        passed = (*args, WEIGHT)
    torch.library.opcheck(operator, passed)


@pytest.mark.parametrize(("kernel", "args", "schema"), every_kind())
def test_traced_calls_do_what_calls_do(kernel: Any, args: tuple[Any, ...], schema: str) -> None:
    assert schema
    plain, traced = copy.deepcopy(args), copy.deepcopy(args)
    expected = kernel(*plain)
    graph = make_fx(lambda: kernel(*traced), tracing_mode="real")()
    targets = [node.target for node in graph.graph.nodes if node.op == "call_function"]
    assert kernel.operator(args) in targets
    traced = copy.deepcopy(args)
    found = kernel(*traced)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(traced[0], plain[0])


def test_arguments_results_and_views_under_compile() -> None:
    x, y = tensors()

    def run(x: torch.Tensor, y: torch.Tensor) -> Any:
        total, product, transposed, same, n = both(x, 3, flag=True, word="twice", bias=y)
        add_into(total, y)
        assert same is x
        return total, product, transposed, n

    expected = run(x, y)
    found = torch.compile(run, fullgraph=True, backend="aot_eager")(x, y)
    torch.testing.assert_close(found[:2], expected[:2])
    torch.testing.assert_close(found[2], (x + 3 + y).t())  # a copy: it does not follow `total`
    assert found[3] == 3


def doubled(values: torch.Tensor) -> torch.Tensor:
    return values * 2


def test_functions_among_the_arguments_under_compile() -> None:
    (x,) = tensors(1)

    def run(x: torch.Tensor) -> Any:
        return apply(x, torch.relu), apply(x, doubled), apply(x, lambda values: values + 1)

    found = torch.compile(run, fullgraph=True, backend="aot_eager")(x)
    torch.testing.assert_close(found, (x.relu(), x * 2, x + 1))

    def with_factor(factor: float) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda values: values * factor

    captures = with_factor(3.0)
    torch.testing.assert_close(apply(x, captures), x * 3)
    compiled: Any = torch.compile(lambda x: apply(x, captures), fullgraph=True, backend="aot_eager")
    with pytest.raises(Exception, match="pass what it captures as arguments"):
        compiled(x)


def test_dicts_under_compile() -> None:
    (x,) = tensors(1)

    def run(x: torch.Tensor) -> Any:
        first, second = as_dict(x), as_dict(x + 1)
        return first, second["out"], second["rows"]

    first, out, rows = torch.compile(run, fullgraph=True, backend="aot_eager")(x)
    assert list(first) == ["out", "rows", "nothing"]
    torch.testing.assert_close(first["out"], x * 2)
    torch.testing.assert_close(out, (x + 1) * 2)
    assert (rows, first["rows"], first["nothing"]) == (SHAPE[0], SHAPE[0], None)


def test_what_is_written_into_under_compile() -> None:
    def run(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        add_into(x, y)
        add_into(x, y)
        return x * 1

    x, y = tensors()
    expected = x + 2 * y
    found = torch.compile(run, fullgraph=True, backend="aot_eager")(x, y)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(x, expected)


def test_lists_of_any_length_and_every_dtype_are_one_operator() -> None:
    x, y, z = tensors(3)
    operator = add_all.operator(([x, y, z], torch.float64))
    assert add_all.operator(([x, y], torch.float32)) is operator
    torch.testing.assert_close(operator([x, y], torch.float32), x + y)


def test_gradients() -> None:
    kernel = helion.kernel(scaled_add.fn, config=CONFIG)

    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        ctx.scale = inputs[2]
        assert output.shape == inputs[0].shape

    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        return grad, grad * ctx.scale, None

    kernel.register_autograd(backward, setup_context=setup_context)
    compiled: Any = torch.compile(kernel, fullgraph=True, backend="aot_eager")
    for call in (kernel, compiled):
        x, y = (tensor.requires_grad_() for tensor in tensors())
        out = call(x, y, 3.0)
        torch.testing.assert_close(out, x + 3 * y)
        out.sum().backward()
        torch.testing.assert_close(x.grad, torch.ones_like(x))
        torch.testing.assert_close(y.grad, torch.full_like(y, 3.0))
    with torch.no_grad():
        assert not kernel(x, y).requires_grad
    torch.library.opcheck(kernel.operator((x, y)), (x, y, 3.0))


def test_graphs_outlive_what_implements_the_kernel() -> None:
    kernel = helion.kernel(scaled_add.fn, config=CONFIG)
    x, y = tensors()
    graph = make_fx(lambda x, y: kernel(x, y))(x, y)
    kernel.settings = attrs.evolve(kernel.settings, static_shapes=False)  # starts afresh
    gc.collect()
    torch.testing.assert_close(graph(x, y), x + y)


def test_names() -> None:
    kernel = helion.kernel(scaled_add.fn, config=CONFIG)
    args = tuple(tensors())
    operator = kernel.operator(args, "helion_test_names::sum")
    assert str(operator) == "helion_test_names.sum.default"
    assert kernel.operator(args) is operator
    assert kernel.operator(args, "helion_test_names::sum") is operator
    assert called(make_fx(lambda x, y: kernel(x, y))(*args).graph, operator) == 1
    with pytest.raises(RegistrationError, match="torch refuses"):
        helion.kernel(scaled_add.fn).operator(args, "helion_test_names::sum")
    with pytest.raises(RegistrationError, match="expected a name such as 'my_model::kernel'"):
        kernel.operator(args, "sum")


def test_kernels_of_one_name_are_two_operators() -> None:
    args = tuple(tensors())
    first, second = (helion.kernel(scaled_add.fn, config=CONFIG).operator(args) for _ in range(2))
    assert first is not second
    assert first.namespace == second.namespace == "helion"


def test_a_kernel_specialises_one_size() -> None:
    counter = CompileCounterWithBackend("aot_eager")
    compiled: Any = torch.compile(row_sums, fullgraph=True, backend=counter, dynamic=True)
    for rows, columns in ((6, 3), (8, 3), (9, 3), (6, 5)):
        x = torch.randn(rows, columns)
        torch.testing.assert_close(compiled(x), x.sum(1))
    assert counter.frame_count == 2, "one for each number of columns"


def test_what_a_key_asks_for_is_specialised() -> None:
    kernel: Any = helion.kernel(scaled_add.fn, config=CONFIG, key=lambda x, y, scale: x.size(0))
    counter = CompileCounterWithBackend("aot_eager")
    compiled: Any = torch.compile(kernel, fullgraph=True, backend=counter, dynamic=True)
    counts = []
    for rows in (4, 4, 7):
        x, y = tensors(rows=rows)
        torch.testing.assert_close(compiled(x, y, 2.0), x + 2 * y)
        counts.append(counter.frame_count)
    assert counts[0] == counts[1] < counts[2]


@helion.kernel(config=helion.Config(block_sizes=[4]))
def halves(x: torch.Tensor) -> torch.Tensor:
    """Where the size is a symbol, it may be odd."""
    out = x.new_empty([x.size(0), x.size(1) // 2])
    for tile in hl.tile(x.size(0)):
        out[tile, :] = x[tile, :].view(tile, 2, x.size(1) // 2).sum(1)
    return out


def test_sizes_are_specialised_where_the_kernel_needs_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    compiled: Any = torch.compile(halves, fullgraph=True, backend="aot_eager", dynamic=True)
    with caplog.at_level(logging.INFO, "helion_compiler"):
        for columns in (4, 8):
            x = torch.randn(6, columns)
            torch.testing.assert_close(compiled(x), x.view(6, 2, -1).sum(1))
    told = [record.getMessage() for record in caplog.records if record.name == "helion_compiler"]
    assert told
    assert all("'halves' is specialised on sizes" in message for message in told)


def test_what_no_tracer_can_know_is_refused() -> None:
    counts = torch.full(SHAPE, 3)
    assert reading(counts).shape == (3, SHAPE[1])
    with pytest.raises(RegistrationError, match="reads numbers from tensors on the host"):
        reading.operator((counts,))
    x = torch.ones(SHAPE)
    with FakeTensorMode() as mode, pytest.raises(RegistrationError, match="captures a tensor"):
        weighted(mode.from_tensor(x))
    many = helion.kernel(unsettled, configs=[CONFIG, helion.Config(block_sizes=[8, 16])])
    with pytest.raises(RegistrationError, match="computed from a block size"):
        many.operator((x,))


def unsettled(x: torch.Tensor) -> torch.Tensor:
    """Returns as many rows as its config makes blocks."""
    block = hl.register_block_size(x.size(0))
    parts = x.new_zeros([helion.cdiv(x.size(0), block), x.size(1)])
    for tile_m, tile_n in hl.tile(x.size(), block_size=[block, None]):
        parts[tile_m.id, tile_n] = x[tile_m, tile_n].sum(0)
    return parts


def test_sizes_that_nothing_is_known_of() -> None:
    """Rows that another operator counts."""

    class Compressed(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            kept = x[x[:, 0] > 0]
            torch._check(kept.size(0) >= 2)
            return scaled_add(kept, kept)

    x = torch.randn(SHAPE)
    exported = torch.export.export(Compressed(), (x,), strict=False)
    kept = x[x[:, 0] > 0]
    torch.testing.assert_close(exported.module()(x), kept * 2)
