"""Small drawings as SVG text: scales and shapes. Users' words are escaped; colours are classes of the page's style."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable


@attrs.frozen
class Scale:
    """From values to pixels; ``log`` for values above 0 of which ratios count."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value, kept inside the scale."""
        low, high, here = (self._even(one) for one in (self.low, self.high, value))
        share = 0.5 if high == low else (here - low) / (high - low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values inside: 1, 2 and 5 times powers of ten, at most about eight of them."""
        if self.high <= self.low:
            return [self.low]
        if self.log:
            exponents = range(
                math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1
            )
            for digits in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
                found = [d * 10.0**e for e in exponents for d in digits]
                inside = [one for one in found if self.low <= one <= self.high]
                if len(inside) <= 8:
                    return inside
            return inside
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / 2))
        step = next(
            step * factor
            for factor in (1, 2, 5, 10)
            if (self.high - self.low) / (step * factor) <= 7
        )
        first = math.ceil(self.low / step)
        return [number * step for number in range(first, math.floor(self.high / step) + 1)]

    def _even(self, value: float) -> float:
        return math.log(max(value, 1e-12)) if self.log else value


def number(value: float) -> str:
    """Three significant digits; thousands without an exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "label") -> str:
    """Words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def path(points: Iterable[tuple[float, float]], kind: str, title: str = "") -> str:
    """Straight lines from point to point; ``title`` shows under the pointer."""
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    told = f"<title>{escape(title)}</title>" if title else ""
    return f'<polyline points="{steps}" class="{kind}">{told}</polyline>'


def dot(x: float, y: float, kind: str, title: str) -> str:
    """A small disc with a title."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" class="{kind}"><title>{escape(title)}</title></circle>'


def bar(x: float, y: float, width: float) -> str:
    """A horizontal bar."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="14" rx="2" class="bar"/>'


def drawing(width: float, height: float, parts: Iterable[str], label: str) -> str:
    """The whole, as wide as the page lets it be; ``label`` is what readers of screens hear."""
    inside = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}" '
        f'style="max-width:{width:g}px">{inside}</svg>'
    )
