"""Functions among the arguments of a call: whether others stand for the same program, and which tensors they capture.

In: a function of the author's, as one call passed it. Out: a :class:`PassedFunction`, which takes another function that
differs in the tensors of its closure alone, as a lambda does that is written anew for each call. It agrees with what
splitting a call makes of functions (:mod:`.arguments`), or is None.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.tracing.captures import Captures, is_constant, is_filled
from helion_compiler.tracing.location import is_author

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import CodeType

Path = tuple[int, ...]
"""Where a captured tensor is: the numbers of cells, from the function on."""


@attrs.frozen(eq=False)
class _Tensor:
    """Any tensor: it is a leaf."""

    def takes(self, value: object) -> bool:
        return isinstance(value, torch.Tensor)


@attrs.frozen(eq=False)
class Equal:
    """A constant of the program; its type keeps 1, 1.0 and True apart."""

    value: Any

    def takes(self, value: object) -> bool:
        """Whether ``value`` may be in its place."""
        own = self.value
        return value is own or (value.__class__ is own.__class__ and bool(value == own))


@attrs.frozen(eq=False)
class _Object:
    """What neither is: the same one."""

    value: Any

    def takes(self, value: object) -> bool:
        return value is self.value


@attrs.frozen(eq=False)
class PassedFunction:
    """What a function has to have to stand for the same program."""

    code: CodeType
    namespace: Mapping[str, Any]
    cells: tuple[_Tensor | Equal | _Object | PassedFunction, ...]
    globals: Captures

    @classmethod
    def of(
        cls, function: FunctionType, around: tuple[FunctionType, ...] = ()
    ) -> PassedFunction | None:
        """That of a function as it is now; None if calls have to be split for it.

        That is where it is a library's, has defaults, or captures itself, containers, or tensors as globals. Functions
        ``around`` it capture it.
        """
        cells = function.__closure__ or ()
        if (
            function in around
            or function.__defaults__
            or function.__kwdefaults__
            or not is_author(function.__code__.co_filename)
            or not all(map(is_filled, cells))
        ):
            return None
        inside = [_cell(cell.cell_contents, (*around, function)) for cell in cells]
        known = tuple(cell for cell in inside if cell is not None)
        globals_ = Captures.of_globals(function)
        if globals_ is None or len(known) != len(inside):
            return None
        return cls(function.__code__, function.__globals__, known, globals_)

    def takes(self, value: object) -> bool:
        """Whether a function differs in nothing but the tensors of its closure."""
        if value.__class__ is not FunctionType:
            return False
        given: FunctionType = value
        if (
            given.__code__ is not self.code
            or given.__globals__ is not self.namespace
            or given.__defaults__
            or given.__kwdefaults__
        ):
            return False
        try:
            for own, cell in zip(self.cells, given.__closure__ or (), strict=True):
                if not own.takes(cell.cell_contents):
                    return False
        except ValueError:  # it was emptied
            return False
        return self.globals.unchanged()

    def tensors(self) -> Iterator[Path]:
        """Where it captures tensors, in the order in which a call is split."""
        for number, cell in enumerate(self.cells):
            if isinstance(cell, _Tensor):
                yield (number,)
            elif isinstance(cell, PassedFunction):
                yield from ((number, *path) for path in cell.tensors())


def _cell(value: Any, around: tuple[FunctionType, ...]) -> Any:
    """What a cell has to hold, by what it holds; None for what has to be split."""
    if isinstance(value, torch.Tensor):
        return _Tensor()
    if is_constant(value):
        return Equal(value)
    if isinstance(value, FunctionType) and is_author(value.__code__.co_filename):
        return PassedFunction.of(value, around)
    return None if isinstance(value, (tuple, list)) else _Object(value)


def captured(function: Any, path: Path) -> Any:
    """What lies there."""
    for number in path:
        function = function.__closure__[number].cell_contents
    return function
