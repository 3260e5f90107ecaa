"""The author's tunables as parameters of the search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion import exc
from helion.autotuner import BooleanFragment, EnumFragment, IntegerFragment, PowerOfTwoFragment
from helion_autotune import Choice, Integer, PowerOfTwo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion import Config
    from helion_autotune import Parameter

_PARAMETERS: dict[type, Callable[[Any], Parameter]] = {
    IntegerFragment: lambda f: Integer(f.low, f.high, default=f.default_val),
    PowerOfTwoFragment: lambda f: PowerOfTwo(f.low, f.high, default=f.default_val),
    EnumFragment: lambda f: Choice(f.choices, default=f.default()),
    BooleanFragment: lambda f: Choice((False, True), default=f.default()),
}


def tunable_parameters(tunables: Mapping[str, Any]) -> dict[str, Parameter]:
    """A parameter for each tunable, by its name, which is its key in a Config."""
    return {name: _PARAMETERS[type(fragment)](fragment) for name, fragment in tunables.items()}


def chosen_tunables(tunables: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The value of each tunable in a config.

    Raises:
        helion.exc.InvalidConfig: the author did not declare this value.
    """
    chosen = {}
    for name, fragment in tunables.items():
        chosen[name] = value = dict(config).get(name, fragment.default())
        if not fragment.allows(value):
            raise exc.InvalidConfig(
                key=name,
                value=repr(value),
                problem="the kernel registers no such value",
                allowed=f"it allows {fragment}",
            )
    return chosen
