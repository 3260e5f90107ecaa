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
    from helion_compiler.space.target_traits import TargetTraits

_POLICIES = Choice(("", "first", "last"), default="")
_LOADS = Choice(("", ".cg"), default="")
_STORES = Choice(("", ".cs", ".wt"), default="")


def cache_hints(
    program: Program, with_descriptors: Collection[str], traits: TargetTraits
) -> SpacePart:
    """The sites of loads and stores; ``with_descriptors`` are the names of those that may use one.

    Descriptors take no hints. PTX has no load with both a policy and a modifier, so a policy comes first.
    """
    accesses = [op for op in program.walk() if isinstance(op, Load | Store)]
    modes = {name: f"indexing[{name}]" for name in with_descriptors}
    loads = [op for op in accesses if isinstance(op, Load)]
    stores = [op for op in accesses if isinstance(op, Store)]
    policies = [_site(op, _POLICIES, _why_no_policy(op, traits)) for op in loads]
    modifiers = [_site(op, _LOADS, _why_no_modifier(op, traits)) for op in loads]
    sites = {
        "load_eviction_policies": policies,
        "load_cache_modifiers": modifiers,
        "store_cache_modifiers": [_site(op, _STORES, "") for op in stores],
    }
    conditions: dict[str, Condition] = {}
    for key in ("load_eviction_policies", "store_cache_modifiers"):
        for site in sites[key]:
            if site.parameter is not None and site.name in modes:
                conditions[f"{key}[{site.name}]"] = _through_pointers(modes[site.name])
    for policy, modifier in zip(policies, modifiers, strict=True):
        name, mode = f"load_cache_modifiers[{modifier.name}]", modes.get(modifier.name)
        if modifier.parameter is not None and policy.parameter is not None:
            conditions[name] = _without_policy(mode, f"load_eviction_policies[{policy.name}]")
        elif modifier.parameter is not None and mode is not None:
            conditions[name] = _through_pointers(mode)
    excluded = [
        Exclusion(f"{key}[{site.name}]", site.reason)
        for key, entries in sites.items()
        for site in entries
        if site.parameter is None
    ]
    excluded += [
        Exclusion(key, f"the kernel has no {key.partition('_')[0]}s")
        for key, entries in sites.items()
        if not entries
    ]
    return SpacePart(sites=sites, conditions=conditions, excluded=excluded)


def _site(op: Load | Store, values: Choice, reason: str) -> Site:
    return Site(op.name, None if reason else values, neutral="", reason=reason)


def _why_no_policy(op: Load, traits: TargetTraits) -> str:
    if op.eviction_policy:
        return f"the kernel itself asks for {op.eviction_policy}"
    return "" if traits.backend == "cuda" else "AMD's loads have no eviction policies"


def _why_no_modifier(op: Load, traits: TargetTraits) -> str:
    if op.eviction_policy and traits.backend == "cuda":
        return f"the kernel itself asks for {op.eviction_policy}"
    return ""


def _through_pointers(mode: str) -> Condition:
    return Condition(
        "tensor descriptors take no cache hints", lambda point: point[mode] == "pointer"
    )


def _without_policy(mode: str | None, policy: str) -> Condition:
    def holds(point: Mapping[str, Any]) -> bool:
        return bool((mode is None or point[mode] == "pointer") and point[policy] == "")

    return Condition("a load has an eviction policy or a cache modifier, not both", holds)
