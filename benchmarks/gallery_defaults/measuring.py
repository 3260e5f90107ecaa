"""Time the kernels of one case, untuned and tuned, in turns.

python -m benchmarks.gallery_defaults.measuring CASE SECONDS RESULTS.jsonl

Appends a line for each kernel as soon as it is known. The search is the default one, of so many seconds, from nothing.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import helion
from benchmarks.gallery_defaults.sizes import SIZES
from benchmarks.suite.measuring import in_turns
from helion_autotune import measure_milliseconds

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "examples"), str(ROOT / "integration_tests")]

from benchmarks.space_correctness.cases import names  # noqa: E402  # found only now
from gallery.calls import calls_of  # noqa: E402  # as above
from gallery.case import Maker  # noqa: E402  # as above

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from gallery.calls import KernelCall


def measure(call: KernelCall, seconds: float) -> dict[str, Any]:
    """What a search of so many seconds finds for a kernel, beside what it has without."""
    with tempfile.TemporaryDirectory() as cache:
        kernel: Any = helion.kernel(
            call.kernel.fn, autotune_cache=cache, autotune_progress_bar=False
        )
        tuned = kernel.autotune(call.arguments, seconds=seconds)
    bound = kernel.bind(call.arguments)
    configs = {"default": bound.config_spec.default_config(), "tuned": tuned}
    runs = {name: bound.compile_config(config) for name, config in configs.items()}
    times = in_turns({name: partial(_milliseconds, run, call) for name, run in runs.items()})
    medians = {name: statistics.median(found) for name, found in times.items()}
    return {
        "kernel": call.kernel.name,
        "of_tuned": medians["tuned"] / medians["default"],
        **{f"{name}_ms": ms for name, ms in medians.items()},
        **{f"{name}_config": json.loads(config.to_json()) for name, config in configs.items()},
    }


def _milliseconds(run: Callable[..., object], call: KernelCall) -> float:
    """As searches time: small kernels in a CUDA graph, since one config is compared with another, not their hosts."""
    return measure_milliseconds(partial(run, *call.arguments)).milliseconds


def timed_calls(name: str) -> tuple[torch.dtype, list[KernelCall]]:
    """How a case is called to be timed: bfloat16 where it takes that."""
    case = names()[name]
    dtype = case.usual_dtype
    return dtype, list(calls_of(case, SIZES[name], Maker(dtype, "cuda")))


def main(name: str, seconds: float, results: Path) -> None:
    """All kernels of a case."""
    dtype, calls = timed_calls(name)
    for call in calls:
        found = {"case": name, "dtype": str(dtype).removeprefix("torch."), **measure(call, seconds)}
        with results.open("a") as file:
            file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
