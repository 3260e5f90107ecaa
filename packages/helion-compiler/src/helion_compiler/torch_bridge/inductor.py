"""What this package asks of TorchInductor: the text of one call, and the table of its decompositions.

Imports TorchInductor. Import this inside a function, after `loading.load_inductor`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from torch._inductor.decomposition import select_decomp_table

from helion_compiler.torch_bridge.operator_graph import lower_call, lowering_settings
from helion_compiler.torch_bridge.triton_text import template_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

    from helion_compiler.torch_bridge.operands import PointwiseTemplate

__all__ = ["inductor_decompositions", "inductor_template"]

_LOWERING = threading.Lock()  # TorchInductor's configuration is patched while one call is lowered


def inductor_template(
    operator: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    result_dtype: torch.dtype,
    device: torch.device,
    *,
    approximated: frozenset[str],
    elementary: bool,
) -> PointwiseTemplate:
    """The text of a call that `pointwise.lower_pointwise` was given, by TorchInductor."""
    with _LOWERING, lowering_settings(device):
        lowered = lower_call(operator, args, kwargs, device)
        return template_of(
            operator,
            lowered,
            result_dtype,
            device,
            approximated=approximated,
            elementary=elementary,
        )


def inductor_decompositions() -> Mapping[Any, Callable[..., Any]]:
    """From operators, among other things, to functions that compute the same by simpler ones."""
    return select_decomp_table()
