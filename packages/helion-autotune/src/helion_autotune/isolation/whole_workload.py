"""A measurer that is a workload itself, for workloads that say nothing of isolation but can be pickled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_autotune.blueprint import Blueprint

if TYPE_CHECKING:
    from helion_autotune.workload import Workload


def blueprint_of(workload: Workload[Any]) -> Blueprint:
    """Workers measure with a copy of ``workload``, which candidates are sent to."""
    return Blueprint(f"{__name__}:unchanged", lambda: workload)


def unchanged(workload: Workload[Any]) -> Workload[Any]:
    """The workload, as it came out of the payload."""
    return workload
