"""Names of the host that an outermost loop assigns: on a device, what the host knows cannot change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion.exc import CannotModifyHostVariableOnDevice
from helion.reference.callers import here, user_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class HostNames:
    """What names mean before an outermost loop, and which of them only mean something inside of loops."""

    def __init__(self) -> None:
        self._before: Mapping[str, Any] = {}
        self._of_loops: set[str] = set()

    def begin_outermost_loop(self, targets: Iterable[str]) -> None:
        """Look at the names of the function that runs the loop; ``targets`` are the loop's own."""
        self._of_loops.update(targets)
        self._before = dict(user_frame().f_locals)

    def end_outermost_loop(self) -> None:
        """Refuse changes.

        Raises:
            CannotModifyHostVariableOnDevice: a name means another object than before the loop.
        """
        for name, value in user_frame().f_locals.items():
            if name in self._before and name not in self._of_loops:
                if value is not self._before[name]:
                    raise CannotModifyHostVariableOnDevice(name=name, span=here())
            elif name not in self._before:
                self._of_loops.add(name)
        self._before = {}
