"""What is profiled: one call of a kernel of the suite, in a process of its own, between the profiler's start and stop.

python -m benchmarks.counters.subject TASK.json FACTS.json

The task's one way is :data:`DEFAULT`, :data:`TUNED` (at the task's config) or :data:`LIMIT`. The facts are written
before anything is counted; a kernel's binary goes beside them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch

import helion
from benchmarks.suite.case import traffic
from benchmarks.suite.cases import named
from benchmarks.suite.examples import eager_of, kernel_of
from benchmarks.suite.machine import describe
from benchmarks.suite.task import Task
from benchmarks.suite.ways import plain
from helion_compiler.building import target_of_device

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.building import Target

DEFAULT, TUNED, LIMIT = "default", "tuned", "limit"
WAYS = (DEFAULT, TUNED, LIMIT)


@attrs.frozen(kw_only=True)
class Facts:
    """What a case's counters are read with.

    Attributes:
        case: its name.
        way: one of :data:`WAYS`.
        bytes: what a call has to move at least.
        flops: of a call, where operations count.
        limit: what the limit is.
        scale: what the limit's time is multiplied with; 1 for kernels.
        symbol: the kernel's; None for a limit, whose longest launch counts.
        config: the kernel's.
        cubin: the file with its machine code.
        machine: what it runs on.
    """

    case: str
    way: str
    bytes: int
    flops: float | None
    limit: str
    scale: float = 1.0
    symbol: str | None = None
    config: dict[str, Any] | None = None
    cubin: str | None = None
    machine: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(eq=False)
class Subject:
    """A call, and what is known of it."""

    run: Callable[[], Any]
    facts: Facts


def prepare(task: Task, cubin: Path, target: Target | None = None) -> Subject:
    """The task's call. The kernel's binary, for its device or for ``target``, is written to ``cubin``."""
    case, (way,) = named(task.case), task.ways
    sizes = task.sizes or case.sizes
    args = case.make(task.device, sizes)
    results = eager_of(case)(*args)
    flops = None if case.flops is None else case.flops(*sizes)
    facts = Facts(
        case=case.name,
        way=way,
        bytes=traffic(args, results),
        flops=flops,
        limit=case.limit.kind,
        machine=describe(),
    )
    if way == LIMIT:
        yardstick = case.limit.make(args, results, flops)
        return Subject(yardstick.run, attrs.evolve(facts, scale=yardstick.scale))
    bound: Any = helion.kernel(kernel_of(case).fn, autotune_effort="none").bind(args)
    config = bound.config_spec.default_config()
    if way == TUNED:
        assert task.config is not None
        config = helion.Config.from_dict(task.config)
    target = target or target_of_device(torch.device(task.device))
    image = bound._implementation.specialized.build(config, target).image
    cubin.write_bytes(image.binary)
    run = bound.compile_config(config)
    known = {"symbol": image.entry.symbol, "config": plain(config), "cubin": str(cubin)}
    return Subject(lambda: run(*args), attrs.evolve(facts, **known))


def main(arguments: list[str]) -> None:
    """Prepare, call once so that everything is loaded and allocated, and call again while counters are on."""
    output = Path(arguments[1])
    binary = output.with_suffix("").with_suffix(".cubin")  # instead of .facts.json
    subject = prepare(Task.read(Path(arguments[0])), binary)
    torch.cuda.empty_cache()  # ncu saves what a kernel could reach before its first pass
    subject.run()
    torch.cuda.synchronize()
    output.write_text(json.dumps(attrs.asdict(subject.facts), indent=1))
    with torch.cuda.profiler.profile():
        subject.run()
        torch.cuda.synchronize()


if __name__ == "__main__":
    main(sys.argv[1:])
