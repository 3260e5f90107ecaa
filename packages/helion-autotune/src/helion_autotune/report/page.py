"""The page: one HTML file with everything in it, light or dark as the reader's system is."""

from __future__ import annotations

import json
from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from helion_autotune.progress import format_ms
from helion_autotune.report.charts import importance_chart, parallel_chart, progress_chart
from helion_autotune.report.importance import FEWEST, importances
from helion_autotune.report.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helion_autotune.point import Point
    from helion_autotune.report.session_summary import SessionSummary
    from helion_autotune.trial import Status, Trial

#: Causes of one kind of failure that are shown.
CAUSES = 5


def page(summaries: Sequence[SessionSummary], title: str = "Tuning report") -> str:
    """The HTML of a page about these sessions."""
    links = ""
    if len(summaries) > 1:
        items = "".join(
            f'<li><a href="#s{n}">{escape(one.name)}</a> {_headline(one)}</li>'
            for n, one in enumerate(summaries)
        )
        links = f'<nav class="card"><ul>{items}</ul></nav>'
    sections = "\n".join(_section(one, f"s{n}") for n, one in enumerate(summaries))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{escape(title)}</h1>{links}\n{sections}</main></body></html>\n"
    )


def _headline(summary: SessionSummary) -> str:
    if summary.best is None:
        return f"<span class=muted>nothing worked of {len(summary.trials)}</span>"
    return f"<span class=muted>{format_ms(summary.best.milliseconds)} ms{_gain(summary)}</span>"


def _section(summary: SessionSummary, anchor: str) -> str:
    parts = [
        f'<section id="{anchor}"><h2>{escape(summary.name)}</h2>',
        _key(summary.key),
        _tiles(summary),
    ]
    if summary.best is not None:
        shares = importances(summary.parameters, [one.trial for one in summary.trials])
        by_count, by_time = (progress_chart(summary, over_time=over) for over in (False, True))
        parts += [
            _pair(
                _card("Best so far, by evaluations", by_count),
                _card("Best so far, by seconds of searching", by_time),
            ),
            _pair(_importance(shares, len(summary.worked)), _winner(summary)),
            _parallel(summary, list(shares) or list(summary.best.point)),
        ]
    parts.append(_failures(summary))
    return "\n".join([*parts, "</section>"])


def _pair(one: str, other: str) -> str:
    return f'<div class="pair">{one}{other}</div>'


def _parallel(summary: SessionSummary, order: Sequence[str]) -> str:
    chart = parallel_chart(summary, order)
    if not chart:
        return ""
    kinds = {
        "winner": "the winner",
        "near": "within 5 % of the fastest",
        "close": "within 30 %",
        "far": "slower",
    }
    keys = "".join(
        f'<span><i class="key {kind}"></i> {words}</span>' for kind, words in kinds.items()
    )
    return _card(
        "The fastest trials, parameter by parameter",
        f'<p class="legend">{keys}</p><div class="wide">{chart}</div>',
    )


def _key(key: str) -> str:
    try:
        shown = json.dumps(json.loads(key), indent=1)
    except ValueError:
        shown = key
    if not shown:
        return ""
    return f"<details><summary>Key</summary><pre>{escape(shown)}</pre></details>"


def _tiles(summary: SessionSummary) -> str:
    failed = len(summary.trials) - len(summary.worked)
    tiles = [("evaluations", f"{len(summary.trials):,}"), ("failed", f"{failed:,}")]
    if summary.best is not None:
        tiles.insert(0, ("best", f"{format_ms(summary.best.milliseconds)} ms"))
        if summary.usual is not None and summary.usual.ok:
            faster = summary.usual.milliseconds / summary.best.milliseconds
            tiles.insert(1, ("as fast as untuned", f"{faster:.2f}×"))
    if summary.trials:
        tiles.append(("searching", f"{summary.trials[-1].seconds:.0f} s"))
    inside = "".join(
        f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in tiles
    )
    return f'<div class="tiles">{inside}</div>'


def _gain(summary: SessionSummary) -> str:
    if summary.best is None or summary.usual is None or not summary.usual.ok:
        return ""
    return f", {summary.usual.milliseconds / summary.best.milliseconds:.2f}× as fast as untuned"


def _importance(shares: dict[str, float], worked: int) -> str:
    if not shares:
        why = (
            f"{worked} successes"
            if worked < FEWEST
            else "records without a description of the space, or equal times"
        )
        return _card("What mattered", f"<p class=muted>Too little to tell: {why}.</p>")
    note = (
        "<p class=muted>How much of the variation of the time is lost on a model when one parameter is shuffled; what "
        "parameters do together counts for each.</p>"
    )
    return _card("What mattered", importance_chart(shares) + note)


def _winner(summary: SessionSummary) -> str:
    """The winner beside what runs untuned; the parameters that differ first."""
    assert summary.best is not None
    best, usual = summary.best, summary.usual
    beside: Point | None = usual.point if usual is not None else summary.default
    values = {
        name: ("" if beside is None else _shown(beside, name), _shown(best.point, name))
        for name in best.point
    }
    rows = []
    for name, (before, after) in sorted(values.items(), key=lambda row: row[1][0] == row[1][1]):
        kind = ' class="changed"' if beside is not None and before != after else ""
        cells = "".join(f"<td>{escape(one)}</td>" for one in (name, before, after))
        rows.append(f"<tr{kind}>{cells}</tr>")
    took = "not tried" if usual is None else usual.status.value
    if usual is not None and usual.ok:
        took = f"{format_ms(usual.milliseconds)} ms"
    head = (
        "<tr><th></th><th>untuned</th><th>winner</th></tr>"
        f"<tr><th>time</th><th>{escape(took)}</th><th>{format_ms(best.milliseconds)} ms</th></tr>"
    )
    table = f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'
    return _card("The winner beside what runs untuned", table)


def _shown(point: Point, name: str) -> str:
    return json.dumps(point.to_json().get(name), ensure_ascii=False)


def _failures(summary: SessionSummary) -> str:
    failed = [one.trial for one in summary.trials if not one.trial.ok]
    if not failed:
        return _card("Failures", "<p class=muted>None.</p>")
    rows: list[str] = []
    for status, count in Counter(trial.status for trial in failed).most_common():
        rows += _causes(status, count, [trial for trial in failed if trial.status is status])
    head = "<tr><th>what</th><th class=count>times</th><th>cause</th></tr>"
    return _card("Failures by cause", f'<table class="failures">{head}{"".join(rows)}</table>')


def _causes(status: Status, count: int, failed: Sequence[Trial]) -> Iterator[str]:
    """Rows of the most common causes of one kind of failure, each with an example."""
    causes = Counter(_first_line(trial.error) for trial in failed).most_common()
    title = f"{status.value.replace('_', ' ')} ({count})"
    for cause, times in causes[:CAUSES]:
        example = next(trial for trial in failed if _first_line(trial.error) == cause)
        shown = escape(f"{example.point}\n\n{example.error or ''}")
        yield (
            f"<tr><td>{escape(title)}</td><td class=count>{times}</td><td>{escape(cause)}"
            f"<details><summary>an example</summary><pre>{shown}</pre></details></td></tr>"
        )
        title = ""
    rest = sum(times for _, times in causes[CAUSES:])
    if rest:
        yield f"<tr><td></td><td class=count>{rest}</td><td class=muted>other causes</td></tr>"


def _first_line(error: str | None) -> str:
    line = (error or "no message").strip().splitlines()[0]
    return line if len(line) <= 160 else line[:159] + "…"


def _card(title: str, inside: str) -> str:
    return f'<div class="card"><h3>{escape(title)}</h3>{inside}</div>'
