"""What the kernels of an example are called with when one of its cases runs: each kernel's first call."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import attrs

from beside_torch import gradients
from gallery.case import kernels, load

if TYPE_CHECKING:
    import helion
    from gallery.case import Case, Maker


@attrs.frozen
class KernelCall:
    """A kernel, and arguments of it: one per parameter, as they were before the call.

    ``inputs`` are those of the case, kept because a kernel may know the addresses of their tensors.
    """

    kernel: helion.Kernel[..., Any]
    arguments: tuple[Any, ...]
    inputs: tuple[Any, ...]


@attrs.frozen
class _Recording:
    """Runs a kernel at its default config, and keeps what it was first called with."""

    kernel: helion.Kernel[..., Any]
    calls: dict[str, KernelCall]
    inputs: tuple[Any, ...]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        arguments = self.kernel.normalize_args(*args, **kwargs)
        if self.kernel.name not in self.calls:
            kept = tuple(copy.deepcopy(_detached(argument)) for argument in arguments)
            self.calls[self.kernel.name] = KernelCall(self.kernel, kept, self.inputs)
        return self.kernel(*arguments)


def calls_of(case: Case, sizes: tuple[int, ...], make: Maker) -> list[KernelCall]:
    """The kernels that the case runs, in order. In each call, no tensor is known to autograd."""
    module = load(case.example)
    calls: dict[str, KernelCall] = {}
    inputs = case.arguments(make, *sizes)
    for name, kernel in kernels(module).items():
        kernel.settings = attrs.evolve(
            kernel.settings, autotune_effort="none", dot_precision="ieee"
        )
        setattr(module, name, _Recording(kernel, calls, inputs))
    function = getattr(module, case.function)
    if case.gradient:
        function = gradients(function, first=case.first)
    function(*inputs)
    return list(calls.values())


def _detached(value: Any) -> Any:
    detach = getattr(value, "detach", None)
    return value if detach is None else detach()
