"""The bundles that a program runs its kernels from.

In: bundles, or where they are, in the order in which they are looked into. Out: for a kernel's name the op of the first
bundle that has one. What is used last comes first, until it is closed.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from helion_runtime.errors import NoBundleError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from types import TracebackType

    from helion_runtime.bundle import Bundle


class BundlesInUse:
    """What :func:`use` has named, and who is told when that changes. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses: tuple[Use, ...] = ()
        self._watchers: list[weakref.WeakMethod[Callable[[], None]]] = []

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """The bundles, in the order in which they are looked into."""
        return tuple(bundle for use in self._uses for bundle in use.bundles)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call the bound method ``changed`` whenever the bundles change, as long as its object lives."""
        with self._lock:
            self._watchers = [known for known in self._watchers if known() is not None]
            self._watchers.append(weakref.WeakMethod(changed))

    def add(self, use: Use) -> None:
        """Look into the bundles of ``use`` before all others."""
        self._change((use, *self._uses))

    def remove(self, use: Use) -> None:
        """Look into the bundles of ``use`` no more."""
        self._change(tuple(other for other in self._uses if other is not use))

    def _change(self, uses: tuple[Use, ...]) -> None:
        with self._lock:
            self._uses = uses
            watchers = [found for known in self._watchers if (found := known()) is not None]
        for changed in watchers:
            changed()


class Use:
    """Bundles in use, until :meth:`close`; as a context manager, until its end."""

    def __init__(self, bundles: tuple[Bundle, ...], registry: BundlesInUse) -> None:
        self.bundles = bundles
        self._registry = registry

    def close(self) -> None:
        """Let kernels run from what was in use before."""
        self._registry.remove(self)

    def __enter__(self) -> Use:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


IN_USE = BundlesInUse()
"""Of this process: a program has kernels in many modules, and chooses once what they run from."""


def use(*bundles: Bundle | str | os.PathLike[str], registry: BundlesInUse = IN_USE) -> Use:
    """Run every ``@helion.kernel`` function from these bundles, whether a compiler is installed or not.

    Each is a bundle that :func:`load` returned, with its pin and its ``on_miss``, or where one is. A kernel runs from
    the first that has an op of its name, and raises where none does. Where a kernel's own settings name bundles, or
    ``HELION_BUNDLE`` does, it runs from those alone.

    Call it once, where the program starts; or use what it returns as a context manager, to choose for a while.
    Raises a :class:`BundleError` for a bundle that cannot be opened.
    """
    from helion_runtime.bundle import Bundle, load  # programs that compile use none

    if not bundles:
        raise NoBundleError("use() takes bundles, or paths to them; none was given")
    opened = tuple(item if isinstance(item, Bundle) else load(item) for item in bundles)
    made = Use(opened, registry)
    registry.add(made)
    return made
