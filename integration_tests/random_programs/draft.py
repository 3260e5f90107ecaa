"""A program while it is written: its lines, what is in scope, the arguments and outputs it has come to need."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import attrs
import torch

from .draws import Draws
from .tensors import LAYOUTS, Content, TensorSpec
from .values import FLOATS, INTEGERS, Dim, Dims, Value

if TYPE_CHECKING:
    from collections.abc import Iterator


@attrs.frozen
class Output:
    """One result of the kernel, and how far off its elements may be."""

    name: str
    error: float
    sizes: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32
    low: float = 0
    high: float = 0
    grain: float = 0
    readable: bool = False
    """Whether the fields before it say what it holds."""


@attrs.frozen(eq=False)
class Index:
    """A scalar position in scope: text, and one past its greatest value."""

    text: str
    end: int
    sparse: bool = False
    """Whether some positions before the last may be left out."""


@attrs.define(eq=False)
class Scope:
    """What the statements at one place may use."""

    values: list[Value] = attrs.field(factory=list)
    tiles: list[Dim] = attrs.field(factory=list)
    indices: list[Index] = attrs.field(factory=list)


class Draft:
    """The program so far. ``owners`` are the tiles and positions that a plain store has to name."""

    def __init__(self, number: int) -> None:
        self.draws = Draws(number)
        self.prelude: list[str] = []
        self.body: list[str] = []
        self.functions: list[str] = []
        self.tensors: list[TensorSpec] = []
        self.numbers: list[tuple[str, int | float]] = []
        self.outputs: list[Output] = []
        self.readable: list[Output] = []
        """What loops before the last barrier wrote."""
        self.wholes: list[Dim] = []
        self.scope = Scope()
        self.owners: list[Dim | Index] = []
        self.effort = 60
        """Expressions that may still be written: keeps programs small."""
        self._indent = 1
        self._names: dict[str, int] = {}

    # Text.

    def line(self, text: str) -> None:
        """Write one line at the current depth."""
        self.body.append("    " * self._indent + text)

    @contextlib.contextmanager
    def indented(self) -> Iterator[None]:
        """Write the body of a statement; what it defines goes out of scope behind it."""
        outer = self.scope
        self.scope = Scope(list(outer.values), list(outer.tiles), list(outer.indices))
        owners = list(self.owners)
        self._indent += 1
        written = len(self.body)
        try:
            yield
        finally:
            if len(self.body) == written:
                self.line("pass")
            self._indent -= 1
            self.scope, self.owners = outer, owners

    def fresh(self, prefix: str) -> str:
        """A new name."""
        self._names[prefix] = self._names.get(prefix, -1) + 1
        return f"{prefix}{self._names[prefix]}"

    def named(self, value: Value) -> Value:
        """Assign a value to a new name."""
        name = self.fresh("v")
        self.line(f"{name} = {value.text}")
        kept = attrs.evolve(value, text=name)
        self.scope.values.append(kept)
        return kept

    def maybe_named(self, value: Value) -> Value:
        """A value under a name of its own, or as it is."""
        if self.draws.chance(0.6) or len(value.text) > 70:
            return self.named(value)
        return attrs.evolve(value, text=f"({value.text})")

    # Sizes.

    def whole(self, size: int | None = None) -> Dim:
        """A dimension of known size: one that there is, or a new one."""
        fitting = [dim for dim in self.wholes if size in (None, dim.size)]
        if fitting and self.draws.chance(0.75):
            return self.draws.pick(fitting)
        chosen = size or self.draws.pick((1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 8, 12, 16, 17))
        dim = Dim(str(chosen), chosen)
        if chosen > 1 and self.draws.chance(0.3) and not self.scope.tiles:
            name = self.fresh("d")
            self.prelude.append(f"{name} = {self.sized(chosen)}")
            dim = Dim(name, chosen)
        self.wholes.append(dim)
        return dim

    def sized(self, size: int) -> str:
        """Text for a size on the host: a number, a size of an argument, or an argument itself."""
        having = [
            f"{tensor.name}.size({dim})"
            for tensor in self.tensors
            for dim, own in enumerate(tensor.shape)
            if own == size
        ]
        if having and self.draws.chance(0.6):
            return self.draws.pick(having)
        if size > 1 and self.draws.chance(0.2):
            return self.number(size)
        return str(size)

    def number(self, value: int | float) -> str:
        """An argument that is a number."""
        name = self.fresh("n")
        self.numbers.append((name, value))
        return name

    # Tensors.

    def tensor(
        self, shape: tuple[int, ...], dtype: torch.dtype, content: Content, *, plain: bool = False
    ) -> str:
        """An argument like this: one that there is, or a new one."""
        for tensor in self.tensors:
            same = (tensor.shape, tensor.dtype, tensor.content) == (shape, dtype, content)
            if same and self.draws.chance(0.4):
                return tensor.name
        layout = "dense" if plain else self.draws.pick(LAYOUTS)
        self.tensors.append(TensorSpec(self.fresh("x"), shape, dtype, content, layout))
        return self.tensors[-1].name

    def content(self, dtype: torch.dtype) -> Content:
        """Something for a tensor of a dtype to hold: mostly numbers that sums keep exact."""
        if dtype is torch.bool:
            return Content(0, 1)
        if not dtype.is_floating_point:
            low = 0 if dtype is torch.uint8 else self.draws.pick((0, -3, -9))
            return Content(low, self.draws.pick((1, 3, 9)))
        return self.draws.pick(
            (
                Content(-3, 3),
                Content(0, 4),
                Content(-2, 2, 0.25),
                Content(-2, 2, 0),
                Content(0, 1, 0),
            )
        )

    def dtype(self, want: str = "any") -> torch.dtype:
        """A dtype of a kind."""
        if want == "any":
            want = self.draws.pick(("float", "float", "float", "int"))
        if want == "bool":
            return torch.bool
        if want == "int":
            return self.draws.pick((*INTEGERS, torch.int32, torch.int64))
        return self.draws.pick((*FLOATS, torch.float32, torch.float32))

    def usable(self, dims: Dims) -> list[Value]:
        """Values in scope whose dimensions are among these."""
        return [value for value in self.scope.values if set(value.dims) <= set(dims)]
