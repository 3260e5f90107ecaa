"""The drawings of a page: how the best time fell, what mattered, and parallel coordinates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.json_values import canonical_text, thaw
from helion_autotune.progress import format_ms
from helion_autotune.report.svg import Scale, bar, dot, drawing, line, number, path, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_autotune.report.session_summary import SessionSummary, TimedTrial
    from helion_autotune.trial import Trial

WIDTH, HEIGHT = 560.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 12.0, 12.0, 40.0
#: Axes that parallel coordinates have at most, and lines; of more trials, the fastest are drawn.
AXES, LINES = 12, 250
#: Bars of importances, at most, and how high each is.
BARS, BAR_HEIGHT = 16, 22.0
#: Where what stands at the left edge begins.
EDGE = 2.0
#: Times of more than this many times the best are drawn at the upper edge.
CLIPPED = 20.0


def progress_chart(summary: SessionSummary, *, over_time: bool) -> str:
    """Every success as a dot and the best so far as a step line, over evaluations or over seconds; failures below."""
    position: Callable[[int, TimedTrial], float] = (
        (lambda _, one: one.seconds) if over_time else (lambda place, _: place + 1.0)
    )
    places = [position(place, one) for place, one in enumerate(summary.trials)]
    times = [one.trial.milliseconds for one in summary.worked]
    x = Scale(0.0, max([*places, 1.0 if not over_time else 1e-3]), LEFT, WIDTH - RIGHT)
    low = min(times)
    y = Scale(
        low * 0.97,
        max(min(max(times), low * CLIPPED), low * 1.1),
        HEIGHT - BOTTOM - 14,
        TOP,
        log=True,
    )
    parts = [*_grid(x, y, "seconds" if over_time else "evaluations")]
    steps: list[tuple[float, float]] = []
    best = math.inf
    for place, one in zip(places, summary.trials, strict=True):
        if not one.trial.ok:
            parts.append(dot(x(place), HEIGHT - BOTTOM - 5, "failed", _told(one.trial)))
            continue
        parts.append(dot(x(place), y(one.trial.milliseconds), "trial", _told(one.trial)))
        if one.trial.milliseconds < best:
            if steps:
                steps.append((x(place), y(best)))
            best = one.trial.milliseconds
            steps.append((x(place), y(best)))
    steps.append((WIDTH - RIGHT, y(best)))
    parts.append(path(steps, "best"))
    words = "seconds" if over_time else "evaluations"
    return drawing(WIDTH, HEIGHT, parts, f"best time so far over {words}")


def _grid(x: Scale, y: Scale, words: str) -> list[str]:
    parts = []
    for tick in y.ticks():
        parts.append(line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid"))
        parts.append(text(LEFT - 6, y(tick) + 4, number(tick), anchor="end"))
    for tick in x.ticks():
        parts.append(text(x(tick), HEIGHT - BOTTOM + 16, number(tick), anchor="middle"))
    parts.append(line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, words, anchor="middle"))
    parts.append(text(4, TOP + 2, "ms"))
    return parts


def _told(trial: Trial) -> str:
    what = (
        f"{format_ms(trial.milliseconds)} ms" if trial.ok else trial.status.value.replace("_", " ")
    )
    return f"{what}: {trial.point}"


def importance_chart(shares: Mapping[str, float]) -> str:
    """A bar for each of the first sixteen parameters."""
    rows = list(shares.items())[:BARS]
    longest = max(len(name) for name, _ in rows)
    left = min(max(80.0, 7.2 * longest + 12), 240.0)
    x = Scale(0.0, max(1e-9, *(share for _, share in rows)), left, WIDTH - 52)
    parts = []
    for place, (name, share) in enumerate(rows):
        top = place * BAR_HEIGHT
        words = _shortened(name, int((left - 12) / 7.0))
        parts.append(text(left - 8, top + 15, words, anchor="end"))
        parts.append(bar(left, top + 4, max(x(share) - left, 1.0)))
        parts.append(text(max(x(share), left + 1) + 6, top + 15, f"{share:.0%}"))
    return drawing(WIDTH, BAR_HEIGHT * len(rows) + 4, parts, "importance of each parameter")


@attrs.frozen
class _Axis:
    """One parameter's values from bottom to top, and where each stands."""

    name: str
    texts: tuple[str, ...]
    places: Mapping[str, float]


def parallel_chart(summary: SessionSummary, order: Sequence[str]) -> str:
    """A line for each of the fastest trials through its values of the first parameters in ``order``."""
    ranked = sorted((one.trial for one in summary.worked), key=lambda trial: -trial.milliseconds)
    drawn = ranked[-LINES:]
    axes = [_axis(name, drawn) for name in order]
    axes = [axis for axis in axes if len(axis.texts) > 1][:AXES]
    if not axes:
        return ""
    gap = max(96.0, 1080.0 / max(len(axes), 1))
    width, height, top = gap * (len(axes) - 1) + 190.0, 380.0, 52.0
    x = [40.0 + gap * place for place in range(len(axes))]

    def through(trial: Trial) -> list[tuple[float, float]]:
        share = [axis.places[canonical_text(trial.point[axis.name])] for axis in axes]
        return [(one, top + (1 - s) * (height - top - 20)) for one, s in zip(x, share, strict=True)]

    fastest = drawn[-1].milliseconds
    parts = [path(through(t), f"thread {_rank(t.milliseconds / fastest)}", _told(t)) for t in drawn]
    if summary.best is not None and summary.best in drawn:
        parts.append(path(through(summary.best), "thread winner", _told(summary.best)))
    for place, axis in enumerate(axes):
        parts.append(line(x[place], top, x[place], height - 20, "axis"))
        raised = 14 if place % 2 == 0 else 32
        parts.append(
            text(
                x[place] if place else EDGE,
                raised,
                _shortened(axis.name, int(2 * gap / 7.5)),
                anchor="middle" if place else "start",  # the first stands at the edge
                kind="name",
            )
        )
        shown = axis.texts if len(axis.texts) <= 12 else (axis.texts[0], axis.texts[-1])
        for value in shown:
            y = top + (1 - axis.places[value]) * (height - top - 20)
            parts.append(
                text(x[place] + 6, y + 4, _shortened(_plain(value), 14), kind="label halo")
            )
    return drawing(width, height, parts, "parallel coordinates of the fastest trials")


def _axis(name: str, trials: Sequence[Trial]) -> _Axis:
    values = {canonical_text(trial.point[name]): trial.point[name] for trial in trials}
    texts = sorted(values, key=lambda one: _sort_key(values[one]))
    most = max(len(texts) - 1, 1)
    return _Axis(name, tuple(texts), {one: place / most for place, one in enumerate(texts)})


def _sort_key(value: Any) -> tuple[int, float, str]:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return (1, float(value), "") if plain else (0, 0.0, str(thaw(value)))


def _rank(ratio: float) -> str:
    """The class of a time that is ``ratio`` times the best."""
    return "near" if ratio <= 1.05 else "close" if ratio <= 1.3 else "far"


def _plain(value: str) -> str:
    return value.strip('"') or "(empty)"


def _shortened(words: str, most: int) -> str:
    return words if len(words) <= most else words[: max(most - 1, 1)] + "…"
