"""What a staged ``for`` does while tracing: the outermost tile loop opens the grid, inner ones become Loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.ops import Grid, Loop
from helion_compiler.program.types import Axis, Value
from helion_compiler.staging import UNBOUND
from helion_compiler.tracing.host import name_buffers
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.tiles import DeviceOnly, TracedRange, TracedTile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from helion_compiler.tracing.state import Trace


class TracedLoops:
    """The staged function's loop handler. ``grids`` collects the outermost tile loops."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.grids: list[Grid] = []

    def loop(
        self,
        iterable: object,
        body: Callable[..., tuple[Any, ...]],
        names: Sequence[str],
        scope: Mapping[str, Any],
        targets: int | None,
    ) -> tuple[Any, ...]:
        """Run a loop: as Python does, as the grid, or as a Loop."""
        values = tuple(scope.get(name, UNBOUND) for name in names)
        if not isinstance(iterable, TracedRange):
            for item in iterable:  # type: ignore[attr-defined]  # Python itself raises where it is not iterable
                values = body(item, *values)
            return values
        tiles = self._tiles(iterable, names, targets)
        item = tiles[0] if iterable.single else tiles
        axes = tuple(tile.axis for tile in tiles)
        if self._trace.on_device:
            return self._inner(axes, item, body, names, values)
        name_buffers(self._trace, scope)
        return self._outermost(axes, item, body, names, values)

    def python_loop(
        self, iterable: object, reason: str, place: tuple[int, int, int, int] | None
    ) -> Iterable[Any]:
        """A loop that has to stay Python's may not be a tile loop."""
        if isinstance(iterable, TracedRange):
            span = here()
            if span is not None and place is not None:
                span = exc.Span(span.filename, *place)
            raise exc.StatementNotSupported(
                span=span,
                statement=reason,
                remedy="a tile loop always runs to its end: compute a condition and use torch.where",
            )
        return iterable  # type: ignore[return-value]  # Python itself raises where it is not iterable

    def _tiles(
        self, range_: TracedRange, names: Sequence[str], targets: int | None
    ) -> tuple[TracedTile, ...]:
        count = len(range_.ends)
        if targets is not None and (range_.single or targets != count):
            raise exc.FailedToUnpackTile(span=here(), targets=targets, tiles=count)
        name = names[0] if names else "tile"
        numbered = (name, *(f"{name}_{i}" for i in range(1, count)))
        return tuple(
            self._tile(*bounds)
            for bounds in zip(
                names[:count] if targets is not None and len(names) >= count else numbered,
                range_.begins,
                range_.ends,
                range_.block_sizes,
                strict=True,
            )
        )

    def _tile(self, name: str, begin: Any, end: Any, block_size: Any) -> TracedTile:
        trace = self._trace
        symbols = trace.symbols
        first, last = trace.number(begin), trace.number(end)
        if isinstance(block_size, torch.SymInt):
            lanes = symbols.lanes(block_size)
            block = next(b for b in trace.body.blocks if b.symbol == lanes)
            size = symbols.value(lanes)
        else:
            block, size = trace.body.new_block_size(
                name, _hint(trace, last, first), fixed=block_size
            )
        offset = symbols.offset_symbol()
        axis = Axis(
            name=name,
            block=block,
            begin=first,
            end=last,
            offset=symbols.expression(offset),
        )
        return TracedTile(trace=trace, axis=axis, size=size, offset=offset)

    def _outermost(
        self,
        axes: tuple[Axis, ...],
        item: Any,
        body: Callable[..., tuple[Any, ...]],
        names: Sequence[str],
        values: tuple[Any, ...],
    ) -> tuple[Any, ...]:
        trace = self._trace
        if self.grids:
            raise exc.StatementNotSupported(
                span=here(),
                statement="a second outermost loop over hl.tile",
                remedy="write a kernel for each outermost loop",
            )
        where = location()
        trace.body.open_block(axes)
        with trace.device_phase():
            after = body(item, *values)
        block = trace.body.close_block(axes, ())
        self.grids.append(Grid(axes=axes, body=block, location=where))
        return tuple(
            self._after_grid(name, old, new)
            for name, old, new in zip(names, values, after, strict=True)
        )

    @staticmethod
    def _after_grid(name: str, old: Any, new: Any) -> Any:
        if old is not UNBOUND and new is not old:
            raise exc.CannotModifyHostVariableOnDevice(span=here(), name=name)
        return old if new is old else DeviceOnly(name)

    def _inner(
        self,
        axes: tuple[Axis, ...],
        item: Any,
        body: Callable[..., tuple[Any, ...]],
        names: Sequence[str],
        values: tuple[Any, ...],
    ) -> tuple[Any, ...]:
        trace = self._trace
        where = location()
        carried = [i for i, value in enumerate(values) if self._is_tile_value(value)]
        entering = list(values)
        trace.body.open_block(axes)
        for i in carried:
            entering[i] = trace.fake(trace.sizes_of(values[i]), values[i].dtype)
            trace.new_value(entering[i], names[i])
        parameters = tuple(trace.value_of(entering[i]) for i in carried)
        leaving = body(item, *entering)
        yields = tuple(self._yield(names[i], values[i], leaving[i]) for i in carried)
        block = trace.body.close_block(axes, yields)
        after = list(leaving)
        results = []
        for i, old in enumerate(values):
            if i in carried:
                after[i] = trace.fake(trace.sizes_of(old), old.dtype)
                results.append(trace.new_value(after[i], names[i]))
            elif leaving[i] is not old:
                after[i] = self._after_inner(names[i], old, leaving[i])
        trace.body.append(
            Loop(
                axes=axes,
                initial=tuple(trace.value_of(values[i]) for i in carried),
                parameters=parameters,
                results=tuple(results),
                body=block,
                location=where,
            )
        )
        return tuple(after)

    def _is_tile_value(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor) and self._trace.is_value(value)

    def _yield(self, name: str, before: torch.Tensor, after: Any) -> Value:
        """A carried variable at the end of the body: it must keep its dtype and shape."""
        if not self._is_tile_value(after):
            raise exc.CantCombineTypesInControlFlow(
                span=here(), name=name, before="a tile", after=type(after).__name__
            )
        describe = self._trace.describe
        if after.dtype != before.dtype or self._trace.sizes_of(after) != self._trace.sizes_of(
            before
        ):
            raise exc.ControlFlowTensorMismatch(
                span=here(),
                name=name,
                before=f"{before.dtype} {describe(before)}",
                after=f"{after.dtype} {describe(after)}",
            )
        return self._trace.value_of(after)

    @staticmethod
    def _after_inner(name: str, old: Any, new: Any) -> Any:
        """What a variable that a loop made, or changed without carrying a tile, is afterwards."""
        if old is UNBOUND or isinstance(old, DeviceOnly | TracedTile):
            return UNBOUND
        if isinstance(old, int | float | str | torch.SymInt):
            raise exc.CannotModifyHostVariableOnDevice(span=here(), name=name)
        raise exc.CantCombineTypesInControlFlow(
            span=here(), name=name, before=type(old).__name__, after=type(new).__name__
        )


def _hint(trace: Trace, end: Any, begin: Any) -> int:
    """The extent of a range for this example, to bound the search of its block size."""
    extent = end - begin
    if isinstance(extent, int):
        return max(extent, 1)
    known = extent.subs(trace.symbols.host_hints)
    return max(int(known), 1) if known.is_Integer else 1 << 16
