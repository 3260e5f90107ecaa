"""Tells right candidates from wrong ones, and leaves the caller's tensors as they were.

In: the arguments of a launch by name. The first candidate that runs shows which tensors the kernel writes; its
results, or those of a reference, are what every candidate must reproduce, from restored inputs into poisoned outputs.
Assumed: between launches nobody else writes to these tensors. Needs memory for two copies of what the kernel writes,
and, while the first candidate runs, for a copy of every tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helion_autotune.triton_kernels.comparing import difference, fill_poison, same_bytes
from helion_autotune.workload import WrongResult

if TYPE_CHECKING:
    from torch import Tensor

#: Called with the launch's arguments by name (tensors are copies); returns the expected tensors by argument name.
Reference = Callable[..., Mapping[str, "Tensor"]]


class Oracle:
    """The judge of one tuning session."""

    def __init__(
        self,
        named: Mapping[str, Any],
        *,
        restore_value: Sequence[str] = (),
        reset_to_zero: Sequence[str] = (),
        reference: Reference | None = None,
        told: Mapping[str, Tensor] | None = None,
        tolerance: float | None = None,
    ) -> None:
        self._tensors = {n: t.detach() for n, t in tensors_of(named).items() if not _overlaps(t)}
        missing = [n for n in (*restore_value, *reset_to_zero) if n not in self._tensors]
        if missing:
            raise ValueError(
                f"restore_value and reset_to_zero name {missing}, which are no tensors of this launch; "
                f"its tensors are {', '.join(self._tensors) or 'none'}"
            )
        self._declared = (*restore_value, *reset_to_zero)
        self._reset_to_zero = tuple(reset_to_zero)
        self._tolerance = tolerance
        self._copies: dict[str, Tensor] = {}  # made when there is something to judge
        self._poisoned: tuple[str, ...] = ()
        self._expected: dict[str, Tensor] = {}
        self._told = dict(told or {})
        if reference is not None:
            self._told = self._told_by(reference, named)

    @property
    def needs_set_up(self) -> bool:
        """Whether every launch, the timed ones included, needs :meth:`set_up` before it."""
        return bool(self._declared)

    @property
    def told(self) -> Mapping[str, Tensor]:
        """What a reference expects, by argument name; empty without one."""
        return self._told

    @property
    def written(self) -> frozenset[str]:
        """The names of the tensors that the kernel writes; empty before anything has run."""
        return frozenset(self._expected)

    def learn(self, launch: Callable[[], object]) -> None:
        """Take this launch's results for what is expected, unless a reference or an earlier launch has said that."""
        if not self._expected:
            self._learn(launch)

    def judge(self, launch: Callable[[], object]) -> None:
        """Launch once and compare; raises WrongResult, and whatever ``launch`` raises."""
        self.learn(launch)
        self._restore()
        self._poison()
        self.set_up()
        launch()
        for name, expected in self._expected.items():
            problem = difference(self._tensors[name], expected, self._tolerance)
            if problem is not None:
                raise WrongResult(f"{name}: {problem}")

    def set_up(self) -> None:
        """Give the declared tensors the values that each launch expects."""
        for name in self._declared:
            self._tensors[name].copy_(self._copies[name])
        for name in self._reset_to_zero:
            self._tensors[name].zero_()

    def restore(self) -> None:
        """Leave every tensor that was written as it was before the session."""
        self._restore()

    def _told_by(self, reference: Reference, named: Mapping[str, Any]) -> dict[str, Tensor]:
        arguments = {**named, **{name: tensor.clone() for name, tensor in self._tensors.items()}}
        told = dict(reference(**arguments))
        strangers = told.keys() - self._tensors.keys()
        if strangers or not told:
            raise ValueError(
                f"the reference must return expected tensors by argument name; it returned {list(told)}, "
                f"the tensors of this launch are {', '.join(self._tensors)}"
            )
        return told

    # -- learning from the first candidate that runs --------------------------------------------

    def _learn(self, launch: Callable[[], object]) -> None:
        if self._copies:
            self._restore()
        else:
            self._copies = {name: tensor.clone() for name, tensor in self._tensors.items()}
        self.set_up()
        launch()
        written = [n for n, t in self._tensors.items() if not same_bytes(t, self._copies[n])]
        if not written:  # a result that stood there already cannot show as a change
            written = [name for name in self._tensors if self._writes(name, launch)]
        written = list(dict.fromkeys([*written, *self._declared, *self._told]))
        if not written:
            raise ValueError(
                "no tensor argument changes when the kernel runs, so its results cannot be checked; "
                "pass reference=, which names the outputs"
            )
        found = {name: self._tensors[name].clone() for name in written}
        free = [name for name in written if name not in self._declared]
        self._restore()
        for name in free:
            fill_poison(self._tensors[name])
        self.set_up()
        launch()
        changed = [
            difference(self._tensors[name], found[name], self._tolerance) for name in written
        ]
        self._poisoned = tuple(free) if not any(changed) else ()  # else it reads what it writes
        self._restore()
        self._copies = {name: self._copies[name] for name in written}
        self._expected = self._told or found

    def _writes(self, name: str, launch: Callable[[], object]) -> bool:
        """Whether a launch changes this tensor when it is filled with NaN; asked of floating tensors only.

        Integers may be indices: a launch with poisoned ones may reach anywhere.
        """
        tensor = self._tensors[name]
        if not tensor.is_floating_point():
            return False
        self._restore()
        self.set_up()
        fill_poison(tensor)
        poison = tensor.clone()
        launch()
        return not same_bytes(tensor, poison)

    def _restore(self) -> None:
        for name, copy in self._copies.items():
            self._tensors[name].copy_(copy)

    def _poison(self) -> None:
        for name in self._poisoned:
            fill_poison(self._tensors[name])


def tensors_of(named: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors among the arguments; of a tensor descriptor, the tensor it describes."""
    import torch

    found = {}
    for name, value in named.items():
        tensor = value if isinstance(value, torch.Tensor) else getattr(value, "base", None)
        if isinstance(tensor, torch.Tensor):
            found[name] = tensor
    return found


def _overlaps(tensor: Tensor) -> bool:
    """Whether elements share memory, as in an expanded tensor: nobody writes to such a one, and torch refuses to."""
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    return any(stride == 0 and size > 1 for size, stride in pairs)
