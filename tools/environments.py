"""The environments of ``tox.ini``, run so that no core is idle while another one works.

In: their names, and arguments for what they run. Out: how each ended, in the order of ``env_list``.

Most environments keep one core busy: two of those run beside each other, and what one prints is shown when it ends.
Those whose pytest has workers of its own come behind them, one at a time, seen as they go. Whoever ``depends`` on
another environment begins when that has ended. Assumed: ``env_list`` names it after what it depends on.
"""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from dependencies import ROOT
from workspace import PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from concurrent.futures import Future

BESIDE_EACH_OTHER = 2
"""As many as a small machine has cores."""

HAVE_WORKERS = frozenset({"compiler", "integration"})
"""What tox.ini runs with ``pytest -n``."""

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


class Environment(NamedTuple):
    """One of ``env_list``, with the names of those whose work it uses."""

    name: str
    depends: frozenset[str]


def environments() -> list[Environment]:
    """Those of ``env_list``, in its order."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini")
    names = [name.strip() for name in settings["tox"]["env_list"].split(",")]
    usual = settings["testenv"]["depends"]
    needed = [settings.get(f"testenv:{name}", "depends", fallback=usual) for name in names]
    return [
        Environment(name, frozenset(needed.split()) - {name})
        for name, needed in zip(names, needed, strict=True)
    ]


def run_all(
    wanted: Collection[str], show: Callable[[str], Outcome], keep: Callable[[str], Outcome]
) -> list[Outcome]:
    """Run the environments of these names.

    Args:
        wanted: Their names.
        show: Runs one and shows what it prints as it comes.
        keep: The same for one that runs while others do, in a thread: it shows all when it has ended.
    """
    chosen = [environment for environment in environments() if environment.name in wanted]
    alone = [environment.name for environment in chosen if environment.name in HAVE_WORKERS]
    beside = [environment for environment in chosen if environment.name not in HAVE_WORKERS]
    if len(beside) > 2:
        outcomes = _beside_each_other(beside, keep)
    else:  # the wheels, and what was asked for
        outcomes = [show(environment.name) for environment in beside]
    outcomes += [show(name) for name in alone]
    order = [environment.name for environment in chosen]
    return sorted(outcomes, key=lambda outcome: order.index(outcome.name))


def _beside_each_other(
    chosen: Sequence[Environment], keep: Callable[[str], Outcome]
) -> list[Outcome]:
    begun: dict[str, Future[Outcome]] = {}

    def run_in_turn(environment: Environment) -> Outcome:
        for name in environment.depends & begun.keys():
            begun[name].result()
        return keep(environment.name)

    threads = ThreadPoolExecutor(BESIDE_EACH_OTHER)
    try:
        for environment in chosen:
            begun[environment.name] = threads.submit(run_in_turn, environment)
        return [each.result() for each in begun.values()]
    finally:
        threads.shutdown(cancel_futures=True)  # when interrupted, what has not begun never does


def run_shown(name: str, arguments: Sequence[str]) -> Outcome:
    """Run one, showing what it prints as it comes."""
    print(_heading(name), flush=True)
    return _run(name, arguments, lambda line: print(line, end="", flush=True))


def run_kept(name: str, arguments: Sequence[str]) -> Outcome:
    """Run one, showing what it prints in one piece when it has ended."""
    print(f"\n   {name} begins", flush=True)
    lines = [f"{_heading(name)}\n"]
    outcome = _run(name, arguments, lines.append)
    print("".join(lines), end="", flush=True)
    return outcome


def _heading(name: str) -> str:
    return f"\n── {name} {'─' * (74 - len(name))}"


def _run(name: str, arguments: Sequence[str], show: Callable[[str], object]) -> Outcome:
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
            show(line)
            if summary := PYTEST_SUMMARY.match(ANSI.sub("", line)):
                tests = summary[1]
    return Outcome(name, process.returncode == 0, time.monotonic() - began, tests)
