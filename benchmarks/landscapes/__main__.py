"""Compare strategies on all landscapes.

python -m benchmarks.landscapes [--strategies default,random] [--seeds 5] [--json PATH]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.landscapes.kernels import landscapes
from helion_autotune.cli.replay_command import table
from helion_autotune.replay import compare
from helion_autotune.strategies import strategy

STRATEGIES = "default,surrogate,pattern,differential_evolution,sobol,random,forest"


def main(arguments: list[str]) -> None:
    """Print the table, and write the rows where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strategies", default=STRATEGIES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--after", type=int, nargs="+", default=[16, 32, 64, 96])
    parser.add_argument("--unseeded", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    found = landscapes()
    for one in found:
        start = one.seeds_best_ms / one.best_ms - 1
        print(
            f"{one.name}: {one.space.size} points, {one.failing:.0%} fail, "
            f"best {one.best_ms:.4g} ms, seeds {start:+.0%}"
        )
    makers = {name: (lambda name=name: strategy(name)) for name in given.strategies.split(",")}
    comparison = compare(
        found, makers, seeds=given.seeds, after=given.after, seeded=not given.unseeded,
        told=lambda name, problem: print(f"... {name} on {problem.name}", file=sys.stderr),
    )  # fmt: skip
    print("\n".join(table(comparison)))
    if given.json is not None:
        given.json.write_text(json.dumps(comparison.to_json(), indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
