"""Several GPUs of this host: workers of each lane see another one in the place of the session's own.

Payloads and jobs name the session's GPU by its index; in the workers of a lane that index means the lane's GPU, by the
order of ``CUDA_VISIBLE_DEVICES``. No candidate can tell the difference, and nothing has to be moved between GPUs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import attrs

from helion_autotune.isolation.workers import Workers
from helion_autotune.lanes import LaneSource
from helion_autotune.runner import CannotMeasureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_autotune.isolation.briefing import Briefing
    from helion_autotune.isolation_limits import Isolation
    from helion_autotune.lanes import ServerKeeper

VISIBLE = "CUDA_VISIBLE_DEVICES"


@attrs.frozen
class LocalGPUs:
    """GPUs by their indices in this process; None means all that it sees."""

    indices: tuple[int, ...] | None = None

    def lanes(
        self, briefing: Briefing, isolation: Isolation, servers: ServerKeeper
    ) -> Sequence[Workers]:
        """A lane for each, that of the session's own GPU first.

        Raises CannotMeasureError for a GPU that is not there.
        """
        visible = _visible()
        own = briefing.blueprint.device
        chosen = range(len(visible)) if self.indices is None else self.indices
        for index in chosen:
            if not 0 <= index < len(visible):
                raise CannotMeasureError(
                    f"there is no GPU {index} to measure on; this process sees {len(visible)}"
                )
        in_order = sorted(set(chosen), key=lambda index: (index != own, index))
        return [
            Workers(briefing, isolation, servers, in_the_place_of(own, index, visible))
            for index in in_order
        ]


def lane_source(devices: Sequence[int] | Literal["all"] | LaneSource) -> LaneSource:
    """The GPUs that are meant by ``Isolation.devices``."""
    if isinstance(devices, LaneSource):
        return devices
    if devices == "all":
        return LocalGPUs()
    if isinstance(devices, str):
        raise TypeError(
            f'devices are "all", indices of GPUs, or a source of lanes, got {devices!r}'
        )
    return LocalGPUs(tuple(devices))


def in_the_place_of(own: int, other: int, visible: Sequence[str]) -> dict[str, str]:
    """What the environment must say so that GPU ``other`` has the index ``own``, and the other way round."""
    if own == other:
        return {}
    order = list(visible)
    order[own], order[other] = order[other], order[own]
    return {VISIBLE: ",".join(order)}


def _visible() -> list[str]:
    """The GPUs that this process sees, as the environment names them."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]
