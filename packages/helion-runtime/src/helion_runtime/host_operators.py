"""The ATen operators that host logic may call: a closed list.

Each computes on tensors and numbers alone: none opens a file, starts a process, touches memory that its
arguments do not own, or reads without checking bounds. A bundle that names another is refused. In:
``"aten::sum.dim_IntList"``. Out: the operator of this torch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from helion_runtime.errors import SchemaError

_CREATING = """
arange empty empty_like empty_permuted empty_strided eye full full_like linspace logspace new_empty
new_empty_strided new_full new_ones new_zeros ones ones_like scalar_tensor tril_indices triu_indices
zeros zeros_like
"""
_RANDOM = """
bernoulli cauchy exponential geometric log_normal multinomial native_dropout normal poisson rand
rand_like randint randint_like randn randn_like randperm random uniform
"""
_VIEWING = """
_conj _neg_view _reshape_alias _unsafe_view alias as_strided detach diagonal expand lift_fresh permute
select slice split split_with_sizes squeeze t transpose unbind unfold unsqueeze view view_as_complex
view_as_real
"""
_COPYING = """
_to_copy as_strided_scatter block_diag cat clone complex constant_pad_nd copy diag_embed
diagonal_scatter fill flip masked_fill masked_scatter narrow_copy pixel_shuffle pixel_unshuffle polar
reflection_pad1d reflection_pad2d reflection_pad3d repeat replication_pad1d replication_pad2d
replication_pad3d roll rot90 select_scatter slice_scatter stack tril triu where zero
"""
_INDEXING = """
bucketize embedding gather index index_add index_copy index_fill index_put index_reduce index_select
isin put scatter scatter_add scatter_reduce searchsorted take
"""
_POINTWISE = """
_conj_physical abs acos acosh add addcdiv addcmul angle asin asinh atan atan2 atanh bitwise_and
bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil celu clamp clamp_max
clamp_min conj_physical copysign cos cosh deg2rad digamma div elu eq erf erfc erfinv exp exp2 expm1
floor floor_divide fmax fmin fmod frac frexp gcd ge gelu glu gt hardshrink hardsigmoid hardswish
hardtanh heaviside hypot i0 igamma igammac isclose isinf isnan isneginf isposinf lcm ldexp le leaky_relu lerp
lgamma log log10 log1p log2 log_sigmoid_forward logaddexp logaddexp2 logical_and logical_not
logical_or logical_xor logit lt maximum minimum mish mul mvlgamma nan_to_num ne neg nextafter
polygamma pow rad2deg reciprocal relu remainder round rsqrt rsub sgn sigmoid sign signbit silu sin
sinc sinh softplus softshrink special_bessel_j0 special_bessel_j1 special_entr special_erfcx
special_i0e special_i1 special_i1e special_log_ndtr special_ndtri special_xlog1py special_zeta sqrt
sub tan tanh threshold trunc xlogy __lshift__ __rshift__
"""
_REDUCING = """
_log_softmax _safe_softmax _softmax all amax amin aminmax any argmax argmin bincount count_nonzero
cummax cummin cumprod cumsum dist histc kthvalue linalg_vector_norm logcumsumexp logsumexp max mean
median min mode nanmedian nansum norm prod renorm sort std std_mean sum topk trace var var_mean
"""
_MULTIPLYING = """
_grouped_mm _int_mm _scaled_mm addbmm addmm addmv addr baddbmm bmm convolution dot linalg_cross linear
mm mv vdot
"""
_LAYERS = """
_adaptive_avg_pool2d _adaptive_avg_pool3d _fft_c2c _fft_c2r _fft_r2c adaptive_max_pool2d
adaptive_max_pool3d avg_pool2d avg_pool3d binary_cross_entropy col2im huber_loss im2col
max_pool2d_with_indices max_pool3d_with_indices mse_loss native_group_norm native_layer_norm
nll_loss2d_forward nll_loss_forward smooth_l1_loss upsample_bicubic2d upsample_bilinear2d
upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d
"""

ALLOWED = frozenset(
    name
    for group in (
        _CREATING,
        _RANDOM,
        _VIEWING,
        _COPYING,
        _INDEXING,
        _POINTWISE,
        _REDUCING,
        _MULTIPLYING,
        _LAYERS,
    )
    for name in group.split()
)
"""Names without ``aten::`` and overload; each stands for its in-place form, too: ``add`` for ``add_``."""


def is_allowed(operator: str) -> bool:
    """Whether host logic may call ``operator``, ``"aten::name.overload"``, whatever this torch has."""
    namespace, _, rest = operator.partition("::")
    name = rest.partition(".")[0]
    in_place = name.endswith("_") and not name.endswith("__")
    return namespace == "aten" and (name.removesuffix("_") if in_place else name) in ALLOWED


@lru_cache(maxsize=1024)
def find_operator(operator: str) -> Any:
    """The overload that ``"aten::name.overload"`` names; no overload is the default one.

    Raises :class:`SchemaError` for an operator that is not on the list, or that this torch does not
    have.
    """
    if not is_allowed(operator):
        raise SchemaError(f"{operator!r:.80} is not an operator that host logic may call")
    name, _, overload = operator.removeprefix("aten::").partition(".")
    packet = getattr(torch.ops.aten, name, None)
    found = getattr(packet, overload or "default", None)
    if not isinstance(found, torch._ops.OpOverload):
        raise SchemaError(f"torch {torch.__version__} has no operator {operator!r:.80}")
    return found
