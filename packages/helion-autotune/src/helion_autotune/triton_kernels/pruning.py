"""Leaves out the configs that are not worth trying for the arguments of a launch.

In: candidates, what prunes, and the launch's arguments by name. Out: candidates whose space has a constraint more. What
prunes is ours (a predicate on a config and the arguments) or Triton's (the dict that ``triton.autotune`` takes as
``prune_configs_by``), unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.constraints import Constraint
from helion_autotune.triton_kernels.candidates import CONFIG, Candidates

if TYPE_CHECKING:
    from helion_autotune.json_values import JsonValue

#: Called with a config's options and the launch's arguments, both by name; whether the config is not worth trying.
Predicate = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
#: The name of the constraint that pruning adds.
PRUNED = "prune"
_TRITON_KEYS = frozenset({"early_config_prune", "perf_model", "top_k"})


def check_prune(prune: Any, candidates: Candidates, kernel: str) -> None:
    """Raise TypeError or ValueError, before any launch, for what cannot prune these candidates."""
    if prune is None or callable(prune):
        return
    if not isinstance(prune, Mapping):
        raise TypeError(
            f"{kernel}: prune is a predicate, or a dict as triton.autotune takes, not {prune!r}"
        )
    if strangers := sorted(prune.keys() - _TRITON_KEYS):
        known = ", ".join(sorted(_TRITON_KEYS))
        raise ValueError(f"{kernel}: prune has {strangers}; Triton's dict has {known}")
    if not candidates.configs:
        raise ValueError(
            f"{kernel}: Triton's dict prunes lists of configs; for a Space, prune is a predicate"
        )


def pruned(candidates: Candidates, prune: Any, named: Mapping[str, Any]) -> Candidates:
    """The candidates that are left for these arguments; raises ValueError when a list has none left."""
    if prune is None:
        return candidates
    if isinstance(prune, Mapping):
        kept = {id(config) for config in _kept(list(candidates.configs.values()), prune, named)}
        names = {name for name, config in candidates.configs.items() if id(config) in kept}

        def worth(point: Mapping[str, JsonValue]) -> bool:
            return point[CONFIG] in names
    else:

        def worth(point: Mapping[str, JsonValue]) -> bool:
            return not prune(candidates.options(point), named)

    constraint = Constraint(PRUNED, "pruned for the arguments of this launch", worth)
    space = attrs.evolve(
        candidates.space, constraints=(*candidates.space.constraints, constraint), known=None
    )
    if candidates.configs and next(space.points(), None) is None:
        raise ValueError(f"prune leaves none of {len(candidates.configs)} configs for these arguments")  # fmt: skip
    return attrs.evolve(candidates, space=space)


def _kept(configs: list[Any], prune: Mapping[str, Any], named: Mapping[str, Any]) -> list[Any]:
    """As Triton prunes: by its function first, then the ``top_k`` that its model says are fastest.

    ``top_k`` is a number, or a share of all configs where it is a float of at most 1.
    """
    early, model, top = (prune.get(name) for name in ("early_config_prune", "perf_model", "top_k"))
    kept = list(configs) if early is None else list(early(configs, dict(named)))
    if model is None:
        return kept
    most = int(len(configs) * top) if isinstance(top, float) and top <= 1.0 else int(top or 1)
    if len(kept) <= most:
        return kept
    estimates = {id(config): model(**{**named, **config.all_kwargs()}) for config in kept}
    return sorted(kept, key=lambda config: estimates[id(config)])[:most]
