"""Configs of a lock file, for builds on machines without the GPU that they were tuned on.

In: the lock file that a search has written (``helion tune``, or the setting ``autotune_lock``). Out: the config of a
specialization for the architecture that it is built for. What was tuned with other versions of Triton or Helion counts,
and the build says so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune import LockFile, LockFileError
from helion_autotune.json_values import canonical_text, freeze
from helion_autotune.similar_keys import key_difference, key_distance
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.tuning.result_key import VERSIONS, result_key

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from helion import Config
    from helion_compiler.specialized_kernel import SpecializedKernel


@attrs.frozen
class ChosenConfig:
    """A config, where it comes from, for people, and the GPU that it was measured and checked on, if any."""

    config: Config
    origin: str
    device: str | None = None


@attrs.frozen
class _Entry:
    key: dict[str, Any]
    point: Any

    @property
    def versions(self) -> tuple[Any, ...]:
        return tuple(self.key.get(name) for name in VERSIONS)


def _lock_file(given: LockFile | str | os.PathLike[str]) -> LockFile:
    return given if isinstance(given, LockFile) else LockFile(Path(given))


@attrs.frozen
class LockedConfigs:
    """The entries of a lock file; ``tuned_on`` names one GPU where kernels were tuned on several of an architecture."""

    lock: LockFile = attrs.field(converter=_lock_file)
    tuned_on: str | None = None

    def find(self, kernel: SpecializedKernel) -> ChosenConfig | None:
        """The config for ``kernel``, or None where nothing was tuned for its architecture.

        Raises:
            BundleRequestError: other kernels or arguments were tuned for it, or on several GPUs with different
                results, or the entry no longer fits the kernel.
        """
        architecture = kernel.traits.architecture
        tuned = [
            entry
            for name, entry in self._entries()
            if entry.key.get("architecture") == architecture
            and self.tuned_on in (None, entry.key.get("device"))
        ]
        if not tuned:
            return None
        wanted = result_key(kernel, kernel.call.leaves, "")
        fitting = [entry for entry in tuned if _same(entry.key, wanted)]
        if not fitting:
            raise self._missing(kernel, wanted)
        return self._choose(kernel, fitting, wanted)

    def _entries(self) -> list[tuple[str, _Entry]]:
        try:
            found = self.lock.results()
        except LockFileError as error:
            raise BundleRequestError(
                problem=str(error), remedy="give another lock file, or none"
            ) from error
        if not found:
            raise BundleRequestError(
                problem=f"{self.lock.path} has no tuned results, or is not there",
                remedy="let `helion tune` write it on a machine with the GPU",
            )
        keys = ((one, _object(one.key)) for one in found)
        return [(one.kernel, _Entry(key, one.point)) for one, key in keys if key is not None]

    def _choose(
        self, kernel: SpecializedKernel, fitting: Sequence[_Entry], wanted: dict[str, Any]
    ) -> ChosenConfig:
        now = tuple(wanted[name] for name in VERSIONS)
        best = [entry for entry in fitting if entry.versions == now] or fitting
        name = kernel.definition.name
        points = {canonical_text(freeze(entry.point.to_json())) for entry in best}
        if len(points) > 1:
            described = "; ".join(sorted(map(_described, best)))
            raise BundleRequestError(
                problem=f"{self.lock.path} has several results for `{name}`: {described}",
                remedy="name the GPU with --tuned-on, or take entries out of the file",
            )
        entry = best[0]
        problems = kernel.space.space.check(entry.point)
        if problems:
            raise BundleRequestError(
                problem=f"the result for `{name}` in {self.lock.path} no longer fits it: {problems[0]}",
                remedy="tune it anew, or give a config",
            )
        other = "" if entry.versions == now else f" with {_versions(entry)}"
        origin = f"config tuned on {entry.key['device']}{other}"
        return ChosenConfig(kernel.space.config(entry.point), origin, str(entry.key["device"]))

    def _missing(self, kernel: SpecializedKernel, wanted: dict[str, Any]) -> BundleRequestError:
        name, text = kernel.definition.name, json.dumps(wanted, sort_keys=True)
        others = [one for one in self.lock.results(name) if _object(one.key) is not None]
        nearest = min(others, key=lambda one: key_distance(one.key, text), default=None)
        difference = ""
        if nearest is not None:
            alike = {**wanted, **_unasked(json.loads(nearest.key))}
            difference = (
                f"; its nearest result differs in {key_difference(nearest.key, json.dumps(alike))}"
            )
        return BundleRequestError(
            problem=f"{self.lock.path} has no result for `{name}` with these arguments on "
            f"architecture {kernel.traits.architecture}, and has some for others{difference}",
            remedy="tune it as well (`helion tune`), or give a config",
        )


def _object(key: str) -> dict[str, Any] | None:
    try:
        found = json.loads(key)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _unasked(key: dict[str, Any]) -> dict[str, Any]:
    return {name: key.get(name) for name in ("device", *VERSIONS)}


def _same(key: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether keys agree in all that a build knows."""
    return canonical_text(freeze(key)) == canonical_text(freeze({**wanted, **_unasked(key)}))


def _versions(entry: _Entry) -> str:
    return ", ".join(f"{name} {entry.key.get(name)}" for name in VERSIONS)


def _described(entry: _Entry) -> str:
    return f"tuned on {entry.key.get('device')} with {_versions(entry)}"
