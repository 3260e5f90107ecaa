"""Which operators of torch work in kernels: every entry of PyTorch's own database, in a kernel, compared with torch.

    python tools/operator_coverage run --results coverage.jsonl [--only REGEX] [--shard 1/4] [--dtypes float32 int64]
    python tools/operator_coverage show --results coverage.jsonl [--status wrong crashed]
    python tools/operator_coverage write --results coverage.jsonl docs/coverage.md
    python tools/operator_coverage mistakes [--only REGEX]

`mistakes` puts the database's wrong calls into kernels, and shows those that are not refused. `run` adds to its file as
it goes and passes over what is there already; `--again` runs that anew.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from operator_coverage.check import check
from operator_coverage.database import DTYPES, operators
from operator_coverage.mistakes import REFUSED, mistakes
from operator_coverage.report import report, shown
from operator_coverage.results import Store


def main() -> int:
    """Run one command; the exit status is 1 if anything is wrong or crashed."""
    options = _parser().parse_args()
    if options.command == "mistakes":
        return _show_mistakes(options.only)
    store = Store(options.results)
    if options.command == "run" and not options.inside:
        _run_in_children(options, store)
    elif options.command == "run":
        return _run(options, store)
    results = list(store.read().values())
    if options.command == "write":
        options.page.write_text(report(results, torch.__version__.partition("+")[0]))
        return 0
    wanted = [r for r in results if re.search(options.only, r.operator)]
    print(shown(wanted, options.status))
    return int(any(r.status in ("wrong", "crashed") for r in wanted))


def _run_in_children(options: argparse.Namespace, store: Store) -> None:
    """Run in a process that may die: what it died of is a finding, and another goes on after it."""
    if options.again:
        store.forget(options.only)
    while subprocess.run([sys.executable, *sys.argv, "--inside"], check=False).returncode:
        if not store.add_death():
            sys.exit("the checks cannot run at all")


def _run(options: argparse.Namespace, store: Store) -> int:
    done = store.read()
    number, of = map(int, options.shard.split("/"))
    chosen = [o for o in operators() if re.search(options.only, o.name)]
    dtypes = [d for d in DTYPES if not options.dtypes or str(d)[6:] in options.dtypes]
    for dtype in dtypes:
        for operator in chosen[number - 1 :: of]:
            if dtype not in operator.dtypes() or (operator.name, str(dtype)[6:]) in done:
                continue
            start = time.perf_counter()
            store.begin(operator.name, str(dtype)[6:], elementwise=operator.elementwise)
            result = check(operator, dtype, options.samples, compiles=not options.no_compile)
            if result is None:
                continue
            store.add(result)
            if options.verbose:
                taken = time.perf_counter() - start
                print(
                    f"{taken:6.2f} s {result.dtype:9}{operator.name}: {result.status}", flush=True
                )
    return 0


def _show_mistakes(only: str) -> int:
    counts: Counter[str] = Counter()
    for operator in operators():
        if re.search(only, operator.name):
            for mistake in mistakes(operator):
                counts[mistake.status] += 1
                if mistake.status != REFUSED:
                    print(
                        f"{mistake.operator} {mistake.call[:120]}\n    torch: {mistake.wanted}\n"
                        f"    {mistake.status} {mistake.found}",
                        flush=True,
                    )
    print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    return int(bool(counts.keys() - {REFUSED}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="operator_coverage")
    commands = parser.add_subparsers(dest="command", required=True)
    mistakes_command = commands.add_parser("mistakes")
    mistakes_command.add_argument("--only", default="")
    for name in ("run", "show", "write"):
        command = commands.add_parser(name)
        command.add_argument("--results", type=Path, required=True)
        command.add_argument("--only", default="")
        command.add_argument("--status", nargs="*", default=["wrong", "crashed"])
        if name == "write":
            command.add_argument("page", type=Path)
        if name == "run":
            command.add_argument("--shard", default="1/1")
            command.add_argument("--dtypes", nargs="*", default=[])
            command.add_argument("--samples", type=int, default=4)
            command.add_argument("--again", action="store_true")
            command.add_argument("--no-compile", action="store_true")
            command.add_argument("--verbose", action="store_true")
            command.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
