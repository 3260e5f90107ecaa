"""How long a search may go on, and the signal that ends it."""

from __future__ import annotations

import attrs


@attrs.frozen
class Budget:
    """Limits of one session; None means no limit.

    ``seconds`` of wall-clock time since the session began, or since ``began``, an earlier time of the session's clock.
    Some of them, a quarter at most, are left for measuring the finalists again; no other compile or measurement starts
    in these, or later, unless nothing has been measured by then: the first seeds are, in that case, until one works.
    ``evaluations``: distinct points, those taken from records included, so that a resumed session ends where an
    uninterrupted one would have; points that the space rejects are free.
    """

    seconds: float | None = None
    evaluations: int | None = None
    began: float | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for limit in (self.seconds, self.evaluations):
            if limit is not None and not limit > 0:
                raise ValueError(f"limits of a budget must be above 0 or None, got {self!r}")


#: No limit: the strategy stops by itself.
NO_LIMIT = Budget()


class SearchStopped(BaseException):
    """Ends the search from inside the objective; only the session catches it.

    A signal, not an error: it is no Exception, so that no strategy catches it by accident.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
