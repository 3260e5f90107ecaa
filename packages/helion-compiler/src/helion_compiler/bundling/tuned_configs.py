"""Configs that were tuned elsewhere, for builds on machines without that GPU.

In: results of searches, wherever they are kept (:mod:`locked_configs`, :mod:`recorded_configs`). Out: the config of a
specialization for the architecture that it is built for. What was tuned with other versions of Triton or Helion counts,
and the build says so.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.json_values import canonical_text, freeze
from helion_autotune.similar_keys import key_difference, key_distance
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.tuning.result_key import VERSIONS, result_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion import Config
    from helion_autotune import Point, Space
    from helion_compiler.specialized_kernel import SpecializedKernel

Key = dict[str, Any]
"""What :func:`result_key` makes."""


@attrs.frozen
class ChosenConfig:
    """A config, where it comes from, for people, and the GPU that it was measured and checked on, if any."""

    config: Config
    origin: str
    device: str | None = None


@attrs.frozen(eq=False)
class TunedResult:
    """The winner of a search for ``kernel``. ``same_space`` says whether that was of the config space that the kernel
    has now; None where it was not written down."""

    kernel: str
    key: Key
    point: Point
    same_space: bool | None = None

    @property
    def versions(self) -> tuple[Any, ...]:
        """What it was tuned with."""
        return tuple(self.key.get(name) for name in VERSIONS)

    def __str__(self) -> str:
        return f"tuned on {self.key.get('device')} with {_versions(self.key)}"


class TunedConfigs(ABC):
    """Where configs are looked for; ``tuned_on`` names a GPU where there are several of one architecture."""

    tuned_on: str | None

    @property
    @abstractmethod
    def place(self) -> str:
        """Where they are, for people."""

    @abstractmethod
    def results(self, space: Space) -> Sequence[TunedResult]:
        """All of them, as they are to be seen for a kernel with this config space.

        Raises:
            BundleRequestError: there are none, or they cannot be read.
        """

    def unfinished(self) -> Sequence[tuple[Key, str]]:
        """The keys of searches without a result, and how far each came."""
        return ()

    def find(self, kernel: SpecializedKernel) -> ChosenConfig | None:
        """The config for ``kernel``, or None where nothing was tuned for its architecture.

        Raises:
            BundleRequestError: other kernels or arguments were tuned for it, or on several GPUs with different
                results, or its search has not ended, or its result no longer fits the kernel.
        """
        results, unfinished = self.results(kernel.space.space), self.unfinished()
        devices = self._devices(
            kernel, [one.key for one in results] + [key for key, _ in unfinished]
        )
        if not devices:
            return None
        wanted = result_key(kernel, kernel.call.leaves, "")
        fitting = [
            one for one in results if one.key.get("device") in devices and _same(one.key, wanted)
        ]
        if fitting:
            return self._choose(kernel, fitting, wanted)
        for key, progress in unfinished:
            if key.get("device") in devices and _same(key, wanted):
                raise BundleRequestError(
                    problem=f"the search for `{kernel.definition.name}` in {self.place} on {key['device']} has "
                    f"not ended: {progress}",
                    remedy="run it again, which goes on from there, or give a config",
                )
        raise self._missing(kernel, wanted, results)

    def _devices(self, kernel: SpecializedKernel, keys: Sequence[Key]) -> set[Any]:
        """The GPUs of the kernel's architecture whose results count."""
        if self.tuned_on is not None and all(key.get("device") != self.tuned_on for key in keys):
            known = sorted({str(key["device"]) for key in keys if "device" in key})
            raise BundleRequestError(
                problem=f"nothing in {self.place} was tuned on {self.tuned_on!r}",
                remedy=f"it has results of {', '.join(known) or 'no GPU that is named'}",
            )
        architecture = kernel.traits.architecture
        devices = {key.get("device") for key in keys if key.get("architecture") == architecture}
        # Other architectures have GPUs of their own, which nobody has to name.
        return {self.tuned_on} if self.tuned_on in devices else devices

    def _choose(
        self, kernel: SpecializedKernel, fitting: Sequence[TunedResult], wanted: Key
    ) -> ChosenConfig:
        now = tuple(wanted[name] for name in VERSIONS)
        best = [one for one in fitting if one.versions == now] or fitting
        name = kernel.definition.name
        points = {canonical_text(freeze(one.point.to_json())) for one in best}
        if len(points) > 1:
            described = "; ".join(sorted(map(str, best)))
            raise BundleRequestError(
                problem=f"{self.place} has several results for `{name}`: {described}",
                remedy="name the GPU with --tuned-on, or leave only one of them there",
            )
        chosen = best[0]
        problems = kernel.space.space.check(chosen.point)
        if problems:
            raise BundleRequestError(
                problem=f"the result for `{name}` in {self.place} no longer fits it: {problems[0]}",
                remedy="tune it anew, or give a config",
            )
        origin = f"config tuned on {chosen.key['device']}"
        if chosen.versions != now:
            origin += f" with {_versions(chosen.key)}"
        elif chosen.same_space is False:
            origin += " for an earlier config space"
        return ChosenConfig(kernel.space.config(chosen.point), origin, str(chosen.key["device"]))

    def _missing(
        self, kernel: SpecializedKernel, wanted: Key, results: Sequence[TunedResult]
    ) -> BundleRequestError:
        name, text = kernel.definition.name, json.dumps(wanted, sort_keys=True)
        texts = [json.dumps(one.key, sort_keys=True) for one in results if one.kernel == name]
        nearest = min(texts, key=lambda one: key_distance(one, text), default=None)
        difference = ""
        if nearest is not None:
            alike = {**wanted, **_unasked(json.loads(nearest))}
            difference = (
                f"; its nearest result differs in {key_difference(nearest, json.dumps(alike))}"
            )
        return BundleRequestError(
            problem=f"{self.place} has no result for `{name}` with these arguments on "
            f"architecture {kernel.traits.architecture}, and has some for others{difference}",
            remedy="tune it as well (`helion tune`), or give a config",
        )


def key_object(text: str) -> Key | None:
    """The key that a text holds; None for other texts, such as keys of kernels that are not ours."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _unasked(key: Key) -> Key:
    return {name: key.get(name) for name in ("device", *VERSIONS)}


def _same(key: Key, wanted: Key) -> bool:
    """Whether keys agree in all that a build knows."""
    return canonical_text(freeze(key)) == canonical_text(freeze({**wanted, **_unasked(key)}))


def _versions(key: Key) -> str:
    return ", ".join(f"{name} {key.get(name)}" for name in VERSIONS)
