"""How candidates are measured in isolation, and how long a worker may take before it counts as hanging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_autotune.lanes import LaneSource, ServerKeeper

#: With an incumbent, a candidate may take this many times as long for everything that is done with it.
PATIENCE = 500.0
#: Set in the environment of workers, which may not have workers of their own.
IN_A_WORKER = "HELION_AUTOTUNE_WORKER"


@attrs.frozen(kw_only=True)
class Isolation:
    """How candidates are measured in isolation, with time limits in seconds.

    ``start``: until a worker is ready: importing torch, a GPU context, copying arguments. ``measure``: for checking and
    timing one candidate. As soon as one has worked, ``hurry`` is enough for the others, and 500 times what that one
    takes on top: who needs longer hangs, or is hopeless.
    ``required``: where nothing can be isolated, raise, instead of measuring in the session's process with a warning.
    ``devices`` measures on several GPUs at the same time: "all" that this process sees, some by their indices, or those
    of a cluster (:class:`helion_autotune.ray_gpus.RayGPUs`); they must be of one model.
    ``servers`` keeps the process that workers are forked from, so that the next session need not wait for its imports.
    """

    start: float = 120.0
    measure: float = 20.0
    hurry: float = 3.0
    required: bool = True
    devices: Sequence[int] | Literal["all"] | LaneSource | None = None
    servers: ServerKeeper | None = attrs.field(default=None, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not min(self.start, self.measure, self.hurry) > 0:
            raise ValueError(f"limits are seconds above 0, got {self!r}")

    def seconds(self, incumbent_ms: float | None) -> float:
        """How long the next candidate may take."""
        if incumbent_ms is None:
            return self.measure
        return min(self.measure, self.hurry + PATIENCE * incumbent_ms / 1e3)
