"""What the workers of a session are told before they measure: made once, in the session's process."""

from __future__ import annotations

import pickle
import threading
from typing import TYPE_CHECKING, Any

from helion_autotune.blueprint import portable

if TYPE_CHECKING:
    from helion_autotune.blueprint import Blueprint


class Briefing:
    """A blueprint as the messages that workers wait for."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        #: What may begin at once.
        self.opening = portable(blueprint.opening)
        self._lock = threading.Lock()
        self._value: Any = None
        self._message: bytes | None = None

    @property
    def payload(self) -> Any:
        """What measurers are made of; kept as long as this is, because it may own memory that workers map."""
        self.message()
        return self._value

    def message(self) -> bytes:
        """How to make the measurer; raises NotPortableError when that can be read in no other process."""
        with self._lock:
            if self._message is None:
                self._value = self.blueprint.payload()
                self._message = pickle.dumps((self.blueprint.maker, portable(self._value)))
            return self._message
