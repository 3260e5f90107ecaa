"""Config: the choices that make one compiled kernel out of many possible ones.

Comes in: keys as an author writes them, or JSON. Goes out: an immutable mapping in canonical form, checked key by key
against :data:`helion.config_keys.CONFIG_KEYS`. Keys left out stay out; their defaults belong to the kernel.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from helion.config_keys import ALIASES, CONFIG_KEYS, ConfigKey, Shape
from helion.constraints import nearest
from helion.exc import ConfigFileError, InvalidConfig


class Config(Mapping[str, Any]):
    """An immutable mapping from config keys to values, equal and hashable by value.

    ``helion.Config(block_sizes=[128, 64], num_warps=8)``. Lists become tuples. A list may also be written as a mapping
    by the stable names that a kernel gives its loops and accesses. A singular, such as ``block_size=64``, stands for
    a list of one entry. Any other name is that of a tunable which the kernel registers
    (:func:`helion.language.register_tunable`), and holds one number, flag or string.

    Raises:
        InvalidConfig: a key is misspelt, given twice (singular and plural), or holds what it cannot.
    """

    __slots__ = ("_hash", "_values")

    def __init__(self, **keys: Any) -> None:
        self._values = _canonical(keys)
        self._hash = hash(tuple((key, _hashable(value)) for key, value in self._values.items()))

    @classmethod
    def from_dict(cls, keys: Mapping[str, Any]) -> Config:
        """The config with these keys."""
        for key in keys:
            if not isinstance(key, str):
                raise InvalidConfig(
                    key=repr(key), value=repr(keys[key]), problem="not a name", allowed=_KEY_LIST
                )
        return cls(**keys)

    @classmethod
    def from_json(cls, text: str) -> Config:
        """The config that :meth:`to_json` wrote; raises InvalidConfig for anything else."""
        try:
            keys = json.loads(text)
        except ValueError as error:
            raise _malformed(text, f"malformed JSON: {error}") from error
        if not isinstance(keys, dict):
            raise _malformed(text, f"the JSON holds a {type(keys).__name__}, not an object")
        return cls.from_dict(keys)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Config:
        """The config in a file that :meth:`save` wrote.

        Raises:
            ConfigFileError: the file cannot be read, or holds no config.
        """
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigFileError(
                action="read", path=path, reason=_reason(error), remedy="check the path"
            ) from error
        except InvalidConfig as error:
            raise ConfigFileError(
                action="use",
                path=path,
                reason=error.diagnostic.message,
                remedy="write the file with `Config.save`",
            ) from error

    def to_json(self) -> str:
        """Canonical JSON: equal configs give equal text."""
        return json.dumps({key: _plain(value) for key, value in self._values.items()})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to ``path`` as JSON, all or nothing: written beside it first, then renamed.

        Raises:
            ConfigFileError: the directory is missing or not writable.
        """
        target = Path(path)
        beside: str | None = None
        try:
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
            ) as file:
                beside = file.name
                file.write(self.to_json() + "\n")
            os.replace(beside, target)
        except OSError as error:
            if beside is not None:
                Path(beside).unlink(missing_ok=True)
            raise ConfigFileError(
                action="write",
                path=path,
                reason=_reason(error),
                remedy="choose a directory that exists and that you may write to",
            ) from error

    def __getitem__(self, key: str) -> Any:
        return self._values[ALIASES.get(key, key)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, Config) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        keys = ", ".join(f"{key}={_plain(value)!r}" for key, value in self._values.items())
        return f"helion.Config({keys})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Config.from_json, (self.to_json(),))


_MISSPELT = 0.8  # a letter or two; tunables have names of their own, such as `order`
_KEY_LIST = f"the keys are {', '.join(CONFIG_KEYS)}"


def _canonical(keys: Mapping[str, Any]) -> dict[str, Any]:
    """``keys`` checked, aliases resolved, values frozen, in the order of the table, tunables last."""
    given: dict[str, Any] = {}
    tunables: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for written, value in keys.items():
        name = ALIASES.get(written, written)
        if name not in CONFIG_KEYS:
            tunables[written] = _tunable(written, value)
            continue
        if name in given:
            raise InvalidConfig(
                key=written,
                value=repr(value),
                problem=f"`{spelled[name]}` is given as well",
                allowed=f"give either `{spelled[name]}` or `{written}`",
            )
        spelled[name] = written
        given[name] = [value] if written in ALIASES else value
    checked = {
        name: _checked(key, given[name]) for name, key in CONFIG_KEYS.items() if name in given
    }
    return checked | dict(sorted(tunables.items()))


def _tunable(key: str, value: Any) -> Any:
    """``value``, if ``key`` may be the name of a tunable; whether a kernel registers it is not known here."""
    guess = nearest(key, [*CONFIG_KEYS, *ALIASES], likeness=_MISSPELT)
    if not guess and isinstance(value, (bool, int, float, str)):
        return value
    problem = "there is no such key" if guess else "a tunable has one value"
    raise InvalidConfig(
        key=key,
        value=repr(value),
        problem=problem,
        allowed=f"did you mean `{guess}`?"
        if guess
        else f"{_KEY_LIST}; a tunable is a number, a flag or a string",
    )


def _checked(key: ConfigKey, value: Any) -> Any:
    """``value`` frozen, if ``key`` may hold it."""
    if key.shape is Shape.ONE or (key.shape is Shape.EITHER and isinstance(value, str)):
        return _entry(key, value, value)
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise InvalidConfig(
                key=key.name, value=repr(value), problem="a name is no string", allowed=key.allowed
            )
        return MappingProxyType({name: _entry(key, value[name], value) for name in sorted(value)})
    if isinstance(value, (list, tuple)):
        return tuple(_entry(key, entry, value) for entry in value)
    raise InvalidConfig(
        key=key.name,
        value=repr(value),
        problem=f"{type(value).__name__} is no list",
        allowed=key.allowed,
    )


def _entry(key: ConfigKey, entry: Any, whole: Any) -> Any:
    if key.entry.accepts(entry):
        return tuple(entry) if isinstance(entry, list) else entry
    what = "this" if entry is whole else f"entry {entry!r}"
    raise InvalidConfig(
        key=key.name,
        value=repr(_plain(whole)),
        problem=f"{what} is not {key.entry.allowed}",
        allowed=key.allowed,
    )


def _hashable(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, Mapping) else value


def _plain(value: Any) -> Any:
    """``value`` in the lists and dicts that JSON and authors use."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value


def _malformed(text: str, problem: str) -> InvalidConfig:
    shown = text if len(text) <= 60 else text[:57] + "..."
    return InvalidConfig(
        key="JSON",
        value=repr(shown),
        problem=problem,
        allowed='write an object of config keys, such as {"num_warps": 8}',
    )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
