"""Isolated measuring: a worker process per GPU, renewed whenever a candidate has cost it its life.

Needs a platform that can fork and pass file descriptors: Linux. See docs/decisions for the shape of it.
"""

from helion_autotune.isolation.answers import CandidateFailed, WorkerDied
from helion_autotune.isolation.local_gpus import LocalGPUs, lane_source
from helion_autotune.isolation.parallel_runner import ParallelRunner
from helion_autotune.isolation.runner import IsolatedRunner
from helion_autotune.isolation.servers import ForkServers
from helion_autotune.isolation.workers import CannotIsolateError
from helion_autotune.isolation_limits import Isolation

__all__ = [
    "CandidateFailed",
    "CannotIsolateError",
    "ForkServers",
    "IsolatedRunner",
    "Isolation",
    "LocalGPUs",
    "ParallelRunner",
    "WorkerDied",
    "lane_source",
]
