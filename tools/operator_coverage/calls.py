"""One call of an operator: its tensors apart from everything else, and which of its dimensions are independent.

A call is *elementwise* if every part of the result depends on the same part of the operands alone, and goes *by rows*
if that holds for the first dimension. Which it is, is found by asking torch for parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.utils._pytree import TreeSpec


@attrs.frozen
class Slot:
    """The place of a tensor among the arguments."""

    number: int


@attrs.frozen(eq=False)
class OperatorCall:
    """An operator and its arguments; ``tensors`` fill the slots among ``leaves``."""

    function: Callable[..., Any]
    leaves: tuple[Any, ...]
    tree: TreeSpec
    tensors: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, function: Callable[..., Any], first: Any, args: Any, kwargs: Any) -> OperatorCall:
        """The call ``function(first, *args, **kwargs)``."""
        leaves, tree = torch.utils._pytree.tree_flatten(((first, *args), dict(kwargs)))
        tensors: list[torch.Tensor] = []
        slots: list[Any] = []
        for leaf in leaves:
            if isinstance(leaf, torch.Tensor):
                slots.append(Slot(len(tensors)))
                tensors.append(leaf.detach())
            else:
                slots.append(leaf)
        return cls(function, tuple(slots), tree, tuple(tensors))

    def __call__(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The tensors among the results, for other tensors in the slots."""
        leaves = [tensors[leaf.number] if isinstance(leaf, Slot) else leaf for leaf in self.leaves]
        args, kwargs = torch.utils._pytree.tree_unflatten(leaves, self.tree)
        result = self.function(*args, **kwargs)
        results = torch.utils._pytree.tree_leaves(result)
        return [value for value in results if isinstance(value, torch.Tensor)]

    def expected(self) -> list[torch.Tensor]:
        """What torch gives, on copies of the tensors."""
        return self([tensor.clone() for tensor in self.tensors])

    def broadcast(self) -> OperatorCall:
        """The same call with every tensor expanded to one shape, those without dimensions aside."""
        shape = np.broadcast_shapes(*(tensor.shape for tensor in self.tensors))
        tensors = [t.expand(shape) if t.ndim else t for t in self.tensors]
        return attrs.evolve(self, tensors=tuple(tensors))

    def described(self) -> str:
        """The arguments in short."""
        leaves = [
            f"{str(self.tensors[leaf.number].dtype)[6:]}{list(self.tensors[leaf.number].shape)}"
            if isinstance(leaf, Slot)
            else repr(leaf)
            for leaf in self.leaves
        ]
        args, kwargs = torch.utils._pytree.tree_unflatten(leaves, self.tree)
        words = [_text(arg) for arg in args] + [f"{k}={_text(v)}" for k, v in kwargs.items()]
        return f"({', '.join(words)})"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value).replace("'", "")


UNSAFE = frozenset({torch.lu_unpack})
"""Functions that torch kills the process over when operands do not belong together, as parts do not."""


def is_elementwise(call: OperatorCall, expected: list[torch.Tensor]) -> bool:
    """Whether the call can run on tiles over all dimensions of its result."""
    try:
        shape = np.broadcast_shapes(*(tensor.shape for tensor in call.tensors))
    except ValueError:
        return False
    if call.function in UNSAFE:
        return False
    if any(result.shape != shape for result in expected) or not any(size > 1 for size in shape):
        return False
    call = call.broadcast()
    followers = [tensor.ndim > 0 for tensor in call.tensors]
    return all(
        _independent(call, expected, followers, dim) for dim, size in enumerate(shape) if size > 1
    )


def follows_rows(call: OperatorCall, expected: list[torch.Tensor]) -> list[bool] | None:
    """For each tensor whether tiles of its first dimension go with those of the result's; None if rows depend on
    each other.
    """
    if not expected or call.function in UNSAFE or any(r.ndim == 0 for r in expected):
        return None
    rows = expected[0].shape[0]
    if rows < 2 or any(result.shape[0] != rows for result in expected):
        return None
    rank = max(1, *(tensor.ndim for tensor in call.tensors))
    followers = [t.ndim == rank and t.shape[0] == rows for t in call.tensors]
    if not any(followers) or not _independent(call, expected, followers, 0):
        return None
    return followers


def _independent(
    call: OperatorCall, expected: list[torch.Tensor], followers: list[bool], dim: int
) -> bool:
    size = expected[0].shape[dim]
    half = size // 2
    for start, length in ((0, 1), (1, size - 1), (half, size - half), (size - 1, 1)):
        parts = [
            tensor.narrow(dim, start, length).clone() if follows else tensor.clone()
            for tensor, follows in zip(call.tensors, followers, strict=True)
        ]
        try:
            found = call(parts)
            wanted = [result.narrow(dim, start, length) for result in expected]
            for one, other in zip(found, wanted, strict=True):
                torch.testing.assert_close(one, other, equal_nan=True, rtol=1e-2, atol=1e-3)
        except Exception:  # noqa: BLE001  whatever torch says of parts, they are no answer
            return False
    return True
