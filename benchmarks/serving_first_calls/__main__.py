"""Milliseconds until twenty kernels have run once: from a bundle, and compiled where they are called.

python -m benchmarks.serving_first_calls [--kernels FILE.toml] [--peer DIR] [--processes 5] [--output report.json]

Six ways, each in fresh interpreters that have imported torch and touched the GPU: a bundle that is loaded and called;
a bundle that is warmed first; Helion's own JIT with the configs of the build file, Triton's cache empty, and then
full; and the same generated sources launched by Triton's own JIT, with an empty cache and a full one (the kernels
alone: what the host does around them is not there). ``--peer`` adds two: PyTorch's Helion, installed or unpacked in
that directory, runs the same sources of the author's at fixed configs, those of the build file, or its own defaults
where that has none, again with an empty cache and a full one. Kernels that it does not run are listed with its errors,
and every way has its sum over the kernels that it runs.

Times of calls are summed and wait for the GPU; making the arguments is not counted. Figures are medians, but for
the empty caches, which there are once. Without a GPU the bundle's calls go to a driver that launches nothing, and what
compiles is left out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import attrs

from benchmarks.serving_first_calls.measuring import measure

KERNELS = Path(__file__).parents[1] / "serving_kernels.toml"


def main() -> None:
    """Print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernels", type=Path, default=KERNELS, help="a build file")
    parser.add_argument("--peer", type=Path, metavar="DIR", help="where PyTorch's Helion lies")
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    options = parser.parse_args()
    if options.peer is not None and not (options.peer / "helion").is_dir():
        parser.error(f"--peer {options.peer}: there is no package `helion` in it")
    with tempfile.TemporaryDirectory() as folder:
        report = measure(options.kernels.resolve(), options.processes, Path(folder), options.peer)
    print(report.table())
    if options.output is not None:
        options.output.write_text(json.dumps(attrs.asdict(report), indent=1))


if __name__ == "__main__":
    main()
