"""Calls that need not be split: those that differ from one that was in their tensors and numbers alone."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.tracing.arguments import is_constant, is_plain
from helion_compiler.tracing.captures import Captures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FunctionType

    from helion_runtime import Dispatcher


@attrs.frozen(eq=False)
class Shortcut:
    """Where calls on GPUs go that have the same constants, as long as the kernel captures what it did.

    ``leaves`` are the places of what the dispatcher takes among the arguments, None for all of them; ``constants`` are
    the others, with their places.
    """

    dispatcher: Dispatcher
    first_tensor: int
    leaves: tuple[int, ...] | None
    constants: tuple[tuple[int, Any], ...]
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
        are constants, whatever they hold. None where calls have to be split: for containers, functions, captures that
        are leaves.
        """
        leaves = [
            place
            for place, arg in enumerate(args)
            if isinstance(arg, torch.Tensor) or (is_plain(arg) and not constant[place])
        ]
        others = [(place, arg) for place, arg in enumerate(args) if place not in leaves]
        first = next((p for p in leaves if isinstance(args[p], torch.Tensor)), None)
        if first is None or not all(is_constant(arg) for _, arg in others):
            return None
        found = [args[place] for place in leaves]
        if len(found) != len(split) or any(map(operator.is_not, found, split)):
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
        for place, value in self.constants:
            given = args[place]
            if given is not value and (given.__class__ is not value.__class__ or given != value):
                return False
        return self.captures is None or self.captures.unchanged()

    def leaves_of(self, args: tuple[Any, ...]) -> Sequence[Any]:
        """What the dispatcher takes of the arguments."""
        return args if self.leaves is None else [args[place] for place in self.leaves]
