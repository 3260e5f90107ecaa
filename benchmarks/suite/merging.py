"""Results of several runs as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.suite.records import LIMIT, CaseRecord, Results

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Where joined results keep the commits of their runs.
COMMITS = "commits"


def merged(runs: Iterable[Results]) -> Results:
    """Of each way of a case, what the last run that tried it says, beside the limit of that very run."""
    cases: dict[str, CaseRecord] = {}
    machine: dict[str, Any] = {}
    options: dict[str, Any] = {}
    commits: dict[str, None] = {}
    for run in runs:
        machine, options = run.machine or machine, run.options or options
        commits.update(dict.fromkeys(commits_of(run.machine)))
        for case in run.cases:
            known = cases.get(case.name)
            if known is None or case.ways:
                cases[case.name] = case if known is None else _over(known, case)
    if commits:
        machine = {**machine, COMMITS: list(commits)}
    return Results(machine, options, list(cases.values()))


def commits_of(machine: Mapping[str, Any]) -> tuple[str, ...]:
    """What was measured: one commit, or those of runs that were joined, in their order."""
    joined = machine.get(COMMITS) or [machine.get("commit")]
    return tuple(commit for commit in joined if commit)


def _over(known: CaseRecord, case: CaseRecord) -> CaseRecord:
    """A record with the ways of both; what both have is that of ``case``."""
    limits = {
        way: one.limit_beside(way) for one in (known, case) for way in one.ways if way != LIMIT
    }
    ways = {**known.ways, **case.ways}
    if case.ms(LIMIT) is None and known.ms(LIMIT) is not None:
        ways[LIMIT] = known.ways[LIMIT]
        case = attrs.evolve(case, limit=known.limit, limit_scale=known.limit_scale)
    return attrs.evolve(case, ways=ways, limits=limits, bytes=case.bytes or known.bytes)
