"""A workload that tells which GPU it was measured on; workers import this by its name."""

from __future__ import annotations

from typing import Any

import torch

from helion_autotune import Blueprint, Call, Measurement, Point, WrongResult, measure_milliseconds


def uuid(index: int) -> str:
    return str(torch.cuda.get_device_properties(index).uuid)


class Summing:
    """Implements ``helion_autotune.IsolableWorkload`` for a tensor on any GPU."""

    def __init__(self, x: torch.Tensor) -> None:
        self.x = x

    def blueprint(self) -> Blueprint:
        device = self.x.device.index
        opening = Call(
            "helion_autotune.measuring:open_device", (device, torch.cuda.get_device_name(device))
        )
        return Blueprint(f"{__name__}:make", self.payload, ("torch",), opening, device)

    def payload(self) -> Any:
        from helion_autotune.isolation.tensors import Packed

        return Packed((self.x, float(self.x.sum())))

    def compile(self, point: Point) -> dict[str, Any]:
        return dict(point)

    def job(self, candidate: dict[str, Any]) -> dict[str, Any]:
        return candidate

    def measure(self, candidate: dict[str, Any], incumbent_ms: float | None) -> Measurement:
        raise AssertionError("measured in the session's process")


class Measurer:
    def __init__(self, x: torch.Tensor, total: float) -> None:
        self.x, self.total = x, total

    def measure(self, job: dict[str, Any], incumbent_ms: float | None) -> Measurement:
        if float(self.x.sum()) != self.total:
            raise WrongResult("another tensor has arrived")
        found = measure_milliseconds(self.x.sum, give_up_over_ms=incumbent_ms)
        return Measurement(found.milliseconds, found.samples, uuid(self.x.device.index))


def make(payload: Any) -> Measurer:
    return Measurer(*payload.values)
