"""Parts of a chart as SVG: it takes its colours from the page, light or dark."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from energyopt.memo.table import number


@dataclass(frozen=True)
class Frame:
    """The size of a chart and its margins, in pixels."""

    wide: float
    tall: float
    left: float
    right: float = 8
    top: float = 26
    bottom: float = 26

    @property
    def phone(self) -> bool:
        """Whether labels must stand above what they name."""
        return self.wide < 500

    def x(self, share: float) -> float:
        """Return where a share of the width lies."""
        return self.left + (self.wide - self.left - self.right) * share


DESK = Frame(760, 300, 56)
HALF = Frame(600, 240, 50)
"""Beside a table, and half a sheet of paper."""
PHONE = Frame(356, 230, 46)


def both(draw: Callable[[Frame], Markup], desk: Frame = DESK) -> Markup:
    """Return a chart drawn twice; the page shows the one that fits its screen."""
    wide, phone = draw(desk), draw(PHONE)
    return Markup(f'<div class="desk">{wide}</div><div class="phone">{phone}</div>')


def svg(frame: Frame, label: str, parts: Sequence[str], tall: float = 0.0) -> Markup:
    """Return the drawing; a reader who cannot see it hears its label."""
    return Markup(
        f'<svg viewBox="0 0 {frame.wide:.0f} {tall or frame.tall:.0f}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def text(x: float, y: float, said: str, look: str = "label") -> str:
    """Return a text whose baseline starts at a point."""
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}">{escape(said)}</text>'


def bar(
    x: float, y: float, wide: float, tall: float, color: str, full: float = 1
) -> str:
    """Return a filled rectangle."""
    faint = "" if full == 1 else f' fill-opacity="{full:g}"'
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide, 0.0):.1f}" '
        f'height="{max(tall, 0.0):.1f}" style="fill:var(--{color})"{faint}/>'
    )


def short(said: str, most: int) -> str:
    """Return a text that is at most so long.

    Examples
    --------
    >>> short("gas", 5), short("a long name", 6)
    ('gas', 'a lon…')
    """
    return said if len(said) <= most else f"{said[: most - 1]}…"


def nice_step(span: float, steps: int = 5) -> float:
    """Return a round step that divides a span into about so many.

    Examples
    --------
    >>> nice_step(93.0), nice_step(250.0)
    (20.0, 50.0)
    """
    if span <= 0:
        return 1.0
    raw = span / steps
    size = 10.0 ** np.floor(np.log10(raw))
    return float(next(m for m in (1, 2, 5, 10) if m * size >= raw) * size)


def axis(
    frame: Frame, low: float, high: float, unit: str
) -> tuple[list[str], Callable[[float], float]]:
    """Return the lines of a vertical axis, and what gives a value's height."""
    step = nice_step(high - low)
    low, high = np.floor(low / step) * step, np.ceil(high / step) * step
    tall, span = frame.tall - frame.top - frame.bottom, max(high - low, step)

    def y(value: float) -> float:
        return float(frame.top + tall * (high - value) / span)

    lines = [text(0, 12, unit, "axis")]
    for value in np.arange(low, high + step / 2, step):
        at = y(value)
        shown = number(float(value), 0 if step >= 1 else 1)
        lines.append(
            f'<line class="grid" x1="{frame.left:.1f}" x2="{frame.wide:.1f}" '
            f'y1="{at:.1f}" y2="{at:.1f}"/>'
        )
        lines.append(text(frame.left - 6, at + 4, shown, "axis end"))
    return lines, y


def points(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Return the points of a line."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))


def steps(frame: Frame, heights: Sequence[float]) -> str:
    """Return the points of a line that is level in each hour."""
    xs = [frame.x(i / len(heights)) for i in range(len(heights) + 1)]
    return " ".join(
        f"{xs[i]:.1f},{h:.1f} {xs[i + 1]:.1f},{h:.1f}" for i, h in enumerate(heights)
    )


def script_json(data: Any) -> Markup:
    r"""Return JSON that is safe inside a ``<script>``: no angle bracket in it.

    Examples
    --------
    >>> script_json("</script>")
    Markup('"\\u003c/script\\u003e"')
    """
    said = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        said = said.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(said)
