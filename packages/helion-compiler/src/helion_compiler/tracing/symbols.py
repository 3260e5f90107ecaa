"""The symbols of one trace, and the way back from expressions to SymInts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import sympy
import torch

from helion_compiler.program.expressions import to_runtime
from helion_compiler.torch_bridge import symbolic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.types import Size
    from helion_runtime.entries import Expression

# Hints of block sizes: large, odd and far apart, so that no two tiles ever look equal and none looks
# like a size of the author's.
_FIRST_BLOCK_HINT = 1_000_003
_BLOCK_HINT_STEP = 1_000_033
_NOMINAL_STEP = 10_007
_UNKNOWN_HINT = 4099
"""What a number that nothing is known of is taken for where a size has to be guessed."""


class Symbols:
    """Makes symbols and remembers what each stands for."""

    def __init__(self) -> None:
        self.shape_env = symbolic.make_shape_env()
        self.host: dict[sympy.Symbol, Expression] = {}
        self.host_hints: dict[sympy.Symbol, Any] = {}
        self._sym_ints: dict[sympy.Symbol, torch.SymInt] = {}
        self._block_hints: dict[sympy.Symbol, int] = {}
        self._floats: dict[str, sympy.Symbol] = {}
        self._truncated: dict[str, Any] = {}
        self._sm_count: torch.SymInt | None = None
        self._unknown: set[sympy.Symbol] = set()
        self._nominal: dict[sympy.Symbol, torch.SymInt] = {}
        self.nominal_blocks: dict[sympy.Symbol, sympy.Symbol] = {}
        """Symbols of block sizes as numbers, and the lanes they are the number of."""

    @property
    def planned(self) -> dict[sympy.Symbol, Expression]:
        """What the host knows when it runs: its own symbols, and block sizes, which a config fills in."""
        blocks: dict[sympy.Symbol, Expression] = {
            symbol: ["block", str(symbol)] for symbol in self._block_hints
        }
        return {**self.host, **blocks}

    def host_symbol(self, source: Expression, hint: int) -> torch.SymInt:
        """A size, stride or integer argument that is not specialised."""
        value: torch.SymInt = self._host_number(
            symbolic.new_symbol(self.shape_env, f"s{len(self.host)}", hint), source, hint
        )
        return value

    def sm_count(self, value: int) -> torch.SymInt:
        """The multiprocessors of the device, ``value`` where the call that is being traced runs."""
        if self._sm_count is None:
            self._sm_count = self.item(["sm_count"], value)
        return self._sm_count

    def item(self, source: Expression, value: float) -> Any:
        """A number that the host reads from a tensor, ``value`` in the call that is being traced."""
        name = f"s{len(self.host)}"
        make: Any = symbolic.new_float if isinstance(value, float) else symbolic.new_number
        return self._host_number(make(self.shape_env, name, value), source, value)

    def unknown_item(self, source: Expression, kind: Literal["int", "float", "bool"]) -> Any:
        """A number that the host reads from a tensor, and that nothing can be told of."""
        if kind == "float":
            number = self._host_number(symbolic.unknown_float(self.shape_env), source, 0.0)
        else:
            unknown = symbolic.unknown_number(self.shape_env)
            number = self._host_number(unknown, source, _UNKNOWN_HINT)
        self._unknown.add(number.node.expr)
        return number == 1 if kind == "bool" else number

    def truncated(self, number: torch.SymFloat) -> Any:
        """``int(number)`` of a float of the host, as a symbol of its own: kernels take integers, and compute with no
        floats of the host's.
        """
        whole = torch.sym_int(number)  # type: ignore[no-untyped-call]  # torch's own is untyped
        if isinstance(whole, int) or not self.is_host(whole.node.expr):
            return whole
        source = to_runtime(whole.node.expr, self.host)
        key = repr(source)
        if key not in self._truncated:
            if whole.node.expr.free_symbols & self._unknown:
                self._truncated[key] = self.unknown_item(source, "int")
            else:
                self._truncated[key] = self.item(source, int(symbolic.example_number(number)))
        return self._truncated[key]

    def float_argument(self, source: Expression, value: float) -> torch.SymFloat:
        """A float argument, which is not specialised."""
        made: torch.SymFloat = self.item(source, value)
        return made

    def device_float(self, source: Expression) -> sympy.Symbol:
        """A float that the host computes for the device, one symbol for one expression. Unlike every other
        symbol it is no integer."""
        key = repr(source)
        if key not in self._floats:
            symbol = sympy.Symbol(f"f{len(self._floats)}", real=True, integer=False)
            self._floats[key] = symbol
            self.host[symbol] = source
            self.host_hints[symbol] = 0.0
        return self._floats[key]

    def _host_number(self, value: Any, source: Expression, hint: float) -> Any:
        symbol = self._remember(value)
        self.host[symbol] = source
        self.host_hints[symbol] = hint
        return value

    def block_symbol(self) -> torch.SymInt:
        """The lanes of a new tile."""
        number = len(self._block_hints)
        hint = _FIRST_BLOCK_HINT + number * _BLOCK_HINT_STEP
        value = symbolic.new_symbol(self.shape_env, f"b{number}", hint)
        self._block_hints[self._remember(value)] = hint
        return value

    def nominal(self, block: sympy.Symbol) -> torch.SymInt:
        """``tile.block_size`` as a number. Sizes of shapes are another thing: they count valid lanes."""
        if block not in self._nominal:
            number = len(self._nominal)
            value = symbolic.new_symbol(
                self.shape_env, f"n{number}", self._block_hints[block] + _NOMINAL_STEP
            )
            self._nominal[block] = value
            self.nominal_blocks[self._remember(value)] = block
        return self._nominal[block]

    def lanes(self, value: Any) -> Size:
        """An expression in which block sizes, written as numbers, are lanes of tiles."""
        size = value if isinstance(value, sympy.Basic) else self.expression(value)
        return size if isinstance(size, int) else size.xreplace(self.nominal_blocks)

    def offset_symbol(self) -> torch.SymInt:
        """Where a tile begins: a number that no Python branch may look at."""
        value = self.shape_env.create_unbacked_symint()
        self._remember(value)
        return value

    def _remember(self, value: Any) -> sympy.Symbol:
        symbol = value.node.expr
        assert isinstance(symbol, sympy.Symbol)
        self._sym_ints[symbol] = value
        return symbol

    @staticmethod
    def expression(value: Any) -> Size:
        """The expression of an int or SymInt, as simple as it gets."""
        return symbolic.expression(value)

    def value(self, size: Size) -> Any:
        """The int or SymInt of an expression."""
        if isinstance(size, int):
            return size
        if size.is_Integer:
            return int(size)
        if size in self._sym_ints:
            return self._sym_ints[size]
        return self.shape_env.create_symintnode(size, hint=None)

    def is_host(self, size: Size) -> bool:
        """Whether an expression reads host symbols only."""
        return isinstance(size, int) or size.free_symbols <= self.host.keys()

    def is_nominal(self, size: Size) -> bool:
        """Whether an expression is computed from block sizes as numbers, and what the host knows."""
        known = self.nominal_blocks.keys() | self.host.keys()
        return not isinstance(size, int) and size.free_symbols <= known

    def is_told(self, size: Size) -> bool:
        """Whether an expression reads no number that nothing is known of."""
        return isinstance(size, int) or self._unknown.isdisjoint(size.free_symbols)

    def is_block(self, size: Size) -> bool:
        """Whether an expression is the lanes of a tile."""
        return size in self._block_hints

    def is_block_hint(self, size: Size) -> bool:
        """Whether a number is what a tile's lanes are taken for where torch insists on one."""
        return size in self._block_hints.values()

    def equalities(self) -> dict[sympy.Expr, sympy.Expr]:
        """Host symbols that the guards made equal to other expressions, and expressions that they made a number."""
        found = {
            symbol: self.shape_env.replace(symbol)
            for symbol in self.shape_env.replacements
            if symbol in self.host
        }
        known = {s: value for s, value in found.items() if value.free_symbols <= self.host.keys()}
        numbers = {
            guard.lhs: guard.rhs
            for guard in self.guards()
            if isinstance(guard, sympy.Eq) and guard.rhs.is_Integer and not guard.lhs.is_Symbol
        }
        return {**numbers, **known}

    def agree(self, first: Sequence[Size], second: Sequence[Size]) -> bool:
        """Whether two shapes are equal; sizes that only the call tells are compared in the call at hand, and
        what comes out becomes part of the guard.
        """
        return len(first) == len(second) and all(map(self._equal, first, second))

    def _equal(self, first: Size, second: Size) -> bool:
        first, second = (self.expression(self.value(size)) for size in (first, second))
        if first == second:
            return True
        if not (self.is_host(first) and self.is_host(second)):
            return False
        return bool(self.value(first) == self.value(second))

    def guards(self) -> tuple[sympy.Basic, ...]:
        """What the trace assumed of host symbols; assumptions on tiles are torch's own and hold by construction."""
        return tuple(
            guard
            for guard in symbolic.guards(self.shape_env)
            if guard.free_symbols <= self.host.keys()
        )
