"""Specialization and tuning: here, everything is known, and a config may say some of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion.autotuner import FRAGMENTS
from helion.config_keys import CONFIG_KEYS
from helion.constraints import is_integer
from helion.exc import (
    InvalidConfig,
    NotAllowedOnDevice,
    RegisterTunableArgTypes,
    SpecializeArgType,
    SpecializeOnDevice,
    TunableNameConflict,
    TunableTypeNotSupported,
)
from helion.reference.callers import user_frame

if TYPE_CHECKING:
    from helion.reference.state import ReferenceState


def specialize(state: ReferenceState, value: Any) -> Any:
    """The value."""
    if state.depth:
        raise SpecializeOnDevice()
    for size in value if isinstance(value, (tuple, list)) else (value,):
        if not is_integer(size):
            raise SpecializeArgType(type=type(size).__name__)
    return value


def register_block_size(state: ReferenceState, min_or_max: int, max: int | None) -> int:  # noqa: A002 - as declared
    """The block size asked for, or one as large as is sensible."""
    if state.depth:
        raise NotAllowedOnDevice(function="register_block_size")
    extent = min_or_max if max is None else max
    return state.blocks.choose_registered(user_frame(), extent)


def register_tunable(state: ReferenceState, name: str, fragment: Any) -> Any:
    """What the config says, else the default."""
    if state.depth:
        raise NotAllowedOnDevice(function="register_tunable")
    if not isinstance(name, str) or not isinstance(fragment, FRAGMENTS):
        raise RegisterTunableArgTypes(
            name_type=type(name).__name__, fragment_type=type(fragment).__name__
        )
    if name in state.registered or name in CONFIG_KEYS:
        what = "a tunable" if name in state.registered else "a config key"
        raise TunableNameConflict(name=name, what=what)
    state.registered.add(name)
    default = fragment.default()
    if not isinstance(default, (bool, int, float, str)):
        raise TunableTypeNotSupported(name=name, type=type(default).__name__)
    value = state.tunables.get(name, default)
    if not fragment.allows(value):
        raise InvalidConfig(
            key=name,
            value=repr(value),
            problem="the kernel registers no such value",
            allowed=f"it allows {fragment}",
        )
    return value
