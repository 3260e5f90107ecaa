"""Calls that need not be split: those that differ from one that was in their tensors and numbers alone.

Functions among the arguments may differ in the tensors that they capture: see :mod:`.passed_functions`.
"""

from __future__ import annotations

import operator
from types import FunctionType
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.tracing.arguments import is_plain
from helion_compiler.tracing.captures import Captures, is_constant
from helion_compiler.tracing.passed_functions import Equal, PassedFunction, captured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.passed_functions import Path
    from helion_runtime import Dispatcher


@attrs.frozen(eq=False)
class Shortcut:
    """Where calls on GPUs go that have the same constants, as long as the kernel captures what it did.

    ``leaves`` are the places of what the dispatcher takes among the arguments, None for all of them; in functions, they
    go on from cell to cell. ``others`` are what the other arguments have to be, with their places.
    """

    dispatcher: Dispatcher
    first_tensor: int
    leaves: tuple[int | tuple[int, Path], ...] | None
    others: tuple[tuple[int, Equal | PassedFunction], ...]
    captures: Captures | None

    @classmethod
    def of(
        cls,
        function: FunctionType,
        constant: Sequence[bool],
        args: Sequence[Any],
        split: Sequence[Any],
        dispatcher: Dispatcher,
    ) -> Shortcut | None:
        """The one for calls like a call with ``args``, whose leaves are ``split``; ``constant`` says which parameters
        are constants, whatever they hold. None where calls have to be split: for containers, captures that are leaves,
        and functions that say so.
        """
        leaves: list[int | tuple[int, Path]] = []
        others: list[tuple[int, Equal | PassedFunction]] = []
        for place, arg in enumerate(args):
            if isinstance(arg, torch.Tensor) or (is_plain(arg) and not constant[place]):
                leaves.append(place)
            elif is_constant(arg):
                others.append((place, Equal(arg)))
            else:
                passed = PassedFunction.of(arg) if isinstance(arg, FunctionType) else None
                if passed is None:
                    return None
                others.append((place, passed))
                leaves += ((place, path) for path in passed.tensors())
        tensors = (p for p in leaves if isinstance(p, int) and isinstance(args[p], torch.Tensor))
        first = next(tensors, None)
        found = [_leaf(args, where) for where in leaves]
        if first is None or len(found) != len(split) or any(map(operator.is_not, found, split)):
            return None
        captures = Captures.of(function)  # last, as it walks through code
        if captures is None:
            return None
        return cls(
            dispatcher,
            first,
            tuple(leaves) if others else None,
            tuple(others),
            captures if captures.globals or captures.cells else None,
        )

    def takes(self, args: tuple[Any, ...]) -> bool:
        """Whether a call may take it."""
        first = args[self.first_tensor]
        if not (isinstance(first, torch.Tensor) and first.is_cuda):
            return False
        for place, own in self.others:
            if not own.takes(args[place]):
                return False
        return self.captures is None or self.captures.unchanged()

    def leaves_of(self, args: tuple[Any, ...]) -> Sequence[Any]:
        """What the dispatcher takes of the arguments."""
        if self.leaves is None:
            return args
        return [_leaf(args, where) for where in self.leaves]


def _leaf(args: Sequence[Any], where: int | tuple[int, Path]) -> Any:
    """An argument, or what a function among them captures."""
    if isinstance(where, int):
        return args[where]
    place, path = where
    return captured(args[place], path)
