"""Measures candidates of a hand-written kernel in a worker, which finds the kernel by the name of its module.

In: that name and copies of the arguments, once; then points, each with its grid. Out: Measurements. The module is
imported in the worker, not before it is forked: modules of kernels may ask for a GPU when they are imported.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.blueprint import NotPortableError, find
from helion_autotune.measuring import measure_milliseconds, open_device
from helion_autotune.point import Point
from helion_autotune.triton_kernels.keys import innermost
from helion_autotune.triton_kernels.launch import Launch, check_and_time
from helion_autotune.triton_kernels.oracle import Oracle

if TYPE_CHECKING:
    from helion_autotune.isolation.tensors import Packed, Unpacked
    from helion_autotune.trial import Measurement

#: What a blueprint calls :func:`make` and :func:`open_kernel`.
MAKER, OPENER = f"{__name__}:make", f"{__name__}:open_kernel"
#: Names of the main program.
MAIN = ("__main__", "__mp_main__")


@attrs.frozen
class Job:
    """A candidate: the values of its point, and its grid."""

    values: dict[str, Any]
    grid: tuple[int, ...]


@attrs.frozen(eq=False)
class Payload:
    """The ``module:name`` of the tuned kernel, and one launch: positional arguments, keywords, expected tensors."""

    kernel: str
    packed: Packed | Unpacked
    positional: int
    keywords: tuple[str, ...]
    told: tuple[str, ...]
    device: int | None


def path_of(owner: Any) -> str:
    """The ``module:name`` that a tuned kernel is found by; raises NotPortableError where it is not.

    That is where its function was defined or, for a kernel of somebody else's, a module that holds it at its top.
    """
    function = innermost(owner.fn).fn if owner is not None else None
    if function is None:
        raise NotPortableError("the kernel has no owner that could be found by name")
    if _held(owner, function.__module__, function.__qualname__):
        return f"{function.__module__}:{function.__qualname__}"
    for module, content in list(sys.modules.items()):
        for name, value in list(getattr(content, "__dict__", {}).items()):
            if value is owner and _held(owner, module, name):
                return f"{module}:{name}"
    raise NotPortableError(
        f"workers find the tuned kernel {function.__qualname__} by its name, and no module has it at its top but "
        "perhaps the main program, which workers do not run; tune it at the top of a module that can be imported"
    )


def _held(owner: Any, module: str, name: str) -> bool:
    """Whether that is the owner's name for a process that has not run the main program."""
    try:
        return module not in MAIN and find(f"{module}:{name}") is owner
    except (ImportError, AttributeError):
        return False


def open_kernel(kernel: str, device: int | None, model: str) -> None:
    """What a worker can do before it knows the arguments: make its context, import the kernel's module."""
    if device is not None:
        open_device(device, model)
    find(kernel)


class TritonMeasurer:
    """Implements :class:`helion_autotune.Measurer` for one tuned kernel and one launch of it."""

    def __init__(self, owner: Any, launch: Launch, oracle: Oracle, memory: Unpacked) -> None:
        self._owner = owner
        self._launch = launch
        self._oracle = oracle
        self._memory = memory
        self._names = [*owner.arg_names[: len(launch.args)], *launch.meta]
        self._checksum = memory.checksum()

    def measure(self, job: Job, incumbent_ms: float | None) -> Measurement:
        """Check a candidate, and time it."""
        point, launch = Point(job.values), attrs.evolve(self._launch, grid=job.grid)
        candidates = self._owner.candidates
        return check_and_time(
            launch,
            candidates.options(point),
            candidates.pre_hook(point),
            self._oracle,
            self._owner.tuning.measure or measure_milliseconds,
            incumbent_ms,
        )

    def learn(self, job: Job) -> None:
        """Take for the expected results those of the candidate that was the first one before, too."""
        point, launch = Point(job.values), attrs.evolve(self._launch, grid=job.grid)
        candidates = self._owner.candidates
        with launch.on_device():
            self._oracle.learn(
                lambda: launch.run(candidates.options(point), candidates.pre_hook(point))
            )

    def recover(self) -> None:
        """Raises where the context is lost, or where tensors changed that the kernel does not write."""
        import torch

        if self._launch.device is not None:
            torch.cuda.synchronize(self._launch.device)
            torch.cuda.empty_cache()
        written = {
            place
            for name, place in zip(self._names, self._memory.places, strict=False)
            if name in self._oracle.written
        }
        for number, (before, now) in enumerate(
            zip(self._checksum, self._memory.checksum(), strict=True)
        ):
            if before != now and number not in written:
                raise RuntimeError("a candidate wrote over arguments that are none of its outputs")


def make(payload: Payload) -> TritonMeasurer:
    """The measurer of a worker."""
    owner: Any = find(payload.kernel)
    memory: Any = payload.packed
    first, second = payload.positional, payload.positional + len(payload.keywords)
    args = memory.values[:first]
    meta = dict(zip(payload.keywords, memory.values[first:second], strict=True))
    told = dict(zip(payload.told, memory.values[second:], strict=True))
    named = {**dict(zip(owner.arg_names, args, strict=False)), **meta}
    launch = Launch(owner.fn, args, meta, named, (1,), payload.device)
    tuning = owner.tuning
    with launch.on_device():
        oracle = Oracle(
            named,
            restore_value=tuning.restore_value,
            reset_to_zero=tuning.reset_to_zero,
            told=told,
            tolerance=tuning.tolerance,
        )
        return TritonMeasurer(owner, launch, oracle, memory)
