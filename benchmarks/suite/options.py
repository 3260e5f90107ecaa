"""The command line, checked."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.suite import spread
from benchmarks.suite.cases import selected
from benchmarks.suite.records import read_results
from benchmarks.suite.task import Task
from benchmarks.suite.ways import TUNED, WAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.suite.case import Case

USUAL = ("ours_default", "eager", "compiled", "ours_tuned")
PEER = ("peer", "peer_our_config")

# Seconds that a way may take to get ready, besides searches.
_START = 90.0
_READY = {"ours_default": 30.0, "eager": 20.0, "compiled": 90.0, TUNED: 60.0, "peer": 180.0}
_MAX_AUTOTUNE = 240.0


@attrs.frozen(kw_only=True)
class Options:
    """What to measure, and how."""

    cases: tuple[Case, ...]
    ways: tuple[str, ...]
    seconds: float
    peer_seconds: float
    budget: float | None
    max_autotune: bool
    peer: Path | None
    configs: dict[str, dict[str, Any]]
    output: Path
    spread: bool

    def tasks(self) -> list[Task]:
        """One for each case."""
        return [
            Task(
                case=case.name,
                ways=self.ways,
                folder=self.output,
                seconds=self.seconds,
                peer_seconds=self.peer_seconds,
                max_autotune=self.max_autotune,
                peer=None if self.peer is None else str(self.peer),
                config=self.configs.get(case.name),
            )
            for case in self.cases
        ]

    def seconds_of_a_case(self) -> float:
        """When a case has hung."""
        total = _START + sum(_READY.get(way, 60.0) for way in self.ways)
        total += self.seconds * (TUNED in self.ways) + 2 * self.peer_seconds * ("peer" in self.ways)
        return total + (_MAX_AUTOTUNE if self.max_autotune and "compiled" in self.ways else 0.0)

    def as_json(self) -> dict[str, Any]:
        """For the results."""
        return {
            "ways": list(self.ways),
            "seconds_per_kernel": self.seconds,
            "peer_seconds": self.peer_seconds,
            "budget": self.budget,
            "max_autotune": self.max_autotune,
            "peer": self.peer is not None,
            "stored_configs": sorted(self.configs),
        }


def parse(arguments: Sequence[str]) -> Options:
    """The options; a mistake ends the program with a message, as ``argparse`` does."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        return Options(
            cases=_left(selected(given.only), given.skip),
            ways=_ways(given),
            seconds=given.seconds_per_kernel,
            peer_seconds=given.peer_seconds or given.seconds_per_kernel,
            budget=given.budget,
            max_autotune=given.max_autotune,
            peer=_directory_of_peer(given.peer),
            configs={} if given.configs is None else stored_configs(given.configs),
            output=given.output,
            spread=given.spread,
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))


def stored_configs(path: Path) -> dict[str, dict[str, Any]]:
    """The tuned config of each case in the results of an earlier run."""
    found = {}
    for case in read_results(path).cases:
        tuned = case.ways.get(TUNED)
        if tuned is not None and tuned.config is not None:
            found[case.name] = tuned.config
    return found


def _left(cases: Sequence[Case], done: Sequence[Path]) -> tuple[Case, ...]:
    """The cases that no earlier run has measured to the end."""
    known = {
        record.name
        for path in done
        for record in read_results(path).cases
        if record.ending == "measured"
    }
    return tuple(case for case in cases if case.name not in known)


def _ways(given: argparse.Namespace) -> tuple[str, ...]:
    if given.ways is None:
        chosen = spread.WAYS if given.spread else (*USUAL, *(PEER if given.peer else ()))
    else:
        chosen = tuple(name.strip() for name in given.ways.split(","))
    unknown = [name for name in chosen if name not in WAYS]
    if unknown:
        raise ValueError(f"unknown ways: {', '.join(unknown)}; there are {', '.join(WAYS)}")
    return tuple(name for name in WAYS if name in chosen)


def _directory_of_peer(path: Path | None) -> Path | None:
    if path is not None and not (path / "helion").is_dir():
        raise ValueError(f"{path} has no folder helion: unpack the wheel there")
    return path


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise ValueError
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.suite",
        description="Measure kernels of the gallery on this machine's GPU, beside torch and a physical limit.",
    )
    add = parser.add_argument
    add("--only", nargs="+", default=[], metavar="PATTERN", help="cases, by how their names begin")
    add("--skip", nargs="+", default=[], type=Path, metavar="FILE", help="results of earlier runs")
    add("--ways", metavar="WAY,...", help=f"of {', '.join(WAYS)}")
    add("--seconds-per-kernel", type=_positive, default=20.0, help="for each search (20)")
    add("--peer-seconds", type=_positive, help="for each search of the peer (as many)")
    add("--peer", type=Path, metavar="DIR", help="where PyTorch's Helion is installed or unpacked")
    add("--budget", type=_positive, metavar="SECONDS", help="for everything; later cases are left")
    add("--configs", type=Path, metavar="FILE", help="results whose tuned configs are run instead")
    add("--max-autotune", action="store_true", help="let torch.compile search, too; slow")
    add("--spread", action="store_true", help="compare default configs with tuned ones alone")
    add("--output", type=Path, required=True, metavar="DIR", help="where results are written")
    return parser
