"""TorchInductor's buffers as Triton text.

In: a `LoweredCall` whose every buffer is pointwise. Out: a `PointwiseTemplate`. The values come from
TorchInductor's own Triton op handlers; bfloat16 and float16 are computed in float32 and rounded
once, at the end.
"""

from __future__ import annotations

import re
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
from torch._inductor.virtualized import OpsValue, V
from torch.utils._sympy.value_ranges import ValueRanges

from helion_compiler.torch_bridge.operands import (
    NotPointwise,
    PointwiseTemplate,
    ScalarOperand,
    TensorOperand,
)

if TYPE_CHECKING:
    from helion_compiler.torch_bridge.operator_graph import LoweredCall

__all__ = ["template_of"]

SUPPORT = re.compile(r"(?<![\w.])(libdevice|tl_math|triton_helpers)\.")
ELEMENT = sympy.Symbol("element", integer=True, nonnegative=True)
RANDOM = frozenset({"rand", "randn", "randint64", "rand_eager", "load_seed"})
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})


def template_of(
    operator: torch._ops.OpOverload,
    call: LoweredCall,
    result_dtype: torch.dtype,
    device: torch.device,
) -> PointwiseTemplate:
    """The text of a lowered call, its result converted to `result_dtype`."""
    writer = _Writer(operator, call)
    with (
        V.set_graph_handler(call.graph),
        call.graph.set_current_device(device),
        V.set_kernel_handler(writer.kernel),
        V.set_ops_handler(writer),
    ):
        (output,) = call.graph.graph_outputs
        value = writer.load(output.get_name(), ELEMENT)
        stored = writer.converted(value, result_dtype)
    lines = _needed(writer.kernel.cse.lines, stored.name)
    text = "\n".join(expression for _, expression in lines)
    return PointwiseTemplate(
        lines=tuple(lines),
        result=stored.name,
        result_dtype=result_dtype,
        uses=frozenset(SUPPORT.findall(text)),
    )


class _Temporaries(TritonCSE):
    """Names each different expression once; names are format fields such as `{t0}`."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def generate(self, buffer: Any, expr: Any, **properties: Any) -> Any:
        del buffer
        if isinstance(expr, OpsValue):
            expr = expr.value
        if isinstance(expr, TritonCSEVariable):
            return expr
        known = self.try_get(expr)
        if known is not None:
            return known
        name = f"t{len(self.lines)}"
        self.lines.append((name, expr.replace("triton.language.", "tl.")))
        variable = self.namedvar(f"{{{name}}}", dtype=properties["dtype"], shape=())
        self.put(expr, variable)
        return variable


class _Kernel:
    """The little of TorchInductor's kernel object that its op handlers look at."""

    def __init__(self) -> None:
        self.cse = _Temporaries()
        self.compute = None
        self.min_elem_per_thread = 1
        self.current_node = None
        self._load_mask = None

    def create_cse_var(
        self, name: str, bounds: ValueRanges[Any], dtype: torch.dtype, shape: Any
    ) -> TritonCSEVariable:
        return TritonCSEVariable(name, bounds, dtype, shape)


class _Writer(DefaultHandler):
    """Turns each op that a buffer's `inner_fn` calls into a temporary."""

    def __init__(self, operator: torch._ops.OpOverload, call: LoweredCall) -> None:
        self.operator = operator
        self.call = call
        self.kernel = _Kernel()
        self.overrides = TritonOverrides()
        self.dtypes = DtypePropagationOpsHandler()
        self.buffers: dict[str, TritonCSEVariable] = {}

    def temporary(self, expression: Any, dtype: torch.dtype) -> TritonCSEVariable:
        return self.kernel.cse.generate(None, expression, dtype=dtype)

    def _default(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name in RANDOM:
            raise NotPointwise(self.operator, "it draws random numbers")
        try:
            expression = getattr(self.overrides, name)(*args, **kwargs)
        except (NotImplementedError, AttributeError) as error:
            raise NotPointwise(self.operator, f"`{name}` has no Triton text") from error
        return self.temporary(expression, getattr(self.dtypes, name)(*args, **kwargs))

    def load(self, name: str, index: sympy.Expr) -> TritonCSEVariable:
        if index not in (ELEMENT, sympy.S.Zero):
            raise NotPointwise(self.operator, f"it reads elements other than its own ({index})")
        number = self.call.tensors.get(name)
        if number is not None:
            return self._operand(number)
        if name not in self.buffers:
            self.buffers[name] = self._inlined(name)
        return self.buffers[name]

    def _operand(self, number: int) -> TritonCSEVariable:
        operand = self.call.operands[number]
        assert isinstance(operand, TensorOperand)
        field = f"{{{number}}}"
        variable = self.kernel.cse.varname_map.get(field)
        if variable is None:
            variable = self.kernel.cse.namedvar(field, dtype=operand.dtype, shape=())
        if operand.dtype in (torch.float16, torch.bfloat16):
            return self.temporary(f"{field}.to(tl.float32)", torch.float32)
        return variable

    def _inlined(self, name: str) -> TritonCSEVariable:
        buffer = self.call.graph.try_get_buffer(name)
        data = getattr(buffer, "data", None)
        if not isinstance(buffer, ir.ComputedBuffer) or not isinstance(data, ir.Pointwise):
            kind = type(data if isinstance(buffer, ir.ComputedBuffer) else buffer).__name__
            raise NotPointwise(self.operator, f"TorchInductor makes a {kind} of it")
        index = [ELEMENT] if len(data.ranges) == 1 else [sympy.S.Zero for _ in data.ranges]
        value = data.inner_fn(index)
        return value.value if isinstance(value, OpsValue) else value

    def index_expr(self, expr: sympy.Expr, dtype: torch.dtype) -> TritonCSEVariable:
        number = self.call.symbols.get(expr)
        if number is None:
            raise NotPointwise(self.operator, f"it needs the value of the expression {expr}")
        operand = self.call.operands[number]
        assert isinstance(operand, ScalarOperand)
        text = f"tl.cast({{{number}}}, {triton_compute_type(dtype)})"
        compute = torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
        return self.temporary(text, compute)

    def converted(self, value: TritonCSEVariable, dtype: torch.dtype) -> TritonCSEVariable:
        if value.dtype == dtype:
            return value
        text = TritonOverrides.to_dtype(value, dtype, value.dtype, use_compute_types=False)
        return self.temporary(text, dtype)


def _needed(lines: list[tuple[str, str]], result: str) -> list[tuple[str, str]]:
    """The lines that the result depends on."""
    wanted = {result.strip("{}")}
    kept = []
    for name, expression in reversed(lines):
        if name in wanted:
            kept.append((name, expression))
            wanted |= {field for _, field, _, _ in string.Formatter().parse(expression) if field}
    return kept[::-1]
