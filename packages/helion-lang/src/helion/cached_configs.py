"""``helion.from_cache``: choose among configs that earlier searches found, instead of searching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion.config import Config
from helion.exc import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@attrs.frozen
class FromCache:
    """What :func:`from_cache` gives; whoever tunes decides by it.

    Attributes:
        max_configs: how many of the cache's configs are measured at most, the latest ones.
        configs: further configs to measure.
    """

    max_configs: int
    configs: tuple[Config, ...]


def from_cache(
    *, max_configs: int | None = None, configs: Sequence[Config | Mapping[str, Any]] = ()
) -> FromCache:
    """Let a kernel measure configs from the cache, and no others, where it would search.

    The configs are those that searches for the same kernel ended with on the same kind of device, for any arguments,
    as far as they fit the arguments at hand. The fastest one is kept, and found by the next process at once.

        @helion.kernel(autotuner_fn=helion.from_cache(configs=[helion.Config(block_sizes=[64])]))

    Args:
        max_configs: how many configs of the cache to measure at most; 20 if left out.
        configs: further configs to measure, besides those that the decorator is given.

    Returns:
        What the setting ``autotuner_fn`` takes. Where neither the cache nor anyone else has a config,
        the first call raises :class:`helion.exc.NotEnoughConfigs`.

    Raises:
        InvalidConfig: a config is malformed, or ``max_configs`` is no positive number.
    """
    most = 20 if max_configs is None else max_configs
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise InvalidConfig(
            key="max_configs",
            value=repr(max_configs),
            problem="it is no positive integer",
            allowed="say how many configs of the cache may be measured, or leave it out",
        )
    given = (one if isinstance(one, Config) else Config.from_dict(one) for one in configs)
    return FromCache(most, tuple(given))
