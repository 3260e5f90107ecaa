"""What loads and stores say of the caches: eviction policies and cache modifiers, one entry an access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_autotune import Choice
from helion_autotune.constraints import Condition
from helion_compiler.program.ops import Load, Store
from helion_compiler.space.config_space import Exclusion, Site
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from helion_compiler.program.program import Program

_POLICIES = Choice(("", "first", "last"), default="")
_LOADS = Choice(("", ".cg"), default="")
_STORES = Choice(("", ".cs", ".wt"), default="")


def cache_hints(program: Program, with_descriptors: Collection[str]) -> SpacePart:
    """The sites of loads and stores; ``with_descriptors`` are the names of those that may use one.

    Descriptors take no hints. PTX has no load with both a policy and a modifier, so a policy comes first.
    """
    policies: list[Site] = []
    loads: list[Site] = []
    stores: list[Site] = []
    conditions: dict[str, Condition] = {}
    excluded: list[Exclusion] = []
    for op in program.walk():
        if not isinstance(op, Load | Store):
            continue
        mode = f"indexing[{op.name}]" if op.name in with_descriptors else None
        if isinstance(op, Store):
            stores.append(Site(op.name, _STORES, neutral=""))
            if mode is not None:
                conditions[f"store_cache_modifiers[{op.name}]"] = _through_pointers(mode)
            continue
        policy, modifier = (
            f"load_eviction_policies[{op.name}]",
            f"load_cache_modifiers[{op.name}]",
        )
        if op.eviction_policy:
            reason = f"the kernel itself asks for {op.eviction_policy}"
            policies.append(Site(op.name, None, neutral="", reason=reason))
            loads.append(Site(op.name, None, neutral="", reason=reason))
            excluded += [Exclusion(policy, reason), Exclusion(modifier, reason)]
            continue
        policies.append(Site(op.name, _POLICIES, neutral=""))
        loads.append(Site(op.name, _LOADS, neutral=""))
        if mode is not None:
            conditions[policy] = _through_pointers(mode)
        conditions[modifier] = _without_policy(mode, policy)
    return SpacePart(
        sites={
            "load_eviction_policies": policies,
            "load_cache_modifiers": loads,
            "store_cache_modifiers": stores,
        },
        conditions=conditions,
        excluded=excluded,
    )


def _through_pointers(mode: str) -> Condition:
    return Condition(
        "tensor descriptors take no cache hints", lambda point: point[mode] == "pointer"
    )


def _without_policy(mode: str | None, policy: str) -> Condition:
    def holds(point: Mapping[str, Any]) -> bool:
        return bool((mode is None or point[mode] == "pointer") and point[policy] == "")

    return Condition("a load has an eviction policy or a cache modifier, not both", holds)
