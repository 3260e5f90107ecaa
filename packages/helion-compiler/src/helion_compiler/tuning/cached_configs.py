"""The configs to measure instead of a search: those that earlier ones found, and the author's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion import exc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion import Config
    from helion.cached_configs import FromCache
    from helion_compiler.specialized_kernel import SpecializedKernel
    from helion_compiler.tuning.store import Store


def cached_configs(kernel: SpecializedKernel, store: Store, wanted: FromCache) -> list[Config]:
    """The configs that ``wanted`` asks for, those of the cache first, each once.

    Raises:
        helion.exc.NotEnoughConfigs: there is none.
    """
    found = list(dict.fromkeys(_fitting(kernel, store)))[: wanted.max_configs]
    configs = list(dict.fromkeys([*found, *wanted.configs, *kernel.definition.configs]))
    if not configs:
        raise exc.NotEnoughConfigs(
            found=0,
            expected=1,
            notes=(
                f"none in {store.records.path} was found on this kind of device and fits these arguments",
            ),
        )
    return configs


def _fitting(kernel: SpecializedKernel, store: Store) -> Iterator[Config]:
    """What earlier searches found and this space has, the latest first."""
    for point in store.earlier():
        if not kernel.space.space.check(point):
            yield kernel.space.config(point)
