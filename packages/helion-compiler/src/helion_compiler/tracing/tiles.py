"""What a kernel holds while it is traced: tile ranges, tiles, and markers for values the host may not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import attrs
import torch

from helion import exc
from helion.language import Tile
from helion_compiler.program.ops import Range
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.numbers import as_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion.exc import Span
    from helion_compiler.program.types import Axis
    from helion_compiler.tracing.state import Trace


@attrs.frozen(eq=False)
class TracedRange:
    """``hl.tile(...)``: an iterable that only a staged ``for`` may walk.

    A ``scalar`` one hands out single indices, and its ``block_sizes`` are how far they are apart. ``jagged`` has
    one end for each lane of another tile.
    """

    begins: tuple[Any, ...]
    ends: tuple[Any, ...]
    block_sizes: tuple[Any, ...]
    single: bool
    scalar: bool = False
    jagged: torch.Tensor | None = None

    def __iter__(self) -> Iterator[Any]:
        raise exc.StatementNotSupported(
            span=here(),
            statement="iterating over hl.tile(...) or hl.grid(...)",
            remedy="loop with a `for` statement of the kernel itself, not with a comprehension or `iter`",
        )


@attrs.frozen(eq=False, repr=False)
class TracedTile(Tile):
    """One tile while tracing. ``size`` is the symbolic number of its lanes, ``offset`` where it begins."""

    trace: Trace
    axis: Axis
    size: torch.SymInt
    offset: torch.SymInt
    shift: Any = 0

    def __repr__(self) -> str:
        """What a ``print`` shows, which runs while the kernel is traced."""
        return f"<tile {self.axis.name}, of no particular program>"

    @property
    def index(self) -> torch.Tensor:
        """The indices as a one-dimensional int32 tensor of ``block_size`` lanes."""
        trace = self.trace
        tensor = trace.fake((self.axis.size,), torch.int32)
        value = trace.new_value(tensor, "index")
        trace.body.append(Range(result=value, axis=self.axis, location=location()))
        return tensor if isinstance(self.shift, int) and self.shift == 0 else tensor + self.shift

    @property
    def begin(self) -> Any:
        """The first index."""
        return self.offset + self.shift

    @property
    def end(self) -> Any:
        """One past the last index."""
        last = self.trace.symbols.value(self.axis.end)
        return torch.sym_min(self.offset + self.block_size, last) + self.shift  # type: ignore[no-untyped-call]  # torch's own is untyped

    @property
    def id(self) -> Any:
        """How many tiles of this loop come before."""
        return (self.offset - self.trace.symbols.value(self.axis.begin)) // self.block_size

    @property
    def count(self) -> Any:
        """How many tiles the loop has."""
        extent = self.trace.symbols.value(self.axis.extent)
        return (extent + self.block_size - 1) // self.block_size

    @property
    def block_size(self) -> Any:
        """The number of lanes, of which the last tile may use fewer."""
        assert self.axis.block is not None
        return self.trace.symbols.nominal(self.axis.block.symbol)

    def __index__(self) -> int:
        raise exc.IncorrectTileUsage(
            span=here(),
            operation=f"int({self.axis.name})",
        )

    def __add__(self, other: Any) -> TracedTile:
        return attrs.evolve(self, shift=self.shift + self._number(other, "+"))

    __radd__ = __add__

    def __sub__(self, other: Any) -> TracedTile:
        return attrs.evolve(self, shift=self.shift - self._number(other, "-"))

    def _number(self, other: Any, operator: str) -> Any:
        other = as_number(self.trace, other)
        if isinstance(other, bool) or not isinstance(other, int | torch.SymInt):
            self._refuse(operator)
        return other

    def _refuse(self, operator: str) -> NoReturn:
        raise exc.IncorrectTileUsage(span=here(), operation=f"… {operator} {self.axis.name}")

    def __mul__(self, other: object) -> NoReturn:
        self._refuse("*")

    def __truediv__(self, other: object) -> NoReturn:
        self._refuse("/")

    def __floordiv__(self, other: object) -> NoReturn:
        self._refuse("//")

    def __mod__(self, other: object) -> NoReturn:
        self._refuse("%")

    __rmul__, __rtruediv__, __rfloordiv__, __rmod__ = __mul__, __truediv__, __floordiv__, __mod__

    def __rsub__(self, other: object) -> NoReturn:
        self._refuse("-")

    def __lt__(self, other: object) -> NoReturn:
        self._refuse("<")

    def __gt__(self, other: object) -> NoReturn:
        self._refuse(">")

    def __le__(self, other: object) -> NoReturn:
        self._refuse("<=")

    def __ge__(self, other: object) -> NoReturn:
        self._refuse(">=")


class DeviceOnly:
    """What a name holds on the host after a tile loop assigned it: every use is an error."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> NoReturn:
        if attribute.startswith("__") and attribute.endswith("__"):
            raise AttributeError(attribute)
        self.refuse()

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> NoReturn:
        for value in (*args, *(kwargs or {}).values()):
            if isinstance(value, cls):
                value.refuse()
        raise exc.CannotReadDeviceVariableOnHost(span=here(), name="a value made in the tile loop")

    def refuse(self, span: Span | None = None) -> NoReturn:
        """Raise the error for reading this name, at ``span`` if that is known better than where Python stands."""
        raise exc.CannotReadDeviceVariableOnHost(span=span or here(), name=self._name)


def _refuse_operator(self: DeviceOnly, *args: object) -> NoReturn:  # noqa: ARG001
    self.refuse()


for _operator in (
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "getitem",
    "setitem",
    "bool",
    "int",
    "float",
    "iter",
    "lt",
    "le",
    "gt",
    "ge",
    "neg",
    "matmul",
    "index",
):
    setattr(DeviceOnly, f"__{_operator}__", _refuse_operator)
