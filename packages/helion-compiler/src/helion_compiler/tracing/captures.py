"""What functions capture: which names they read, and whether that is still what it was.

Splitting a call reads every captured value anew, which takes as long as several launches. Most kernels capture numbers,
and functions that do the same: as long as each name stands for the very object that it stood for, so does the split.
"""

from __future__ import annotations

from enum import Enum
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.tracing.location import is_author

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import CellType


_CONSTANTS = (int, float, bool, str, type(None), torch.dtype, torch.device, complex, Enum)
_GONE = object()
"""Stands for a name that is no more."""


@attrs.frozen(eq=False)
class Captures:
    """What a kernel's globals and closure cells held, where that is no tensor and holds none: see :meth:`of`."""

    globals: tuple[tuple[dict[str, Any], str, Any], ...]
    cells: tuple[tuple[CellType, Any], ...]

    @classmethod
    def of(cls, function: FunctionType) -> Captures | None:
        """What ``function``, and the author's functions it calls, capture now; None if a call has to be split for it.

        That is where tensors are captured, or containers that may come to hold others.
        """
        functions = tuple(_reached(function, []))
        return cls._of_all(functions, functions)

    @classmethod
    def of_globals(cls, function: FunctionType) -> Captures | None:
        """The same without what the closure of ``function`` itself holds."""
        called = tuple(_reached_by(lifted(function), [function]))
        return cls._of_all((function, *called), called)

    @classmethod
    def _of_all(
        cls, functions: Sequence[FunctionType], closures: Sequence[FunctionType]
    ) -> Captures | None:
        globals_ = tuple(each for one in functions for each in lifted(one))
        cells = tuple(each for one in closures for each in _filled(one))
        values = [value for *_, value in (*globals_, *cells)]
        return cls(globals_, cells) if all(map(_is_fixed, values)) else None

    def unchanged(self) -> bool:
        """Whether every name still stands for the same object."""
        for namespace, name, value in self.globals:
            if namespace.get(name, _GONE) is not value:
                return False
        try:
            for cell, value in self.cells:
                if cell.cell_contents is not value:
                    return False
        except ValueError:  # it was emptied
            return False
        return True


def lifted(function: FunctionType) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """The globals of ``function`` that are read anew on each call: where they are, their names and values."""
    namespace = function.__globals__
    for name in sorted(_names_used(function.__code__) & namespace.keys()):
        value = namespace[name]
        if _is_lifted(value):
            yield namespace, name, value


def _names_used(code: CodeType) -> set[str]:
    """The names that code, and functions written inside it, may read from globals."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names_used(constant)
    return names


def _is_lifted(value: object) -> bool:
    """Whether a global is read anew on each call: tensors, constants, and the author's functions for what they read."""
    if isinstance(value, FunctionType):
        return is_author(value.__code__.co_filename)
    return isinstance(value, torch.Tensor) or _holds_constants(value)


def _holds_constants(value: object) -> bool:
    """Whether it is one, or a tuple of such."""
    if type(value) is tuple:
        return all(map(_holds_constants, value))
    return is_constant(value)


def is_constant(value: object) -> bool:
    """Whether programs may depend on a value as it is."""
    return isinstance(value, _CONSTANTS)


def is_filled(cell: CellType) -> bool:
    """Whether a closure's variable has a value."""
    try:
        cell.cell_contents  # noqa: B018  # an empty cell raises
    except ValueError:
        return False
    return True


def _reached(function: FunctionType, entered: list[FunctionType]) -> Iterator[FunctionType]:
    """The function, and the author's functions among its captures, each once."""
    entered.append(function)
    yield function
    yield from _reached_by((*lifted(function), *_filled(function)), entered)


def _reached_by(
    captures: Iterable[tuple[Any, ...]], entered: list[FunctionType]
) -> Iterator[FunctionType]:
    """The same of what is captured, each the last of a tuple."""
    for *_, value in captures:
        if (
            isinstance(value, FunctionType)
            and value not in entered
            and is_author(value.__code__.co_filename)
        ):
            yield from _reached(value, entered)


def _filled(function: FunctionType) -> Iterator[tuple[CellType, Any]]:
    for cell in function.__closure__ or ():
        if is_filled(cell):
            yield cell, cell.cell_contents


def _is_fixed(value: object) -> bool:
    """Whether a captured object is the same to a kernel as long as it is the same object."""
    if isinstance(value, tuple):
        return all(map(_is_fixed, value))
    return not isinstance(value, torch.Tensor | list | dict)
