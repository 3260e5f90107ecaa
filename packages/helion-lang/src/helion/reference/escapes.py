"""What only a compiled kernel can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from helion.exc import NotInReferenceMode

if TYPE_CHECKING:
    from helion.reference.state import ReferenceState


def inline_triton(
    state: ReferenceState, triton_source: str, args: Any, output_like: Any
) -> NoReturn:
    """Refused."""
    _refuse(state, "inline_triton", triton_source, args, output_like)


def triton_kernel(
    state: ReferenceState, triton_source_or_fn: Any, args: Any, output_like: Any
) -> NoReturn:
    """Refused."""
    _refuse(state, "triton_kernel", triton_source_or_fn, args, output_like)


def inline_asm_elementwise(
    state: ReferenceState,
    asm: str,
    constraints: str,
    args: Any,
    dtype: Any,
    is_pure: bool,
    pack: int,
) -> NoReturn:
    """Refused."""
    _refuse(state, "inline_asm_elementwise", asm, constraints, args, dtype, is_pure, pack)


def _refuse(_state: ReferenceState, function: str, *_given: Any) -> NoReturn:
    raise NotInReferenceMode(function=f"hl.{function}")
