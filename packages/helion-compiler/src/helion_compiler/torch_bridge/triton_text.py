"""TorchInductor's buffers as Triton text.

In: a `LoweredCall`. Out: a `PointwiseTemplate`. The expressions come from TorchInductor's own
Triton op handlers. A value in bfloat16 or float16 is held in float32 until the end.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import sympy
import torch
from torch._inductor import ir
from torch._inductor.codegen.triton import (
    TritonCSE,
    TritonCSEVariable,
    TritonOverrides,
    triton_compute_type,
)
from torch._inductor.dtype_propagation import DtypePropagationOpsHandler
from torch._inductor.ops_handler import DefaultHandler
from torch._inductor.utils import upcast_compute_type
from torch._inductor.virtualized import OpsValue, V
from torch.utils._sympy.functions import ToFloat

from helion_compiler.torch_bridge.elementary import WIDENED
from helion_compiler.torch_bridge.float32_texts import float32_texts, names_in
from helion_compiler.torch_bridge.operands import NotPointwise, PointwiseTemplate
from helion_compiler.torch_bridge.operator_graph import ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.utils._sympy.value_ranges import ValueRanges

    from helion_compiler.torch_bridge.operator_graph import LoweredCall

__all__ = ["template_of"]

_ELEMENT = sympy.Symbol("element", integer=True, nonnegative=True)
_RANDOM = frozenset({"rand", "randn", "randint64", "rand_eager", "load_seed"})
_COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_HELD_IN_FLOAT32 = (torch.float16, torch.bfloat16)


def template_of(
    operator: torch._ops.OpOverload,
    call: LoweredCall,
    result_dtype: torch.dtype,
    device: torch.device,
    *,
    approximated: frozenset[str] = frozenset(),
    elementary: bool = False,
) -> PointwiseTemplate:
    """The text of a lowered call, its result converted to `result_dtype`.

    Of float32, the ops that are `approximated` are by few instructions; with `elementary` it calls functions of that
    module.
    """
    texts = float32_texts(approximated=approximated, elementary=elementary)
    writer = _Writer(operator, call, texts, WIDENED if elementary else None)
    with (
        V.set_graph_handler(call.graph),
        call.graph.set_current_device(device),
        V.set_kernel_handler(writer.kernel),
        V.set_ops_handler(writer),
    ):
        (output,) = call.graph.graph_outputs
        value = writer.value_of(output.get_name())
        if call.tensors and list(output.get_size()) != [ELEMENTS]:
            raise NotPointwise(operator, "its result has another shape than its operands")
        result = writer.stored(value, result_dtype)
    lines = _needed(writer.kernel.cse.lines, result.name)
    return PointwiseTemplate(
        lines=lines,
        result=result.name,
        result_dtype=result_dtype,
        uses=frozenset(name for _, text in lines for name in names_in(text)),
    )


class _Temporaries(TritonCSE):
    """Names each different expression once, as the format field `{t0}`, `{t1}`, ..."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def generate(  # type: ignore[override] # takes what op handlers pass, and always makes text
        self, buffer: object, expr: Any, *, dtype: torch.dtype, **_properties: Any
    ) -> TritonCSEVariable:
        """Override: also called by the op handlers, for steps within one op."""
        del buffer
        value = expr.value if isinstance(expr, OpsValue) else expr
        if isinstance(value, TritonCSEVariable):
            return value
        text = str(value).replace("triton.language.", "tl.")
        known = self.try_get(text)
        if known is None:
            name = f"t{len(self.lines)}"
            self.lines.append((name, text))
            known = self.namedvar(f"{{{name}}}", dtype=dtype, shape=())
            self.put(text, known)
        return known


class _Kernel:
    """The little of TorchInductor's kernel object that its op handlers look at."""

    def __init__(self) -> None:
        self.cse = _Temporaries()
        self.compute = None
        self.min_elem_per_thread = 1
        self._load_mask = None

    def create_cse_var(
        self, name: str, bounds: ValueRanges[Any], dtype: torch.dtype, shape: Any
    ) -> TritonCSEVariable:
        return TritonCSEVariable(name, bounds, dtype, shape)


class _Writer(DefaultHandler):
    """Turns each op that a buffer's `inner_fn` calls into a temporary.

    The methods without an underscore are ops whose text differs from TorchInductor's, and the three
    that `template_of` calls.
    """

    def __init__(
        self,
        operator: torch._ops.OpOverload,
        call: LoweredCall,
        float32_texts: Mapping[str, str],
        widened: str | None,
    ) -> None:
        self.operator = operator
        self.call = call
        self.float32_texts = float32_texts
        self.widened = widened
        self.kernel = _Kernel()
        self.overrides = TritonOverrides()
        self.dtypes = DtypePropagationOpsHandler()
        self.buffers: dict[str, TritonCSEVariable] = {}
        self.integers: set[str] = set()
        """Temporaries that are an integer which all lanes share, as a float."""

    def value_of(self, name: str) -> TritonCSEVariable:
        """The value of an operand or of a buffer, by its name in the graph."""
        if name not in self.buffers:
            number = self.call.tensors.get(name)
            value = self._inlined(name) if number is None else self._operand(number)
            self.buffers[name] = value
        return self.buffers[name]

    def stored(self, value: TritonCSEVariable, dtype: torch.dtype) -> TritonCSEVariable:
        """The value in `dtype` itself, which for low precision is not the type it is held in."""
        if value.dtype == dtype:
            return value
        text = self.overrides.to_dtype(
            self._between_float8(value, dtype), dtype, value.dtype, use_compute_types=False
        )
        return self._temporary(text, dtype)

    def load(self, name: str, index: sympy.Expr) -> TritonCSEVariable:
        value = self.value_of(name)
        if index not in (_ELEMENT, sympy.S.Zero) or (index == 0 and name in self.call.tensors):
            raise NotPointwise(self.operator, f"it reads other elements than its own ({index})")
        return value

    def indirect_indexing(self, *_: Any, **__: Any) -> TritonCSEVariable:
        """Refused: tiles have no elements at computed places."""
        raise NotPointwise(self.operator, "it reads elements at places that it computes")

    def constant(self, value: Any, dtype: torch.dtype) -> TritonCSEVariable:
        """Integers wrap around the limits of their dtype, as in eager mode."""
        if type(value) is int and dtype is not torch.bool and not dtype.is_floating_point:
            limits = torch.iinfo(dtype)
            value = (value - limits.min) % (limits.max - limits.min + 1) + limits.min
        made: TritonCSEVariable = self._default("constant", (value, dtype), {})
        return made

    def index_expr(self, expr: sympy.Expr, dtype: torch.dtype) -> TritonCSEVariable:
        held = upcast_compute_type(dtype)
        number = self._arithmetic(sympy.sympify(expr))  # an int where Inductor knows it
        text = f"tl.cast({number}, {triton_compute_type(dtype)})"
        scalar = self._temporary(text, held)
        if _without_cast(expr).is_integer:
            self.integers.add(scalar.name)
        if held != dtype and self.operator.overloadpacket.__name__ in _COMPARISONS:
            # Eager mode compares with the number as the tile's type rounds it.
            return self._temporary(f"{self.stored(scalar, dtype)}.to(tl.float32)", held)
        return scalar

    def to_dtype(
        self,
        x: TritonCSEVariable,
        dtype: torch.dtype,
        src_dtype: torch.dtype | None = None,
        use_compute_types: bool = True,
    ) -> TritonCSEVariable:
        held = upcast_compute_type(dtype) if use_compute_types else dtype
        del src_dtype  # the type of `x` itself is known
        if x.dtype == held:
            return x
        source = self._between_float8(x, dtype)
        text = self.overrides.to_dtype(source, dtype, source.dtype, use_compute_types)
        return self._temporary(text, held)

    def truediv(self, x: TritonCSEVariable, y: TritonCSEVariable) -> TritonCSEVariable:
        """An integer that lanes share has a normal reciprocal, which is taken once: 1 ulp, where `div.full` has 2."""
        if y.name in self.integers and _is_float32(x) and _is_float32(y):
            reciprocal = self._temporary(f"tl.div_rn(1.0, {y})", torch.float32)
            return self._temporary(f"({x} * {reciprocal})", torch.float32)
        quotient: TritonCSEVariable = self._default("truediv", (x, y), {})
        return quotient

    def atan(self, x: TritonCSEVariable) -> TritonCSEVariable:
        """One call, where TorchInductor writes PTX that no other target understands."""
        return self._temporary(f"libdevice.atan({x})", _dtype(x))

    def sqrt(self, x: TritonCSEVariable) -> TritonCSEVariable:
        """Triton's correctly rounded root takes float32 alone; that of doubles is in its library."""
        if _dtype(x) is torch.float64:
            return self._temporary(f"libdevice.sqrt({x})", torch.float64)
        root: TritonCSEVariable = self._default("sqrt", (x,), {})
        return root

    def maximum(self, a: TritonCSEVariable, b: TritonCSEVariable) -> TritonCSEVariable:
        """Triton's own, told to propagate NaN: TorchInductor's helper would have every compiler load torch."""
        return self._extremum("maximum", a, b)

    def minimum(self, a: TritonCSEVariable, b: TritonCSEVariable) -> TritonCSEVariable:
        """As `maximum`."""
        return self._extremum("minimum", a, b)

    def _extremum(self, name: str, a: TritonCSEVariable, b: TritonCSEVariable) -> TritonCSEVariable:
        dtype = getattr(self.dtypes, name)(a, b)
        nan = ", propagate_nan=tl.PropagateNan.ALL" if dtype.is_floating_point else ""
        if dtype is torch.bool:
            return self._temporary(f"({a} {'|' if name == 'maximum' else '&'} {b})", dtype)
        return self._temporary(f"tl.{name}({a}, {b}{nan})", dtype)

    def signbit(self, x: TritonCSEVariable) -> TritonCSEVariable:
        """TorchInductor decides in the text between types that are known here."""
        text = f"libdevice.signbit({x}) != 0" if _dtype(x).is_floating_point else f"{x} < 0"
        return self._temporary(text, torch.bool)

    def _default(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name in _RANDOM:
            raise NotPointwise(self.operator, "it draws random numbers")
        if name in self.float32_texts and all(_is_float32(argument) for argument in args):
            return self._temporary(self.float32_texts[name].format(*args), torch.float32)
        try:
            text = getattr(self.overrides, name)(*args, **kwargs)
        except (NotImplementedError, AttributeError) as error:
            raise NotPointwise(self.operator, f"its part `{name}` has no Triton text") from error
        return self._temporary(text, getattr(self.dtypes, name)(*args, **kwargs))

    def _temporary(self, text: Any, dtype: torch.dtype) -> TritonCSEVariable:
        return self.kernel.cse.generate(None, text, dtype=dtype)

    def _operand(self, number: int) -> TritonCSEVariable:
        dtype = self.call.operands[number].dtype  # type: ignore[union-attr] # it is in `tensors`
        field = f"{{{number}}}"
        value: TritonCSEVariable = self.kernel.cse.namedvar(field, dtype=dtype, shape=())
        if dtype is torch.bfloat16 and self.widened is not None:
            return self._temporary(f"{self.widened}({field})", torch.float32)
        if dtype in _HELD_IN_FLOAT32:
            return self._temporary(f"{field}.to(tl.float32)", torch.float32)
        return value

    def _inlined(self, name: str) -> TritonCSEVariable:
        buffer = self.call.graph.try_get_buffer(name)
        data = buffer.data if isinstance(buffer, ir.ComputedBuffer) else buffer
        if buffer is None or isinstance(data, (ir.ExternKernel, ir.MultiOutput)):
            raise NotPointwise(self.operator, "TorchInductor calls a kernel of a library for it")
        if not isinstance(data, ir.Pointwise) or len(data.ranges) > 1:
            raise NotPointwise(self.operator, f"TorchInductor makes a {type(data).__name__} of it")
        value = data.inner_fn([_ELEMENT] * len(data.ranges))
        return self._temporary(value, data.get_dtype())

    def _arithmetic(self, expr: sympy.Expr) -> str:
        """Sums and products of run-time scalars and constants."""
        expr = _without_cast(expr)
        if expr in self.call.symbols:
            return f"{{{self.call.symbols[expr]}}}"
        if isinstance(expr, (sympy.Integer, sympy.Float)):
            return repr(int(expr) if expr.is_Integer else float(expr))
        if isinstance(expr, (sympy.Add, sympy.Mul)):
            sign = " + " if isinstance(expr, sympy.Add) else " * "
            return f"({sign.join(self._arithmetic(part) for part in expr.args)})"
        if _ELEMENT in expr.free_symbols:
            raise NotPointwise(self.operator, "it depends on the position of the element")
        raise NotPointwise(self.operator, f"it needs the value of {expr} in the kernel")

    def _between_float8(self, x: TritonCSEVariable, dtype: torch.dtype) -> TritonCSEVariable:
        """The value by way of float32, where Triton has no direct conversion."""
        if _dtype(x).is_floating_point and _dtype(x).itemsize == dtype.itemsize == 1:
            return self._temporary(f"{x}.to(tl.float32)", torch.float32)
        return x


def _without_cast(expr: sympy.Expr) -> sympy.Expr:
    """What becomes a float: whoever asks for the number casts it."""
    return _without_cast(expr.args[0]) if isinstance(expr, ToFloat) else sympy.sympify(expr)


def _is_float32(argument: Any) -> bool:
    return isinstance(argument, TritonCSEVariable) and argument.dtype is torch.float32


def _dtype(value: TritonCSEVariable) -> torch.dtype:
    assert value.dtype is not None  # Triton's variables always have one
    return value.dtype


def _needed(lines: list[tuple[str, str]], result: str) -> tuple[tuple[str, str], ...]:
    """The lines that the result depends on."""
    needed = {result.strip("{}")}
    kept = []
    for name, text in reversed(lines):
        if name in needed:
            kept.append((name, text))
            needed |= {field for _, field, _, _ in string.Formatter().parse(text) if field}
    return tuple(reversed(kept))
