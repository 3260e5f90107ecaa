"""Search strategies: who proposes the points. One file each, found by entry point, so that users add their own.

A strategy is registered in the entry-point group ``helion_autotune.strategies`` as a class that is called without
arguments. Nothing of scipy is imported before a strategy that needs it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.space import Space

ENTRY_POINT_GROUP = "helion_autotune.strategies"


@runtime_checkable
class Strategy(Protocol):
    """Proposes points until it has no more ideas, or the objective ends the search."""

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """Call ``objective.evaluate_many`` with batches of points; all randomness comes from ``rng``.

        The seeds have been evaluated when this is called: ``objective.trials`` and ``objective.best`` know them.
        """


def _registered() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # 30 ms that an import of the package need not cost

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}


def known_strategies() -> tuple[str, ...]:
    """The names of all registered strategies, sorted."""
    return tuple(sorted(_registered()))


def strategy(name: str) -> Strategy:
    """The strategy of this name with its default settings; raises ValueError naming the known ones."""
    entry = _registered().get(name)
    if entry is None:
        raise ValueError(
            f"unknown strategy {name!r}; known are {', '.join(known_strategies()) or 'none'}. "
            f"A package adds one through the entry-point group {ENTRY_POINT_GROUP!r}"
        )
    made = entry.load()()
    if not isinstance(made, Strategy):
        raise TypeError(f"{entry.value}, registered as the strategy {name!r}, has no search method")
    return made
