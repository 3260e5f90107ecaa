"""Ops as operators of torch's: traced, compiled, exported, fake, and checked by torch itself.

The driver of these tests does what the kernel would: it adds two tensors into a third, at the addresses it is given.
"""

from __future__ import annotations

import ctypes
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from helion_runtime.dispatch import Dispatcher
from helion_runtime.entries import (
    CallStep,
    PointerArgument,
    ReadStep,
    ResultEntry,
    ScalarSignature,
    VariantEntry,
    ViewStep,
)
from helion_runtime.errors import ArgumentTypeError, RegistrationError
from helion_runtime.modules import KernelImage
from helion_runtime.record import replace
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helion_runtime.entries import KernelEntry

CHECKS = (
    "test_schema",
    "test_autograd_registration",
    "test_faketensor",
    "test_aot_dispatch_dynamic",
)


class AddingDriver(RecordingDriver):
    """Runs the kernel of these tests, on the CPU."""

    def launch(self, *args: Any) -> int:
        code = super().launch(*args)
        x, y, out, count = (
            int.from_bytes(raw, "little") for raw in self.launches[-1].parameters[:4]
        )
        values = ctypes.c_float * count
        for i, (a, b) in enumerate(
            zip(values.from_address(x), values.from_address(y), strict=True)
        ):
            values.from_address(out)[i] = a + b
        return code


@pytest.fixture
def namespace() -> Iterator[str]:
    """One of its own for each test: torch forgets no operator."""
    return f"helion_test_{next(_NUMBERS)}"


_NUMBERS = itertools.count()


@pytest.fixture
def make_adding(kernel: KernelEntry) -> Callable[..., Dispatcher]:
    def make(*variants: VariantEntry) -> Dispatcher:
        op = Dispatcher(
            "add",
            [f"x{i}" for i in range(len(variants[0].signature))],
            driver=AddingDriver([kernel]),
        )
        for variant in variants:
            op.add(variant, {"k": KernelImage(kernel, b"binary")})
        return op

    return make


@pytest.fixture
def adding(make_adding: Callable[..., Dispatcher], add_variant: VariantEntry) -> Dispatcher:
    return make_adding(replace(add_variant, mutates=()))


def tensors(rows: int = 4, columns: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(rows, columns), torch.randn(rows, columns)


def test_calls_go_on_as_before(adding: Dispatcher, namespace: str) -> None:
    x, y = tensors()
    operator = adding.register(namespace)
    assert str(operator) == f"{namespace}.add.default"
    assert torch.equal(adding(x, y), x + y)
    assert torch.equal(operator(x, y), x + y)


def test_torch_checks_the_operator(adding: Dispatcher, namespace: str) -> None:
    torch.library.opcheck(adding.register(namespace), tensors(), test_utils=CHECKS)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_compile(adding: Dispatcher, namespace: str, backend: str, dynamic: bool) -> None:
    adding.register(namespace)
    compiled = torch.compile(
        lambda x, y: adding(x.sin(), y).cos(), fullgraph=True, backend=backend, dynamic=dynamic
    )
    for rows in (4, 6, 9):
        x, y = tensors(rows)
        torch.testing.assert_close(compiled(x, y), (x.sin() + y).cos())
    torch._dynamo.reset()


class Model(torch.nn.Module):
    """Calls an op."""

    def __init__(self, op: Dispatcher) -> None:
        super().__init__()
        self.op = op

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return self.op(x, y) * 2


def test_export(adding: Dispatcher, namespace: str) -> None:
    operator = adding.register(namespace)
    rows = torch.export.Dim("rows", min=2, max=4096)
    exported = torch.export.export(Model(adding), tensors(), dynamic_shapes=({0: rows}, {0: rows}))
    assert [node.target for node in exported.graph.nodes].count(operator) == 1
    x, y = tensors(11)
    torch.testing.assert_close(exported.module()(x, y), (x + y) * 2)


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_make_fx(adding: Dispatcher, namespace: str, mode: str) -> None:
    operator = adding.register(namespace)
    graph = make_fx(lambda x, y: adding(x, y), tracing_mode=mode)(*tensors())
    assert [node.target for node in graph.graph.nodes].count(operator) == 1
    x, y = tensors()
    assert torch.equal(graph(x, y), x + y)


def test_fake_tensors(adding: Dispatcher, namespace: str) -> None:
    with FakeTensorMode() as mode:
        x = torch.empty(4, 8)
        unregistered = "register the op with torch"
        with pytest.raises(ArgumentTypeError, match=unregistered):
            adding(x, x)
        adding.register(namespace)
        assert adding(x, x).shape == (4, 8)
    found = adding(x, x)
    assert found.fake_mode is mode
    assert (found.shape, found.stride(), found.dtype) == ((4, 8), (8, 1), torch.float32)
    with pytest.raises(RegistrationError, match="no variant takes"), mode:
        adding(x, torch.empty(4, 9))


def test_gradients(adding: Dispatcher, namespace: str) -> None:
    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)

    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = ctx.saved_tensors
        assert x.shape == y.shape
        return grad * 2, grad * 3

    adding.register(namespace, backward=backward, setup_context=setup_context)
    x, y = (tensor.requires_grad_() for tensor in tensors())
    adding(x, y).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert x.grad.unique().tolist() == [2.0]
    assert y.grad.unique().tolist() == [3.0]
    with torch.no_grad():
        assert not adding(x, y).requires_grad


def test_structures_views_and_arguments(
    make_adding: Callable[..., Dispatcher], add_variant: VariantEntry, namespace: str
) -> None:
    """A view of a result is copied, an argument that is returned is the caller's own."""
    rows, columns = ["size", 0, 0], ["size", 0, 1]
    view = ViewStep(2, (columns, rows), (1, columns))
    outputs = ["dict", [["sums", ["tuple", [["buffer", 2], ["buffer", 3]]]], ["x", ["buffer", 0]],
                        ["rows", ["value", rows]], ["nothing", ["none"]]]]  # fmt: skip
    op = make_adding(
        replace(add_variant, steps=(*add_variant.steps, view), outputs=outputs, mutates=())
    )
    x, y = tensors()
    plain = op(x, y)
    operator = op.register(namespace)
    torch.library.opcheck(operator, (x, y), test_utils=CHECKS)
    for found in (plain, torch.compile(op, fullgraph=True, backend="aot_eager")(x, y)):
        assert list(found) == ["sums", "x", "rows", "nothing"]
        total, transposed = found["sums"]
        assert torch.equal(total, x + y)
        assert torch.equal(transposed, (x + y).T)
        assert found["x"] is x
        assert (found["rows"], found["nothing"]) == (4, None)
    torch._dynamo.reset()


def test_what_is_written_into(
    make_adding: Callable[..., Dispatcher], add_variant: VariantEntry, namespace: str
) -> None:
    """An op that writes its sum into the first argument."""
    (launch,) = add_variant.launches
    in_place = replace(
        launch, arguments=(*launch.arguments[:2], PointerArgument(0), launch.arguments[3])
    )
    variant = replace(add_variant, steps=(), launches=(in_place,), outputs=["none"], mutates=(0,))
    op = make_adding(variant)
    operator = op.register(namespace)
    assert str(operator._schema).endswith("add(Tensor(a0!) x0, Tensor x1) -> ()")
    torch.library.opcheck(operator, tensors(), test_utils=CHECKS)

    def twice(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        op(x, y)
        op(x, y)
        return x * 1

    x, y = tensors()
    expected = x + y + y
    torch.testing.assert_close(
        torch.compile(twice, fullgraph=True, backend="aot_eager")(x, y), expected
    )
    torch.testing.assert_close(x, expected)
    torch._dynamo.reset()


def test_what_is_not_said_may_be_written_into(
    make_adding: Callable[..., Dispatcher], add_variant: VariantEntry, namespace: str
) -> None:
    operator = make_adding(add_variant).register(namespace)
    assert "Tensor(a0!) x0, Tensor(a1!) x1" in str(operator._schema)


def test_operators_on_the_host(
    make_adding: Callable[..., Dispatcher], add_variant: VariantEntry, namespace: str
) -> None:
    total = ResultEntry((), (), "float32")
    step = CallStep("aten::sum", (["buffer", 2],), (), (total,), after=True)
    op = make_adding(
        replace(add_variant, steps=(*add_variant.steps, step), outputs=["buffer", 3], mutates=())
    )
    operator = op.register(namespace)
    x, y = tensors()
    torch.library.opcheck(operator, (x, y), test_utils=CHECKS)
    torch.testing.assert_close(op(x, y), (x + y).sum())


def test_what_cannot_be_an_operator(
    make_adding: Callable[..., Dispatcher], add_variant: VariantEntry, namespace: str
) -> None:
    other = replace(add_variant, guard=(), outputs=["tuple", [["buffer", 2]]])
    total = CallStep("aten::sum", (["buffer", 0],), (), (ResultEntry((), (), "float32"),))
    reading = replace(add_variant, steps=(*add_variant.steps, total, ReadStep(3, "float")))
    returning = replace(reading, outputs=["value", ["item", 4]])
    for variants, message in (
        ((add_variant, other), "return things of 2 forms"),
        ((reading,), "reads numbers from tensors"),
        ((returning,), "a number read from a tensor is returned"),
    ):
        with pytest.raises(RegistrationError, match=message):
            make_adding(*variants).register(namespace)
    with pytest.raises(RegistrationError, match="has no variant"):
        Dispatcher("add", ["x"], driver=RecordingDriver()).register(namespace)
    op = make_adding(add_variant)
    op.register(namespace)
    with pytest.raises(RegistrationError, match="is registered"):
        op.register(f"{namespace}_again")
    with pytest.raises(RegistrationError, match="torch refuses"):
        make_adding(add_variant).register(namespace)


def test_numbers_are_parameters(
    make_adding: Callable[..., Dispatcher], add_variant: VariantEntry, namespace: str
) -> None:
    (launch,) = add_variant.launches
    shifted = replace(
        launch, arguments=(*launch.arguments[:2], PointerArgument(3), launch.arguments[3])
    )

    def with_number(kind: Any) -> VariantEntry:
        return replace(
            add_variant,
            signature=(*add_variant.signature, ScalarSignature(kind)),
            launches=(shifted,),
            outputs=["buffer", 3],
            mutates=(),
        )

    operator = make_adding(with_number("int"), with_number("none")).register(namespace)
    assert "Tensor x1, int? x2" in str(operator._schema)
    x, y = tensors()
    assert torch.equal(operator(x, y, 3), operator(x, y, None))
    with pytest.raises(RegistrationError, match="argument 'x2' may be float or int"):
        make_adding(with_number("int"), with_number("float")).register(f"{namespace}_float")
