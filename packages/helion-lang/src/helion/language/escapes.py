"""Triton and assembly inside of tile loops, for what the language cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from helion.language._declare import declare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

OutputT = TypeVar("OutputT")


@declare
def inline_triton(
    triton_source: str, args: Sequence[Any] | Mapping[str, Any], output_like: OutputT
) -> OutputT:
    """Put Triton source into the generated kernel.

    Args:
        triton_source: statements, the last of them an expression: the value. Common indentation does not matter.
            ``{0}`` or ``{name}`` stand for arguments, as in :meth:`str.format`.
        args: tensors and numbers, by position or by name.
        output_like: a value, or a tuple of values, of the shape and dtype that the source produces; None for none.

    Returns:
        What the source produces, in the structure of ``output_like``.

    Raises:
        InvalidAPIUsage: the source is no Python, or mentions arguments that are not there.
        NotInReferenceMode: nothing runs Triton source in reference mode.
        DeviceAPIOnHost: outside of a tile loop.

    Example:
        @helion.kernel()
        def exponential(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                part = x[tile]
                out[tile] = hl.inline_triton("tl.exp2({0})", [part], part)
            return out

        assert exponential(torch.tensor([0.0, 3.0])).tolist() == [1, 8]
    """
    raise NotImplementedError


@declare
def triton_kernel(
    triton_source_or_fn: Any, args: Sequence[Any] | Mapping[str, Any], output_like: OutputT
) -> OutputT:
    """Call a function of Triton.

    Args:
        triton_source_or_fn: a function decorated with ``triton.jit``, or the source of one.
        args: tensors and numbers, by position or by name.
        output_like: a value, or a tuple of values, of the shape and dtype that the function returns; None for none.

    Returns:
        What the function returns, in the structure of ``output_like``.

    Raises:
        InvalidAPIUsage: this is no such function, or the arguments do not fit its parameters.
        NotInReferenceMode: nothing runs Triton functions in reference mode.
        DeviceAPIOnHost: outside of a tile loop.

    Example:
        SOURCE = \"\"\"
        @triton.jit
        def twice(value):
            return value * 2
        \"\"\"

        @helion.kernel()
        def double(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                part = x[tile]
                out[tile] = hl.triton_kernel(SOURCE, [part], part)
            return out

        assert double(torch.tensor([1.0, 3.0])).tolist() == [2, 6]
    """
    raise NotImplementedError


@overload
def inline_asm_elementwise(
    asm: str,
    constraints: str,
    args: Sequence[torch.Tensor],
    dtype: torch.dtype,
    is_pure: bool,
    pack: int,
) -> torch.Tensor: ...
@overload
def inline_asm_elementwise(
    asm: str,
    constraints: str,
    args: Sequence[torch.Tensor],
    dtype: Sequence[torch.dtype],
    is_pure: bool,
    pack: int,
) -> tuple[torch.Tensor, ...]: ...
@declare
def inline_asm_elementwise(
    asm: str,
    constraints: str,
    args: Sequence[torch.Tensor],
    dtype: torch.dtype | Sequence[torch.dtype],
    is_pure: bool,
    pack: int,
) -> torch.Tensor | tuple[torch.Tensor, ...]:
    """Run assembly of the target on every element.

    Args:
        asm: the instructions; ``$0``, ``$1`` and so on stand for results, then for arguments.
        constraints: what kinds of registers they are, as LLVM writes it.
        args: values that broadcast against each other.
        dtype: of the result; a sequence for several results.
        is_pure: whether the instructions do nothing but compute the results.
        pack: how many elements one run of the instructions handles.

    Returns:
        A value of the broadcast shape, or a tuple of such values.

    Raises:
        InvalidAPIUsage: no dtype is given, or ``pack`` is not positive.
        NotInReferenceMode: nothing runs assembly in reference mode.
        DeviceAPIOnHost: outside of a tile loop.

    Example:
        @helion.kernel()
        def bits_set(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                out[tile] = hl.inline_asm_elementwise(
                    "popc.b32 $0, $1;", "=r,r", [x[tile]], torch.int32, is_pure=True, pack=1
                )
            return out

        assert bits_set(torch.tensor([5, 7], dtype=torch.int32)).tolist() == [2, 3]
    """
    raise NotImplementedError
