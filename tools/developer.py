"""The commands of ``./dev``: what each prints, runs and returns. Setting up is :mod:`workspace`'s."""

from __future__ import annotations

import argparse
import configparser
import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from dependencies import ROOT
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
PYTEST_SUMMARY = re.compile(
    r"^=+ (.*\b(?:passed|failed|skipped|error|errors|deselected)\b.*) in [\d.]+s"
)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Outcome(NamedTuple):
    """How one environment or check ended. ``tests`` is pytest's count, where it ran."""

    name: str
    passed: bool
    seconds: float
    tests: str = ""


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
    test = commands.add_parser(
        "test", help="all checks and tests, each environment of tox.ini in turn"
    )
    test.add_argument(
        "environments",
        nargs="*",
        metavar="environment",
        type=_environment,
        help=f"only these, of {', '.join(_environments())}; what follows -- goes to what they run",
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
    for name, (program, *rest) in CHECKS:
        began = time.monotonic()
        status = subprocess.run(
            [str(PYTHON.with_name(program)), *rest], cwd=ROOT, check=False
        ).returncode
        outcomes.append(Outcome(name, status == 0, time.monotonic() - began))
    return _report(outcomes)


def _test(options: argparse.Namespace) -> int:
    prepare(tools=True)
    known = _environments()
    wanted = {*options.environments, "wheels"} if options.environments else set(known)
    return _report([_run_environment(name, options.extra) for name in known if name in wanted])


def _environment(name: str) -> str:
    if name not in _environments():
        known = ", ".join(_environments())
        raise argparse.ArgumentTypeError(f"tox.ini has no environment {name!r}, only {known}")
    return name


def _environments() -> list[str]:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini")
    return [name.strip() for name in settings["tox"]["env_list"].split(",")]


def _run_environment(name: str, arguments: Sequence[str]) -> Outcome:
    print(f"\n── {name} {'─' * (74 - len(name))}", flush=True)
    began = time.monotonic()
    extra = ["--", *arguments] if arguments and name != "wheels" else []
    command = [str(PYTHON), "-m", "tox", "run", "--quiet", "-e", name, *extra]
    environment = {
        **os.environ,
        **({"PY_COLORS": "1", "FORCE_COLOR": "1"} if sys.stdout.isatty() else {}),
    }
    tests = ""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if summary := PYTEST_SUMMARY.match(ANSI.sub("", line)):
                tests = summary[1]
    return Outcome(name, process.returncode == 0, time.monotonic() - began, tests)


def _report(outcomes: Sequence[Outcome]) -> int:
    print(f"\n{'environment':<14}{'outcome':<10}{'seconds':>8}   tests")
    for outcome in outcomes:
        verdict = "ok" if outcome.passed else "FAILED"
        print(f"{outcome.name:<14}{verdict:<10}{outcome.seconds:8.0f}   {outcome.tests}".rstrip())
    failed = [outcome.name for outcome in outcomes if not outcome.passed]
    total = sum(outcome.seconds for outcome in outcomes)
    if failed:
        print(f"\n{len(failed)} of {len(outcomes)} failed after {total:.0f} s: {', '.join(failed)}")
        return 1
    print(f"\nAll {len(outcomes)} passed in {total:.0f} s.")
    return 0
