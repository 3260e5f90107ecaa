"""The config space of one Program: sites of list keys, the tuner's parameters, and the way between
Configs and points.

A *site* is one entry of a list key, with a stable name from the source: ``block_sizes[tile_m]``,
``indexing[x@load]``. Parameters of the tuner are named ``key[site]``, or ``key`` for keys of one
value. Sites that cannot change the code are *fixed*: a Config may mention them with their neutral
value only.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from helion import Config, exc
from helion.config_keys import CONFIG_KEYS, Shape
from helion_autotune import Choice, Point, Space
from helion_autotune.json_values import thaw
from helion_compiler.space.default_point import ranked, with_renewed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_autotune import Parameter
    from helion_autotune.constraints import Constraint
    from helion_compiler.space.default_point import Estimates, OtherMeans


@attrs.frozen
class Site:
    """One entry of a list key. ``parameter`` is None where only ``neutral`` makes sense, for
    ``reason``.

    ``parameter`` holds the values that a search tries, ``allowed`` those that a Config may hold, if
    they are more.
    """

    name: str
    parameter: Parameter | None
    neutral: Any = None
    reason: str = ""
    allowed: Parameter | None = None

    def left_out(self) -> Any:
        """What the entry is in a Config without the key."""
        return self.neutral if self.parameter is None else thaw(self.parameter.default)

    def ends(self) -> tuple[Any, Any]:
        """The first and the last of the values that a search tries."""
        if self.parameter is None:
            return self.neutral, self.neutral
        values = list(self.parameter.values())
        return values[0], values[-1]


@attrs.frozen
class Exclusion:
    """A key, an entry of one (``key[site]``) or a value of one (``key value``) that is not in the space, and why."""

    what: str
    reason: str


@attrs.frozen(eq=False, kw_only=True, slots=False)
class ConfigSpace:
    """What a Config of one Program may hold.

    ``single`` are keys of one value, with what a search tries; ``wider`` those of them of which a Config may hold
    more. ``sites`` are list keys with their entries in order. ``demands``
    hold for every config that runs, ``advice`` only guides the search.
    """

    kernel: str
    single: Mapping[str, Parameter]
    sites: Mapping[str, Sequence[Site]]
    conditions: Mapping[str, Any]
    demands: Sequence[Constraint]
    advice: Sequence[Constraint]
    excluded: Sequence[Exclusion]
    seeds: Sequence[Mapping[str, Any]] = ()
    """Rules of thumb, the best first."""
    model: Estimates | None = None
    """What says how long a point takes, where anything does."""
    steady: bool = False
    """Whether the first rule of thumb is left only for what the model finds clearly better."""
    incomparable: frozenset[str] = frozenset()
    """Parameters of which it cannot tell what they cost: rules of thumb choose them."""
    means: OtherMeans | None = None
    """Which of its means a point is run by untuned, and which a search tries."""
    wider: Mapping[str, Parameter] = MappingProxyType({})
    renewed: Mapping[str, int] = MappingProxyType({})
    """The step, by parameter, that is all of a whole dimension: rows are held as they were loaded, and not walked."""

    @cached_property
    def space(self) -> Space:
        """The tuner's view: every parameter that can change the code, with demands and advice.

        Advice that refuses the default is left out: nothing smaller follows it.
        """
        parameters, conditions = self._parameters(), self.conditions
        space = Space(parameters, (*self.demands, *self.advice), conditions)
        refused = {violation.name for violation in space.check(self._default)}
        if refused:
            advice = [constraint for constraint in self.advice if constraint.name not in refused]
            space = Space(parameters, (*self.demands, *advice), conditions)
        known = None if space.check(self._default) else self._default
        return attrs.evolve(space, known=known)

    @property
    def _keys(self) -> tuple[str, ...]:
        """The keys of any kernel, then the tunables of this one."""
        return (*CONFIG_KEYS, *(key for key in self.single if key not in CONFIG_KEYS))

    def _parameters(self, *, allowed: bool = False) -> dict[str, Parameter]:
        parameters: dict[str, Parameter] = {}
        for key in self._keys:
            if key in self.single:
                own = self.single[key]
                parameters[key] = self.wider.get(key, own) if allowed else own
            for site in self.sites.get(key, ()):
                if site.parameter is not None:
                    wide = site.allowed if allowed and site.allowed is not None else site.parameter
                    parameters[f"{key}[{site.name}]"] = wide
        active_first = [name for name in parameters if name not in self.conditions]
        return {name: parameters[name] for name in (*active_first, *self.conditions)}

    def default_config(self) -> Config:
        """The config that runs when none is given: a seed, or every parameter's default."""
        return self.config(self._default)

    @cached_property
    def _ranked(self) -> list[Point]:
        """Points that are worth running, the best first; at least one, which need not follow all advice."""
        points = [self.point_of_seed(seed) for seed in self.seeds] or [self._bare.default]
        constraints = (*self.demands, *self.advice)
        everything = Space(self._parameters(), constraints, self.conditions)
        found = ranked(
            self._stepped(constraints) if self.renewed else everything,
            points,
            None if self.model is None else self.model.seconds,
            self.incomparable,
            None if self.model is None or not self.steady else self.model.least,
        )
        if self.model is not None:
            found = with_renewed(everything, found, self.model.seconds, self.renewed)
        if self.means is None:
            return found
        return list(dict.fromkeys(self.means.preferred(everything, point) for point in found))

    def _stepped(self, constraints: Sequence[Constraint]) -> Space:
        return Space(self.without_renewed()._parameters(), constraints, self.conditions)

    def without_renewed(self) -> ConfigSpace:
        """The same without rows that are held as they were loaded."""
        sites = dict(self.sites)
        for name, step in self.renewed.items():
            key = name.partition("[")[0]
            sites[key] = [
                site if f"{key}[{site.name}]" != name else _without(site, step)
                for site in sites[key]
            ]
        return attrs.evolve(self, sites=sites, renewed={})

    @property
    def _default(self) -> Point:
        return self._ranked[0]

    @cached_property
    def starts(self) -> list[Point]:
        """Where a search begins: what the model thinks best, by other means as well, and rules of thumb."""
        space, means = self.space, self.means
        seeds = [self.point_of_seed(seed) for seed in self.seeds]
        others = [] if means is None else means.tried(space, self._default)
        rules = seeds if means is None else [means.preferred(space, point) for point in seeds]
        found = [*self._ranked[:3], *others, *self._ranked[3:], *rules]
        return [point for point in dict.fromkeys(found) if not self.space.check(point)]

    def point_of_seed(self, seed: Mapping[str, Any]) -> Point:
        """The point of a seed; what a seed leaves out is at its default."""
        return self._bare.point(seed)

    @cached_property
    def _bare(self) -> Space:
        return Space(self._parameters(allowed=True), tuple(self.demands), self.conditions)

    # From points to configs and back.

    def config(self, point: Mapping[str, Any]) -> Config:
        """The Config of a point, with full lists; keys that are inactive everywhere are left out."""
        keys: dict[str, Any] = {}
        active = self._bare.active(point)
        for key in self._keys:
            if key in self.single:
                keys |= {key: thaw(point[key])} if key in active else {}
            elif key in self.sites:
                entries = [self._entry(key, site, point) for site in self.sites[key]]
                if any(
                    entry != site.neutral or entry != site.left_out()
                    for entry, site in zip(entries, self.sites[key], strict=True)
                ):
                    keys[key] = entries
        return Config(**keys)

    @staticmethod
    def _entry(key: str, site: Site, point: Mapping[str, Any]) -> Any:
        return site.neutral if site.parameter is None else thaw(point[f"{key}[{site.name}]"])

    def point(self, config: Config) -> Point:
        """The point of a Config; what it leaves out is at its default.

        Raises:
            helion.exc.InvalidConfig: the config does not fit this kernel; the error names what would.
        """
        values: dict[str, Any] = {}
        for key, value in config.items():
            if key in self.single:
                values[key] = value
            elif key in self.sites:
                values |= self._site_values(key, value)
            elif not (_is_identity(value) if key == "loop_orders" else _is_neutral(value)):
                problem = (
                    "this kernel has nothing that it could change"
                    if key in CONFIG_KEYS
                    else f"there is no such key, and `{self.kernel}` registers no tunable of this name"
                )
                raise self._misfit(key, value, problem, self._why(key))
        return self._checked(values)

    def _site_values(self, key: str, value: Any) -> dict[str, Any]:
        sites = self.sites[key]
        if isinstance(value, Mapping):
            unknown = sorted(set(value) - {site.name for site in sites})
            if unknown:
                raise self._misfit(key, value, f"it has no {', '.join(unknown)}", self._names(key))
            entries = dict(value)
        elif CONFIG_KEYS[key].shape is Shape.EITHER and isinstance(value, str):
            entries = {site.name: value for site in sites if _admits(site, value)}
            if not entries:
                why = self._why(f"{key} {value}", key)
                raise self._misfit(key, value, "no access of this kernel can", why)
        else:
            entries = self._by_position(key, value)
        found = {}
        for site in sites:
            if site.name not in entries:
                continue
            entry = entries[site.name]
            if site.parameter is not None:
                found[f"{key}[{site.name}]"] = entry
            elif entry != site.neutral and not _is_neutral(entry):
                raise self._misfit(key, value, f"{site.name} must be {site.neutral!r}", site.reason)
        return found

    def _by_position(self, key: str, value: Any) -> dict[str, Any]:
        """A list as a mapping: it has an entry for each site, or for each that a config may change."""
        names = [site.name for site in self.sites[key]]
        choices = [site.name for site in self.sites[key] if site.parameter is not None]
        for meant in (names, choices):
            if len(value) == len(meant):
                return dict(zip(meant, value, strict=True))
        problem = f"it has {len(value)} entries, this kernel {len(names)}"
        raise self._misfit(key, value, problem, self._names(key))

    def _checked(self, values: Mapping[str, Any]) -> Point:
        bare = self._bare
        point = bare.point(values)
        for violation in bare.check(point):
            is_entry = violation.name in point
            raise exc.InvalidConfig(
                key=violation.name if is_entry else "config",
                value=repr(thaw(point[violation.name]) if is_entry else self.config(point)),
                problem=self._why_without(violation.name, point) or violation.reason,
                allowed=f"choose another value, or see `{self.kernel}.bind(args).config_spec`",
            )
        return point

    def _why_without(self, name: str, point: Point) -> str | None:
        """Why the space leaves the value of a point out, where it says so."""
        value = point.get(name)
        whats = (f"{name} {value}", f"{name.partition('[')[0]} {value}")
        return next((item.reason for item in self.excluded if item.what in whats), None)

    def _names(self, key: str) -> str:
        names = ", ".join(site.name for site in self.sites[key])
        return f"`{key}` of `{self.kernel}` is, in order: {names or 'empty'}"

    def _why(self, *whats: str) -> str:
        """The reasons of the first of these that is left out, somewhere at least."""
        for what in whats:
            reasons = [
                item.reason
                for item in self.excluded
                if item.what == what or item.what.startswith(f"{what}[")
            ]
            if reasons:
                return "; ".join(dict.fromkeys(reasons))
        return f"leave `{whats[-1]}` out"

    def _misfit(self, key: str, value: Any, problem: str, allowed: str) -> exc.InvalidConfig:
        return exc.InvalidConfig(
            key=key, value=repr(_plain(value)), problem=problem, allowed=allowed
        )


def _without(site: Site, value: Any) -> Site:
    """A site without one of its values."""
    assert site.parameter is not None
    others = [other for other in site.parameter.values() if other != value]
    return attrs.evolve(site, parameter=Choice(others, default=site.parameter.default))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _admits(site: Site, value: Any) -> bool:
    if site.parameter is None:
        return bool(value == site.neutral)
    return site.parameter.problem(value) is None


def _is_identity(orders: Any) -> bool:
    """Whether loop orders, by position or by name, change nothing."""
    entries = orders.values() if isinstance(orders, Mapping) else orders
    return all(tuple(order) == tuple(range(len(order))) for order in entries)


def _is_neutral(value: Any) -> bool:
    """Whether a value asks for nothing, so that a kernel without that key may ignore it."""
    if isinstance(value, Mapping):
        return all(map(_is_neutral, value.values()))
    if isinstance(value, tuple):
        return all(map(_is_neutral, value))
    return value in (None, False, 0, "", "pointer") or (value == 1 and not isinstance(value, bool))
