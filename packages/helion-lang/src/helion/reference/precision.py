"""Computing a kernel in float64 whatever it says: the oracle's higher precision.

Arguments are copied, with floating tensors as float64; floating dtypes that a kernel names become float64 as it runs.
Aliases are kept where one tensor object is passed or captured more than once; two views of one storage become two
tensors, which is why a kernel that relies on such views has to be compared at native precision.
"""

from __future__ import annotations

import types
from typing import Any

import torch

from helion.containers import parts_of
from helion.exc import UnsupportedOperator
from helion.reference.names import names_mentioned

_CASTS = frozenset({"float", "half", "bfloat16", "double"})


def raised(value: Any) -> Any:
    """A result with every floating tensor in it as float64; ``value`` itself where there is nothing to do."""
    if isinstance(value, torch.Tensor):
        lower = value.is_floating_point() and value.dtype is not torch.float64
        return value.to(torch.float64) if lower else value
    if isinstance(value, (list, tuple)) and any(raised(entry) is not entry for entry in value):
        # Also rebuilds torch's named results, such as that of torch.max(x, dim).
        return type(value)([raised(entry) for entry in value])
    return value


def raised_call(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a torch function with floating dtypes replaced by float64.

    Raises:
        UnsupportedOperator: the function looks at the bits of numbers, which float64 does not share.
    """
    if name == "view" and any(isinstance(arg, torch.dtype) for arg in args[1:]):
        raise UnsupportedOperator(
            operator="Tensor.view(dtype)", reason="bits differ in higher precision"
        )
    replaced = {key: _raised_dtype(value) for key, value in kwargs.items()}
    return tuple(_raised_dtype(arg) for arg in args), replaced


def is_cast(name: str) -> bool:
    """Whether a tensor method is a cast to a floating dtype, named after it."""
    return name in _CASTS


def _raised_dtype(value: Any) -> Any:
    lower = isinstance(value, torch.dtype) and value.is_floating_point
    return torch.float64 if lower else value


class Copier:
    """Copies arguments and functions, floating tensors as float64; each object once."""

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}
        self._originals: list[Any] = []  # keeps ids from being reused

    def copy(self, value: Any) -> Any:
        """``value`` with every tensor in it replaced: in containers, and in what functions capture."""
        if id(value) in self._copies:
            return self._copies[id(value)]
        if isinstance(value, torch.Tensor):
            copied: Any = _copied_tensor(value)
        elif isinstance(value, types.FunctionType):
            return self._copied_function(value)
        elif (parts := parts_of(value)) is not None:
            items = [self.copy(item) for item in parts.items]
            if all(new is old for new, old in zip(items, parts.items, strict=True)):
                return value
            copied = parts.together(items)
        else:
            return value
        self._remember(value, copied)
        return copied

    def tensors(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Every tensor that was copied, with its copy."""
        return [
            (original, self._copies[id(original)])
            for original in self._originals
            if isinstance(original, torch.Tensor)
        ]

    def _remember(self, value: Any, copied: Any) -> None:
        self._copies[id(value)] = copied
        self._originals.append(value)

    def _copied_function(self, function: types.FunctionType) -> types.FunctionType:
        """``function`` over copies of the tensors it captures; itself if it captures none."""
        self._remember(function, function)  # it may mention itself
        cells = function.__closure__ or ()
        closure = tuple(self._copied_cell(cell) for cell in cells)
        replaced = {
            name: copy
            for name in names_mentioned(function.__code__)
            if name in function.__globals__
            and (copy := self._captured(function.__globals__[name]))
            is not function.__globals__[name]
        }
        if not replaced and all(new is old for new, old in zip(closure, cells, strict=True)):
            return function
        copied = types.FunctionType(
            function.__code__,
            {**function.__globals__, **replaced},
            function.__name__,
            function.__defaults__,
            closure,
        )
        copied.__kwdefaults__ = function.__kwdefaults__
        self._copies[id(function)] = copied
        return copied

    def _copied_cell(self, cell: types.CellType) -> types.CellType:
        try:
            content = cell.cell_contents
        except ValueError:  # not assigned yet
            return cell
        copy = self._captured(content)
        return cell if copy is content else types.CellType(copy)

    def _captured(self, value: Any) -> Any:
        """A captured value: tensors and functions are copied, other objects stay what they are."""
        return self.copy(value) if isinstance(value, (torch.Tensor, types.FunctionType)) else value


def _copied_tensor(tensor: torch.Tensor) -> torch.Tensor:
    dtype = torch.float64 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to(dtype, copy=True)
