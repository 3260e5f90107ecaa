"""Problems with numbers of Python's."""

from __future__ import annotations

from helion.exc.base import HelionError


class NumberOutOfRange(HelionError):
    """A number that the dtype it is to have cannot hold."""

    title = "number out of range"
    message = "{number} does not fit {dtype}"
    help = "{remedy}"
