"""From the times that processes print to the table."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

OF_THE_PEER = "first calls of the peer's"
"""The sum over those kernels alone that the peer runs."""


@attrs.frozen
class Times:
    """Seconds that one process took; ``calls`` has None for a kernel that it did not run."""

    load: float
    warm: float
    calls: tuple[float | None, ...]

    @classmethod
    def of(cls, printed: dict[str, Any]) -> Times:
        """What a process printed as JSON."""
        return cls(printed["load"], printed["warm"], tuple(printed["calls"]))

    def steps(self, peers: Sequence[int] | None = None) -> dict[str, float]:
        """Seconds by step; ``peers`` are the numbers of the kernels that the peer runs, None where none was asked."""
        calls = [call for call in self.calls if call is not None]
        steps = {
            "import and load": self.load,
            "warm": self.warm,
            "first of the first calls": calls[0] if calls else 0.0,
            "all first calls": sum(calls),
            "in all": self.load + self.warm + sum(calls),
        }
        if peers is not None:
            steps[OF_THE_PEER] = sum(self.calls[number] or 0.0 for number in peers)
        return steps


def medians(found: Sequence[Times], peers: Sequence[int] | None = None) -> dict[str, float]:
    """Milliseconds of each step, over processes."""
    steps = [times.steps(peers) for times in found]
    return {
        step: round(statistics.median(each[step] for each in steps) * 1e3, 2) for step in steps[0]
    }


@attrs.frozen
class Report:
    """All that was found.

    Attributes:
        kernels: the ops, in the order of their calls.
        ways: by way, the milliseconds of each step.
        peer_configs: what the peer ran, by op.
        peer_refused: why it did not run the others.
    """

    kernels: tuple[str, ...]
    ways: dict[str, dict[str, float]]
    peer_configs: dict[str, Any] = attrs.field(factory=dict)
    peer_refused: dict[str, str] = attrs.field(factory=dict)

    def table(self) -> str:
        """For people."""
        steps = list(next(iter(self.ways.values())))
        lines = [f"{'ms':<28}" + "".join(f"{step:>28}" for step in steps)]
        for way, figures in self.ways.items():
            lines.append(f"{way:<28}" + "".join(f"{figures[step]:>28.2f}" for step in steps))
        if OF_THE_PEER in steps:
            lines.append(
                f"PyTorch's Helion runs {len(self.peer_configs)} of {len(self.kernels)} kernels"
            )
        lines += [
            f"  not {op}: {reason.splitlines()[0]}" for op, reason in self.peer_refused.items()
        ]
        return "\n".join(lines)
