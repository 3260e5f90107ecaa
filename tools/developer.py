"""The commands of ``./dev``: what each prints, runs and returns. Setting up is :mod:`workspace`'s, running tox's
environments beside each other :mod:`environments`'s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from dependencies import ROOT
from environments import Outcome, environments, run_all, run_kept, run_shown
from workspace import PYTHON, SetupError, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKS = (
    ("lint", ("ruff", "check", "--quiet", ".")),
    ("format", ("ruff", "format", "--check", "--quiet", ".")),
    ("imports", ("lint-imports", "--no-logo")),
    ("types", ("mypy",)),
    ("types, tools", ("mypy", "tools", "examples", "benchmarks")),
)


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit status says whether it succeeded."""
    if "--" in arguments:
        split = arguments.index("--")
        arguments, extra = arguments[:split], arguments[split + 1 :]
    else:
        extra = []
    options = _parser().parse_args(arguments, argparse.Namespace(extra=extra))
    try:
        return int(options.run(options))
    except SetupError as error:
        print(f"\n./dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n./dev: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev",
        description="Sets up what it needs inside the checkout, then runs. Needs Python 3.11 or newer with pip.",
    )
    commands = parser.add_subparsers(required=True, metavar="demo | test | check")
    demo = commands.add_parser(
        "demo", help="a matmul: written, lowered, run, checked; on a GPU also tuned"
    )
    demo.set_defaults(run=_demo)
    test = commands.add_parser("test", help="all checks and tests: the environments of tox.ini")
    test.add_argument(
        "environments",
        nargs="*",
        metavar="environment",
        type=_environment,
        help=f"only these, of {', '.join(_names())}; what follows -- goes to what they run",
    )
    test.set_defaults(run=_test)
    check = commands.add_parser("check", help="lint, format, imports and types, in seconds")
    check.set_defaults(run=_check)
    return parser


def _demo(_: argparse.Namespace) -> int:
    prepare(tools=False)
    demo = [str(PYTHON), str(ROOT / "examples" / "demo.py")]
    environment = {"PYTHONIOENCODING": ":replace", **os.environ}  # as in ./dev
    return subprocess.run(demo, env=environment, check=False).returncode


def _check(_: argparse.Namespace) -> int:
    prepare(tools=True)
    outcomes = []
    all_began = time.monotonic()
    for name, (program, *rest) in CHECKS:
        began = time.monotonic()
        status = subprocess.run(
            [str(PYTHON.with_name(program)), *rest], cwd=ROOT, check=False
        ).returncode
        outcomes.append(Outcome(name, status == 0, time.monotonic() - began))
    return _report(outcomes, time.monotonic() - all_began)


def _test(options: argparse.Namespace) -> int:
    prepare(tools=True)
    wanted = {*options.environments, "wheels"} if options.environments else set(_names())
    began = time.monotonic()
    outcomes = run_all(
        wanted,
        show=lambda name: run_shown(name, options.extra),
        keep=lambda name: run_kept(name, options.extra),
    )
    return _report(outcomes, time.monotonic() - began)


def _environment(name: str) -> str:
    if name not in (names := _names()):
        raise argparse.ArgumentTypeError(
            f"tox.ini has no environment {name!r}, only {', '.join(names)}"
        )
    return name


def _names() -> list[str]:
    return [environment.name for environment in environments()]


def _report(outcomes: Sequence[Outcome], seconds: float) -> int:
    print(f"\n{'environment':<14}{'outcome':<10}{'seconds':>8}   tests")
    for outcome in outcomes:
        verdict = "ok" if outcome.passed else "FAILED"
        print(f"{outcome.name:<14}{verdict:<10}{outcome.seconds:8.0f}   {outcome.tests}".rstrip())
    failed = [outcome.name for outcome in outcomes if not outcome.passed]
    if failed:
        print(
            f"\n{len(failed)} of {len(outcomes)} failed after {seconds:.0f} s: {', '.join(failed)}"
        )
        return 1
    print(f"\nAll {len(outcomes)} passed in {seconds:.0f} s.")
    return 0
