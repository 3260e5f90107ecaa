"""Outcomes counted, for each kernel and in all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from benchmarks.space_correctness.outcome import COMPILED, EXCLUDED, FAILURES, is_failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.space_correctness.outcome import Outcome


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """As JSON: counts in all, by kernel and by target, refusals by their class, and every failure in full."""
    kernels = dict.fromkeys(f"{one.case}/{one.kernel}" for one in outcomes)
    return {
        "configs": len(outcomes),
        "kinds": _kinds(outcomes),
        "refusals": dict(Counter(one.refusal for one in outcomes if one.kind == "refused")),
        "targets": _targets(outcomes),
        "kernels": {
            name: {
                "kinds": _kinds(mine := [o for o in outcomes if f"{o.case}/{o.kernel}" == name]),
                "targets": _targets(mine),
            }
            for name in kernels
        },
        "failures": [
            {"case": one.case, "draw": one.draw, "kernel": one.kernel, "call": one.call}
            | {"kind": one.kind, "detail": one.detail, "config": one.config}
            for one in outcomes
            if one.kind in FAILURES
        ],
        "not compiled": [
            {"case": one.case, "draw": one.draw, "kernel": one.kernel, "call": one.call}
            | {"target": name, "detail": answer}
            | {"config": one.instead[name]["config"] if name in one.instead else one.config}
            for one in outcomes
            for name, answer in one.targets.items()
            if is_failure(answer)
        ],
    }


def text(summary: dict[str, Any]) -> str:
    """For people: what is not equal, and the counts."""
    lines = []
    for name, counts in summary["kernels"].items():
        kinds = counts["kinds"]
        told = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
        compiled = ", ".join(
            f"{target} {found['ok']}/{found['ok'] + found['excluded'] + found['failed']}"
            for target, found in counts["targets"].items()
        )
        lines.append(f"{name}: {told}" + (f"; compiled for {compiled}" if compiled else ""))
    for failure in summary["failures"]:
        last = failure["detail"].strip().splitlines()[-1:] or [""]
        lines.append(
            f"{failure['kind'].upper()} {failure['case']}/{failure['kernel']} draw {failure['draw']} "
            f"({failure['call']}): {last[0][:300]}\n    {failure['config']}"
        )
    for failure in summary["not compiled"]:
        lines.append(
            f"{failure['target']}: {failure['case']}/{failure['kernel']} draw {failure['draw']} ({failure['call']}): "
            f"{_short(failure['detail'])}\n    {failure['config']}"
        )
    refusals = ", ".join(f"{number} {name}" for name, number in summary["refusals"].items())
    total = ", ".join(f"{number} {kind}" for kind, number in summary["kinds"].items())
    lines.append(f"{summary['configs']} configs: {total}" + (f" ({refusals})" if refusals else ""))
    for target, found in summary["targets"].items():
        reasons = ", ".join(f"{number} {name}" for name, number in found["reasons"].items())
        lines.append(
            f"{target}: {found['ok']} compile, {found['excluded']} are excluded, {found['failed']} fail"
            + (f": {reasons}" if reasons else "")
            + f" ({found['instead']} of its own space, which does not have the config; "
            f"{found['seconds']:.0f} s in all)"
        )
    return "\n".join(lines)


def _kinds(outcomes: Iterable[Outcome]) -> dict[str, int]:
    return dict(Counter(one.kind for one in outcomes).most_common())


def _targets(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    names = dict.fromkeys(name for one in outcomes for name in one.targets)
    found = {}
    for name in names:
        answers = [one.targets[name] for one in outcomes if name in one.targets]
        others = [answer for answer in answers if answer != COMPILED]
        found[name] = {
            "ok": len(answers) - len(others),
            "excluded": sum(answer.startswith(EXCLUDED) for answer in others),
            "failed": sum(is_failure(answer) for answer in others),
            "instead": sum(name in one.instead for one in outcomes),
            "seconds": sum(one.seconds.get(name, 0.0) for one in outcomes),
            "reasons": dict(Counter(_short(answer) for answer in others).most_common(20)),
        }
    return found


def _short(reason: str) -> str:
    return " ".join(reason.split())[:160]
