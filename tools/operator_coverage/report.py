"""Results as text: a table of what differs, and docs/coverage.md."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from operator_coverage.results import AGREES, CRASHED, REFUSED, WRONG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from operator_coverage.results import Finding, Result

_HEAD = """# Operators inside tile loops

Every entry of PyTorch's own operator database (`torch.testing`, torch {torch}) was put into a kernel, for each of its
element types but complex ones: on tiles over all dimensions of the result where the operator works element by element,
on tiles of rows where rows do not depend on each other, and on whole tensors else, with partial tiles, strided
operands, empty ones, and NaN and infinities for pointwise functions. The kernels ran in the interpreter, results were
compared with torch. Up to four different calls ran for each element type; in float32 one kernel of each kind was also
compiled for an H100.

    python tools/operator_coverage run --results coverage.jsonl --dtypes float32
    python tools/operator_coverage run --results coverage.jsonl --no-compile
    python tools/operator_coverage write --results coverage.jsonl docs/coverage.md

"""
_SHORT = {
    "float32": "f32", "bfloat16": "bf16", "float16": "f16", "float64": "f64", "int64": "i64",
    "int32": "i32", "int16": "i16", "int8": "i8", "uint8": "u8", "bool": "bool",
}  # fmt: skip


def shown(results: Sequence[Result], statuses: Iterable[str]) -> str:
    """One line per call that ended in one of ``statuses``, then the count of each status."""
    wanted = set(statuses)
    lines = [
        f"{r.operator} {r.dtype} [{f.mode}] {f.call[:140]}\n    {f.status} {f.error}: {f.reason}"
        for r in results
        for f in r.findings
        if f.status in wanted
    ]
    counts = Counter(result.status for result in results)
    return "\n".join([*lines, ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))])


def report(results: Sequence[Result], torch: str) -> str:
    """The page: figures, then operators that work with their element types, then refusals by reason."""
    by_operator: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_operator[result.operator].append(result)
    working = {name: found for name, found in by_operator.items() if _has(found, AGREES)}
    refused = {name: found for name, found in by_operator.items() if name not in working}
    lines = [
        _figures(by_operator, working, results),
        "",
        "## What works",
        "",
        "| operator | element types | calls that are refused |",
        "|---|---|---|",
        *(_row(name, found) for name, found in sorted(working.items())),
        "",
        "## What is refused",
        "",
        "| reason | operators |",
        "|---|---|",
        *_reasons(refused),
        *_faults(results),
    ]
    return _HEAD.format(torch=torch) + "\n".join(lines) + "\n"


def _figures(
    operators: Mapping[str, Sequence[Result]],
    working: Mapping[str, Sequence[Result]],
    results: Sequence[Result],
) -> str:
    pointwise = [name for name, found in operators.items() if found[0].elementwise]
    counts = Counter(result.status for result in results)
    clean = sum(map(_clean, results))
    return f"""{len(working)} of {len(operators)} operators work; of the {len(pointwise)} that the database calls \
pointwise functions, {sum(name in working for name in pointwise)}. Of {len(results)} pairs of operator and element
type, {clean} work in every call tried, {counts[AGREES] - clean} in some, {counts[REFUSED]} are refused with operator, \
place and reason, {counts[WRONG]} differ from torch, {counts[CRASHED]} fail otherwise."""


def _has(results: Iterable[Result], status: str) -> bool:
    return any(finding.status == status for result in results for finding in result.findings)


def _clean(result: Result) -> bool:
    return all(finding.status == AGREES for finding in result.findings)


def _row(name: str, results: Sequence[Result]) -> str:
    types = [_SHORT[r.dtype] for r in results if r.status == AGREES]
    refusals = {_reason(f) for r in results for f in r.findings if f.status == REFUSED}
    return f"| {name} | {' '.join(types)} | {'; '.join(sorted(refusals)[:3])} |"


def _reasons(refused: Mapping[str, Sequence[Result]]) -> list[str]:
    operators: dict[str, list[str]] = defaultdict(list)
    for name, found in refused.items():
        findings = [f for r in found for f in r.findings if f.status == REFUSED]
        if findings:
            operators[_reason(findings[0])].append(name)
    ordered = sorted(operators.items(), key=lambda item: (-len(item[1]), item[0]))
    return [f"| {reason} | {', '.join(sorted(names))} |" for reason, names in ordered]


def _faults(results: Sequence[Result]) -> list[str]:
    faults = [
        f"* {r.operator} {r.dtype} {f.call[:100]}: {f.error} {f.reason[:200]}"
        for r in results
        for f in r.findings
        if f.status in (WRONG, CRASHED)
    ]
    return ["", "## What differs or fails", "", *faults] if faults else []


def _reason(finding: Finding) -> str:
    """Class and message in short, without what differs from call to call."""
    text = (
        finding.reason.replace("` cannot be compiled: ", "`: ").replace("|", "/").replace("\n", " ")
    )
    text = re.sub(r"\([^()]*(\([^()]*\)[^()]*)*\)", "", text).strip()
    return f"{finding.error}: {text[:110]}"
