"""Under the decomposition table only operators that the compiler knows remain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F
from torch._decomp import decomposition_table as torch_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from helion_compiler.torch_bridge import symbolic
from helion_compiler.torch_bridge.decompositions import (
    TORCHS_OWN,
    decomposition_of,
    decomposition_table,
    out_of_place,
)
from helion_compiler.torch_bridge.pointwise import ScalarOperand, TensorOperand, lower_pointwise

if TYPE_CHECKING:
    from collections.abc import Callable

aten = torch.ops.aten
REDUCTIONS = {
    aten.sum.dim_IntList, aten.amax.default, aten.amin.default, aten.prod.dim_int, aten.any.dim,
    aten.any.dims, aten.argmax.default, aten.argmin.default, aten.cumsum.default,
}  # fmt: skip
PRODUCTS = {aten.mm.default, aten.addmm.default, aten.bmm.default, aten.baddbmm.default}
VIEWS = {
    aten.t.default, aten.transpose.int, aten.permute.default, aten.unsqueeze.default,
    aten.squeeze.dim, aten.squeeze.dims, aten.expand.default, aten.view.default,
}  # fmt: skip
CREATIONS = {aten.scalar_tensor.default, aten.sym_size.int}

FUNCTIONS: dict[str, Callable[[torch.Tensor, torch.Tensor], Any]] = {
    "softmax": lambda x, w: F.softmax(x, -1),
    "log_softmax": lambda x, w: F.log_softmax(x, -1),
    "layer_norm": lambda x, w: F.layer_norm(x, (x.shape[-1],), w, w),
    "rms_norm": lambda x, w: F.rms_norm(x, (x.shape[-1],), w),
    "mean_dim": lambda x, w: x.mean(-1),
    "mean": lambda x, w: x.mean(),
    "sum": lambda x, w: x.sum(),
    "var": lambda x, w: x.var(-1),
    "var_keepdim": lambda x, w: x.var(0, keepdim=True, correction=0),
    "var_mean": lambda x, w: torch.var_mean(x, -1),
    "std": lambda x, w: x.std(-1, keepdim=True),
    "logsumexp": lambda x, w: torch.logsumexp(x, -1),
    "vector_norm": lambda x, w: torch.linalg.vector_norm(x, dim=-1),
    "normalize": lambda x, w: F.normalize(x, dim=-1),
    "max": lambda x, w: x.max(),
    "min": lambda x, w: x.min(),
    "max_dim": lambda x, w: x.max(-1),
    "min_dim_keepdim": lambda x, w: x.min(-1, keepdim=True),
    "any": lambda x, w: (x > 0).any(),
    "all_dim": lambda x, w: (x > 0).all(-1),
    "argmax": lambda x, w: x.argmax(-1),
    "gelu": lambda x, w: F.gelu(x),
    "gelu_tanh": lambda x, w: F.gelu(x, approximate="tanh"),
    "silu": lambda x, w: F.silu(x * w),
    "prod": lambda x, w: x.prod(-1),
    "matmul": lambda x, w: x @ x.t(),
    "addmm": lambda x, w: torch.addmm(x @ x.t(), x, x.t()),
    "baddbmm": lambda x, w: torch.baddbmm(x.unsqueeze(0), (x @ x.t()).unsqueeze(0), x.unsqueeze(0)),
}


def trace(
    function: Callable[..., Any],
) -> tuple[torch.fx.GraphModule, list[Any]]:
    """The operators of a function of two fake cuda tensors with symbolic sizes, and the guards."""
    shape_env = symbolic.make_shape_env()
    m = symbolic.new_symbol(shape_env, "m", 100_003)
    n = symbolic.new_symbol(shape_env, "n", 200_003)
    mode = symbolic.fake_mode(shape_env)
    x = symbolic.fake_like(mode, (m, n), torch.bfloat16, "cuda")
    w = symbolic.fake_like(mode, (n,), torch.bfloat16, "cuda")
    with mode:
        module = make_fx(function, decomposition_table=dict(decomposition_table()))(x, w)
    return module, symbolic.guards(shape_env)


def lower(node: torch.fx.Node) -> None:
    """Lower a pointwise node; raises if it is none."""
    target = node.target
    assert isinstance(target, torch._ops.OpOverload)
    target = out_of_place(target) or target

    def operand(leaf: Any) -> Any:
        if not isinstance(leaf, torch.fx.Node):
            return leaf
        value = leaf.meta["val"]
        if isinstance(value, torch.Tensor):
            return TensorOperand(value.dtype)
        return ScalarOperand("float" if isinstance(value, torch.SymFloat) else "int")

    args = torch.fx.node.map_arg(node.args, operand)
    kwargs = torch.fx.node.map_arg(node.kwargs, operand)
    lower_pointwise(target, args, kwargs, node.meta["val"].dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_known_operators_remain(name: str) -> None:
    module, guards = trace(FUNCTIONS[name])
    assert guards == []
    for node in module.graph.nodes:
        known = node.target in REDUCTIONS | PRODUCTS | VIEWS | CREATIONS
        on_sizes = not isinstance(node.meta.get("val"), torch.Tensor)
        if node.op == "call_function" and not known and not on_sizes:
            lower(node)


@pytest.mark.parametrize("operator", sorted(PRODUCTS | VIEWS, key=str), ids=str)
def test_products_and_views_stay_whole(operator: torch._ops.OpOverload) -> None:
    assert operator not in decomposition_table()


@pytest.mark.parametrize(
    "name",
    ["mean", "mean_dim", "sum", "var", "var_keepdim", "var_mean", "std", "layer_norm", "max",
     "max_dim", "min_dim_keepdim", "any", "all_dim", "logsumexp"],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_decompositions_compute_the_same(name: str, dtype: torch.dtype) -> None:
    x = torch.randn(7, 33, generator=torch.Generator().manual_seed(0)).to(dtype)
    w = torch.linspace(-1, 1, 33).to(dtype)
    expected = FUNCTIONS[name](x, w)
    found = make_fx(FUNCTIONS[name], decomposition_table=dict(decomposition_table()))(x, w)(x, w)
    torch.testing.assert_close(found, expected)


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        decomposition_table()[aten.mm.default] = torch.mm  # type: ignore[index] # that is the point


def test_in_place_operators_have_a_twin() -> None:
    assert out_of_place(aten.add_.Scalar) is aten.add.Scalar
    assert out_of_place(aten.relu_.default) is aten.relu.default
    assert out_of_place(aten.add.Scalar) is None
    assert out_of_place(aten.add.out) is None


@pytest.mark.parametrize("operator", sorted(TORCHS_OWN, key=str), ids=str)
def test_what_torch_takes_apart_inductor_takes_apart_alike(operator: torch._ops.OpOverload) -> None:
    assert decomposition_of(operator) is decomposition_table()[operator]


def test_composites_that_are_not_looked_up_are_what_torch_defines() -> None:
    """The table has their own kernels, which is what `decompose` calls, or nothing."""
    key = torch._C.DispatchKey.CompositeImplicitAutograd
    checked = 0
    for operator, function in decomposition_table().items():
        if symbolic.is_composite(operator) and operator not in torch_decompositions:
            assert decomposition_of(operator) is None
            kernel = getattr(function, "keywords", {}).get("kernel", operator.py_kernels.get(key))
            assert kernel in (operator, function)
            checked += 1
    assert checked > 100


def test_every_other_operator_is_looked_up() -> None:
    table = decomposition_table()
    for operator in (aten.lerp.Scalar, aten.max.dim, aten.where.ScalarSelf, aten.erf.default):
        found = decomposition_of(operator)
        assert found is table.get(operator) or symbolic.is_composite(operator)
    assert decomposition_of(aten.lerp.Scalar) is not None
    assert decomposition_of(aten.max.dim) is not None
