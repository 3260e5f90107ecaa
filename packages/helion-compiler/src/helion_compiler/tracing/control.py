"""The handler that staged code calls while it is traced."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NoReturn

from helion import Kernel, exc
from helion_compiler.staging import UNBOUND
from helion_compiler.tracing import branches
from helion_compiler.tracing.builtins import traced_builtins
from helion_compiler.tracing.conditions import device_condition
from helion_compiler.tracing.host_builtins import host_builtins
from helion_compiler.tracing.location import here
from helion_compiler.tracing.loops import run_loop
from helion_compiler.tracing.tile_sizes import is_torch, with_sizes
from helion_compiler.tracing.tiles import TracedRange, TracedTile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from helion_compiler.staging import Leaving
    from helion_compiler.tracing.state import Trace

    Body = Callable[..., tuple[Any, ...]]


class TracedControl:
    """Control flow during one trace: see :class:`helion_compiler.staging.ControlHandler`."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._builtins = traced_builtins(trace)
        self._host_builtins = host_builtins(trace)

    def loop(
        self,
        iterable: object,
        body: Body,
        names: Sequence[str],
        scope: Mapping[str, Any],
        targets: int | None,
    ) -> tuple[Any, ...]:
        """As Python does, as a grid, or as a Loop."""
        if isinstance(iterable, TracedRange):
            return run_loop(self._trace, iterable, body, names, scope, targets)
        values = _values(names, scope)
        for item in iterable:  # type: ignore[attr-defined]  # Python itself raises where it is not iterable
            values = body(item, *values)
        return values

    def branch(
        self,
        condition: object,
        then: Body,
        otherwise: Body,
        names: Sequence[str],
        scope: Mapping[str, Any],
    ) -> tuple[Any, ...]:
        """``if``."""
        values = _values(names, scope)
        return branches.branch(self._trace, condition, (then, otherwise), names, values)

    def repeat(
        self,
        test: Callable[..., object],
        body: Body,
        names: Sequence[str],
        scope: Mapping[str, Any],
    ) -> tuple[Any, ...]:
        """``while``."""
        return branches.repeat(self._trace, test, body, names, _values(names, scope))

    def choose(
        self, condition: object, then: Callable[[], Any], otherwise: Callable[[], Any]
    ) -> Any:
        """``a if condition else b``."""
        return branches.choose(self._trace, condition, then, otherwise)

    def every(self, *operands: Callable[[], Any]) -> Any:
        """``and``."""
        return branches.combine(self._trace, operands, every=True)

    def either(self, *operands: Callable[[], Any]) -> Any:
        """``or``."""
        return branches.combine(self._trace, operands, every=False)

    def negate(self, operand: object) -> Any:
        """``not``."""
        return branches.negate(self._trace, operand)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A call: some builtins mean something else, and torch takes tiles as sizes."""
        if isinstance(function, Hashable):
            builtins = self._builtins if self._trace.on_device else self._host_builtins
            function = builtins.get(function, function)
        if isinstance(function, Kernel):
            raise exc.NestedKernelCallsNotSupported(span=here(), kernel=function.name)
        if is_torch(function):
            return self._call_torch(function, args, kwargs)
        return function(*args, **kwargs)

    def _call_torch(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """torch takes tiles as sizes, and as nothing else."""
        sizes, named = with_sizes(self._trace.symbols, function, args, kwargs)
        try:
            return function(*sizes, **named)
        except TypeError as error:
            if any(isinstance(argument, TracedTile) for argument in (*args, *kwargs.values())):
                name = getattr(function, "__name__", "torch")
                raise exc.IncorrectTileUsage(span=here(), operation=f"torch.{name}") from error
            raise

    def python_loop(self, iterable: object, leaving: Sequence[Leaving]) -> Iterable[Any]:
        """A loop that has to stay Python's may not be a tile loop."""
        if isinstance(iterable, TracedRange) and not leaving:
            function = "hl.grid" if iterable.scalar else "hl.tile"
            raise exc.DeviceLoopElseBlock(span=here(), iterable=function)
        if isinstance(iterable, TracedRange):
            self.refuse(leaving, _OF_LOOPS)
        return iterable  # type: ignore[return-value]  # Python itself raises where it is not iterable

    def python_condition(self, condition: object, leaving: Sequence[Leaving]) -> bool:
        """A condition that has to stay Python's may not be the device's to decide."""
        if device_condition(self._trace, condition) is not None:
            self.refuse(leaving or [("else", None)], _OF_BRANCHES)
        return bool(condition)

    def refuse(
        self, leaving: Sequence[tuple[str, tuple[int, int, int, int] | None]], remedy: str
    ) -> NoReturn:
        """Refuse the first of the statements that leave a body of the device."""
        statement, place = leaving[0]
        span = here()
        if span is not None and place is not None:
            span = exc.Span(span.filename, *place)
        raise exc.StatementNotSupported(span=span, statement=statement, remedy=remedy)


_OF_LOOPS = "a tile loop always runs to its end: compute a condition and use torch.where"
_OF_BRANCHES = "the device runs to the end of a body: put what follows into the other branch"


def _values(names: Sequence[str], scope: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(scope.get(name, UNBOUND) for name in names)
