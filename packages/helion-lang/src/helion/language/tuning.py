"""What the author tells about specialization and tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from helion.language._declare import declare

if TYPE_CHECKING:
    from helion.autotuner import BooleanFragment, EnumFragment, IntegerFragment, PowerOfTwoFragment

ChoiceT = TypeVar("ChoiceT")
SizeT = TypeVar("SizeT", int, tuple[int, ...])


@declare
def specialize(value: SizeT) -> SizeT:
    """Make a size part of the specialization: the kernel is compiled for each value of it.

    Args:
        value: a size of an argument, or a tuple of sizes; used on the host.

    Returns:
        ``value``, known at compile time.

    Example:
        @helion.kernel(static_shapes=False)
        def first_columns(x: torch.Tensor) -> torch.Tensor:
            columns = hl.specialize(x.size(1))
            out = torch.zeros([x.size(0)])
            for tile in hl.tile(x.size(0)):
                for column in hl.static_range(columns):
                    out[tile] = out[tile] + x[tile, column]
            return out

        assert first_columns(torch.ones(3, 2)).tolist() == [2, 2, 2]
    """
    raise NotImplementedError


@declare
def register_block_size(min_or_max: int, max: int | None = None) -> int:  # noqa: A002 - the name users write
    """A block size that the config decides, to be shared by several loops.

    Args:
        min_or_max: the largest sensible block size when ``max`` is not given, else the smallest.
        max: the largest sensible block size, such as the extent of the loop.

    Returns:
        The block size, to be passed as ``hl.tile(..., block_size=...)`` or used as a size.

    Example:
        @helion.kernel()
        def twice(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            a, b = torch.empty_like(x), torch.empty_like(y)
            block = hl.register_block_size(x.size(0))
            for tile in hl.tile(x.size(0), block_size=block):
                a[tile] = x[tile] * 2
            for tile in hl.tile(y.size(0), block_size=block):
                b[tile] = y[tile] * 2
            return a, b

        assert twice(torch.ones(3), torch.ones(2))[1].tolist() == [2, 2]
    """
    raise NotImplementedError


@overload
def register_tunable(name: str, fragment: PowerOfTwoFragment | IntegerFragment) -> int: ...
@overload
def register_tunable(name: str, fragment: BooleanFragment) -> bool: ...
@overload
def register_tunable(name: str, fragment: EnumFragment[ChoiceT]) -> ChoiceT: ...
@declare
def register_tunable(name: str, fragment: Any) -> Any:
    """A number or choice that the config decides.

    Args:
        name: its key in the config: ``Config(name=...)``; one per kernel.
        fragment: the values it may have and its default, one of :mod:`helion.autotuner`.

    Returns:
        The value of the config in use, known at compile time; without one, the default.

    Raises:
        RegisterTunableArgTypes: ``name`` is no string, or ``fragment`` is none of those.
        TunableNameConflict: the kernel already has a tunable, or a config key, of this name.
        NotAllowedOnDevice: inside of a tile loop.

    Example:
        from helion.autotuner import PowerOfTwoFragment

        @helion.kernel(config=helion.Config(steps=4))
        def multiples(x: torch.Tensor) -> torch.Tensor:
            steps = hl.register_tunable("steps", PowerOfTwoFragment(1, 64, 8))
            out = torch.empty([steps, x.size(0)])
            for tile in hl.tile(x.size(0)):
                for step in hl.static_range(steps):
                    out[step, tile] = x[tile] * step
            return out

        assert multiples(torch.ones(1)).tolist() == [[0], [1], [2], [3]]
    """
    raise NotImplementedError


if TYPE_CHECKING:
    constexpr = Any
else:

    class constexpr:  # noqa: N801 - used like a type in annotations
        """Annotates a parameter that is a compile-time constant: ``def f(x: torch.Tensor, k: hl.constexpr)``.

        The kernel is compiled for each value. Values must be hashable. Type checkers accept any value.
        """
