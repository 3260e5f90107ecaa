"""A search over one Triton kernel of which some candidates harm whoever runs them; workers import this by its name."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from helion_autotune import (
    Blueprint,
    Choice,
    Measurement,
    Point,
    PowerOfTwo,
    Space,
    WrongResult,
    measure_milliseconds,
)

FINE, ILLEGAL, HANGS, WRONG, NO_MEMORY = "fine", "illegal access", "hangs", "wrong", "out of memory"
SPACE = Space(
    {
        "fault": Choice([FINE, ILLEGAL, HANGS, WRONG, NO_MEMORY]),
        "block": PowerOfTwo(64, 1024, default=256),
    }
)
COUNT = 1 << 20


@triton.jit
def doubled(x, out, n, fault: tl.constexpr, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    value = tl.load(x + at, mask=at < n)
    if fault == "illegal access":
        tl.store(out + (at.to(tl.int64) + (1 << 44)), value)
    if fault == "wrong":
        value += 1
    if fault == "hangs":
        seen = tl.load(x + n - 1, volatile=True)
        while seen < 1e30:  # as all of x is
            seen = tl.load(x + n - 1, volatile=True)
    tl.store(out + at, value * 2, mask=at < n)


class Doubling:
    """Implements ``helion_autotune.IsolableWorkload``; a candidate is its point, compiled by whoever measures it."""

    def __init__(self, x: torch.Tensor) -> None:
        self.x = x

    def compile(self, point: Point) -> dict[str, Any]:
        return dict(point)

    def job(self, candidate: dict[str, Any]) -> dict[str, Any]:
        return candidate

    def blueprint(self) -> Blueprint:
        return Blueprint(f"{__name__}:make", self.payload)

    def payload(self) -> Any:
        from helion_autotune.isolation.tensors import Packed

        return Packed([self.x])

    def measure(self, candidate: dict[str, Any], incumbent_ms: float | None) -> Measurement:
        raise AssertionError("nothing is measured in this process")


class Measurer:
    """Implements ``helion_autotune.Measurer``."""

    def __init__(self, x: torch.Tensor) -> None:
        self.x, self.out = x, torch.empty_like(x)

    def measure(self, job: dict[str, Any], incumbent_ms: float | None) -> Measurement:
        if job["fault"] == NO_MEMORY:
            torch.empty(1 << 50, dtype=torch.uint8, device="cuda")

        def run() -> None:
            grid = (triton.cdiv(self.x.numel(), job["block"]),)
            doubled[grid](self.x, self.out, self.x.numel(), job["fault"], job["block"])

        self.out.fill_(float("nan"))
        run()
        wrong = int((self.out != self.x * 2).sum())
        if wrong:
            raise WrongResult(f"{wrong} elements differ")
        return measure_milliseconds(run, give_up_over_ms=incumbent_ms)

    def recover(self) -> None:
        torch.cuda.synchronize()


def make(memory: Any) -> Measurer:
    return Measurer(memory.values[0])
