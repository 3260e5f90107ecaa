"""Numbers that a device computes: positions of loops, and what is computed from them.

They are Python's integers in every respect but one: as a subscript, a negative one does not count from the end.
"""

from __future__ import annotations

from typing import Any


class Position(int):
    """A position, or a number computed from one."""

    def _made(self, value: Any) -> Any:
        return Position(value) if type(value) is int else value

    def __add__(self, other: Any) -> Any:
        return self._made(int.__add__(self, other))

    def __sub__(self, other: Any) -> Any:
        return self._made(int.__sub__(self, other))

    def __mul__(self, other: Any) -> Any:
        return self._made(int.__mul__(self, other))

    def __floordiv__(self, other: Any) -> Any:
        return self._made(int.__floordiv__(self, other))

    def __mod__(self, other: Any) -> Any:
        return self._made(int.__mod__(self, other))

    def __radd__(self, other: Any) -> Any:
        return self._made(int.__radd__(self, other))

    def __rsub__(self, other: Any) -> Any:
        return self._made(int.__rsub__(self, other))

    def __rmul__(self, other: Any) -> Any:
        return self._made(int.__rmul__(self, other))

    def __rfloordiv__(self, other: Any) -> Any:
        return self._made(int.__rfloordiv__(self, other))

    def __rmod__(self, other: Any) -> Any:
        return self._made(int.__rmod__(self, other))

    def __neg__(self) -> Any:
        return Position(int.__neg__(self))
