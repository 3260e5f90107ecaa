"""What a worker process needs in order to measure: named by module, so that it never sees the session's program.

In: from a workload, the name of a function that makes a measurer, and what to call it with. Out: the same as bytes
that a process with the same installed modules can read. Assumed: both processes import from the same places.
"""

from __future__ import annotations

import io
import pickle
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_autotune.trial import Measurement

Job_contra = TypeVar("Job_contra", contravariant=True)


class NotPortableError(TypeError):
    """Something lives only in the session's process, so that no worker can measure with it."""


class Measurer(Protocol[Job_contra]):
    """What a worker measures with; made there, and used by one thread.

    A worker that replaces another one is warmed up by the first job that gave a time. Two methods may be there besides.
    ``learn(job)`` is called for that instead of ``measure``: for measurers that compare with the first job's results.
    ``recover()`` is called after a job that raised anything, and raises where the process cannot be trusted any more:
    its context is lost, or what later jobs rely on has been written over.
    """

    def measure(self, job: Job_contra, incumbent_ms: float | None) -> Measurement:
        """See :meth:`helion_autotune.Workload.measure`."""


@attrs.frozen
class Call:
    """A call that another process can make: ``function`` is ``"module:function"``, ``arguments`` can be pickled."""

    function: str
    arguments: tuple[Any, ...] = ()

    def __call__(self) -> Any:
        """Import the module, and make the call."""
        return find(self.function)(*self.arguments)


@attrs.frozen
class Blueprint:
    """How to make a measurer: ``maker`` is ``"module:function"``, called with the one value that ``payload()`` gives.

    The module is imported while the search begins, before the payload exists, and so are ``imports``; what they import
    must not touch a GPU, because workers are forked from the process that imported it. ``opening`` is called in a
    worker before the payload exists: for what takes a while and needs nothing of it, as a GPU context. ``payload`` runs
    once, in the session's process. ``device``: the index of the GPU that everything is on.
    """

    maker: str
    payload: Callable[[], Any]
    imports: tuple[str, ...] = ()
    opening: Call | None = None
    device: int = 0

    @property
    def modules(self) -> tuple[str, ...]:
        """What workers need, to be imported before they are forked."""
        return (*self.imports, self.maker.partition(":")[0])


def find(path: str) -> Any:
    """What ``"module:name"`` means, where the name may have dots; the module is imported for it."""
    module, _, name = path.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def portable(value: Any, *, far: bool = False) -> bytes:
    """``value`` pickled, where everything in it can be found again by importing modules.

    With ``far``, another host can read it: objects that refer to this process take what they refer to along, as their
    ``reduce_far()`` says (like ``__reduce__``).

    Raises NotPortableError where something cannot: what the main program defines, functions in functions, open files.
    """
    buffer = io.BytesIO()
    try:
        (_FarPickler if far else _Pickler)(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        if isinstance(error, NotPortableError):
            raise
        raise NotPortableError(
            f"{type(value).__name__} cannot be sent to a worker: {error}"
        ) from error
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Refuses references to the main program, which a worker must not run again."""

    def reducer_override(self, value: Any) -> Any:
        """See :class:`pickle.Pickler`; called for everything but plain values."""
        if isinstance(value, type | FunctionType) and value.__module__ == "__main__":
            raise NotPortableError(
                f"{value.__qualname__} is defined in the main program, which a worker does not run; "
                "move it into a module that can be imported"
            )
        return NotImplemented


class _FarPickler(_Pickler):
    """Takes along what lives in this process."""

    def reducer_override(self, value: Any) -> Any:
        """See :class:`pickle.Pickler`."""
        reduce_far = getattr(type(value), "reduce_far", None)
        return super().reducer_override(value) if reduce_far is None else reduce_far(value)
