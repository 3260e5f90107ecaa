"""Where searches get the processes that measure: shared by the kernels of a backend, ready before they are needed.

In: settings of kernels, and calls that are about to be traced. Out: how their searches measure in isolation. What a
worker imports takes seconds, so it begins while a kernel whose search is likely is still traced, and stays for the
next search.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from helion_autotune import Isolation, LockFile, LockFileError
from helion_autotune.ray_gpus import RayGPUs

if TYPE_CHECKING:
    from helion import Settings
    from helion.backends import KernelDefinition

#: What workers import, of which the rest follows.
MODULES = ("helion_compiler.tuning.measurer",)
#: What importing TorchInductor, as a trace may at any time, puts into the environment; nothing in a worker reads it.
SET_BY_IMPORTS = ("TORCHINDUCTOR_CACHE_DIR",)


class WorkerSource:
    """Has workers for searches of one process; any thread may ask."""

    def __init__(self) -> None:
        if sys.platform == "linux":
            from helion_autotune.isolation import ForkServers  # needs what Linux has

            self._servers: ForkServers | None = ForkServers(unheeded=SET_BY_IMPORTS)
        else:
            self._servers = None

    def prepare(self, definition: KernelDefinition, device: torch.device) -> None:
        """Begin what a search of this kernel would wait for, if there is likely to be one. Returns at once."""
        if self._servers is not None and device.type == "cuda" and likely_searched(definition):
            self._servers.prepare(MODULES)

    def expect(self, definition: KernelDefinition) -> None:
        """The same before the compiler is imported, when nothing is known of a call but that the process uses a GPU."""
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch leaves it unannotated
            self.prepare(definition, torch.device("cuda"))

    def isolation(self, settings: Settings) -> Isolation | bool:
        """How a search with these settings measures; False for in this process."""
        if not settings.autotune_isolation:
            return False
        return Isolation(
            measure=settings.autotune_benchmark_timeout,
            required=False,
            devices=_devices(settings.autotune_devices),
            servers=self._servers,
        )


def _devices(named: str | None) -> tuple[int, ...] | Literal["all"] | RayGPUs | None:
    """The GPUs that a setting names."""
    if named == "all":
        return "all"
    if named == "ray":
        return RayGPUs()
    return None if named is None else tuple(int(index) for index in named.split(","))


def likely_searched(definition: KernelDefinition) -> bool:
    """Whether a first call of this kernel on a GPU searches, as far as that can be told before it is traced.

    A kernel that has records or locked results was searched before, most likely for the same arguments.
    """
    settings = definition.settings
    if not settings.autotune_isolation or settings.disallow_autotuning:
        return False
    if settings.autotuner_fn is not None:
        return False
    if settings.force_autotune:
        return True
    if definition.configs or settings.autotune_effort == "none":
        return False
    if settings.autotune_lock is not None and _is_locked(settings.autotune_lock, definition.name):
        return False
    return not (Path(settings.autotune_cache).expanduser() / f"{definition.name}.jsonl").exists()


def _is_locked(path: str, name: str) -> bool:
    """Whether a lock file has results of a kernel; one that cannot be read is complained about by who needs it."""
    try:
        return bool(LockFile(path).results(name))
    except LockFileError:
        return False
