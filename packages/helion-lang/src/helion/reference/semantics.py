"""The language in reference mode: which function means what, and where it may be called."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from helion.exc import DeviceAPIOnHost
from helion.language import DECLARATIONS, agree
from helion.reference import (
    atomics,
    creation,
    debugging,
    escapes,
    loops,
    matrix,
    memory,
    random_numbers,
    reductions,
    stacks,
    tuning,
)
from helion.reference.host_and_device import check_operands
from helion.reference.precision import raised
from helion.reference.tile_properties import of_tile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion.language import Declaration
    from helion.reference.state import ReferenceState


class ReferenceSemantics:
    """The language while one kernel runs; ``state`` says where in the kernel it is."""

    def __init__(self, state: ReferenceState) -> None:
        self._state = state

    def call(self, declaration: Declaration, arguments: Mapping[str, Any]) -> Any:
        """The result of one language function."""
        state = self._state
        if declaration.name in _DEVICE_ONLY and state.depth == 0:
            raise DeviceAPIOnHost(function=declaration.name)
        if declaration.name in _OF_VALUES:
            check_operands(state, declaration.name, arguments.values())
        with state.at_work():
            result = MEANINGS[declaration.name](state, **arguments)
            if state.high:
                result = raised(result)
        if state.depth:
            state.add_values(result)
        return result


MEANINGS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "arange": creation.arange,
        "associative_scan": reductions.associative_scan,
        "atomic_add": atomics.atomic_add,
        "atomic_and": atomics.atomic_and,
        "atomic_cas": atomics.atomic_cas,
        "atomic_max": atomics.atomic_max,
        "atomic_min": atomics.atomic_min,
        "atomic_or": atomics.atomic_or,
        "atomic_xchg": atomics.atomic_xchg,
        "atomic_xor": atomics.atomic_xor,
        "barrier": loops.barrier,
        "breakpoint": debugging.breakpoint,
        "cumprod": reductions.cumprod,
        "cumsum": reductions.cumsum,
        "device_print": debugging.device_print,
        "dot": matrix.dot,
        "dot_scaled": matrix.dot_scaled,
        "full": creation.full,
        "grid": loops.grid,
        "inline_asm_elementwise": escapes.inline_asm_elementwise,
        "inline_triton": escapes.inline_triton,
        "jagged_tile": loops.jagged_tile,
        "join": creation.join,
        "load": memory.load,
        "rand": random_numbers.rand,
        "rand4x": random_numbers.rand4x,
        "randint": random_numbers.randint,
        "randn": random_numbers.randn,
        "reduce": reductions.reduce,
        "register_block_size": tuning.register_block_size,
        "register_tunable": tuning.register_tunable,
        "specialize": tuning.specialize,
        "split": creation.split,
        "stacktensor_like": stacks.stacktensor_like,
        "static_range": loops.static_range,
        "store": memory.store,
        "subscript": creation.subscript,
        "tile": loops.tile,
        "tile_begin": of_tile("begin"),
        "tile_block_size": of_tile("block_size"),
        "tile_count": of_tile("count"),
        "tile_end": of_tile("end"),
        "tile_id": of_tile("id"),
        "tile_index": of_tile("index"),
        "triton_kernel": escapes.triton_kernel,
        "zeros": creation.zeros,
    }
)
"""What each function of the language means."""

_ANYWHERE = frozenset(
    {
        "barrier",
        "breakpoint",
        "grid",
        "jagged_tile",
        "register_block_size",
        "register_tunable",
        "specialize",
        "stacktensor_like",
        "static_range",
        "tile",
        "tile_begin",
        "tile_block_size",
        "tile_count",
        "tile_end",
        "tile_id",
        "tile_index",
    }
)
_DEVICE_ONLY = frozenset(DECLARATIONS) - _ANYWHERE
_OF_VALUES = frozenset(
    {
        "associative_scan",
        "cumprod",
        "cumsum",
        "dot",
        "dot_scaled",
        "join",
        "reduce",
        "split",
        "subscript",
    }
)

agree(DECLARATIONS, MEANINGS)
