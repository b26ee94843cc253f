"""Charts as SVG: places of lines, bars and labels, computed on the server; classes give the colours."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

WIDTH, HEIGHT = 560, 170
"""Size of a chart in its own units; the page scales it."""

_LEFT, _TOP, _RIGHT, _BOTTOM = 92, 14, 550, 142
_ROW = 38  # of a bar with the text above it


SPARK_WIDTH, SPARK_HEIGHT = 84, 20
"""Size of a small chart without labels."""


@attrs.frozen
class ChartLabel:
    """A label and its position."""

    x: int
    y: int
    text: str


@attrs.frozen
class LineChart:
    """A line through points, with the values of its grid lines on the left and of its ends below.

    ``dots``: places of the points, if they are few enough to be told apart.
    """

    path: str
    dots: Sequence[tuple[float, float]]
    grid: Sequence[ChartLabel]
    ends: Sequence[ChartLabel]


def draw_line(points: Sequence[tuple[float, float]], ends: tuple[str, str]) -> LineChart:
    """Return the chart of at least one finite point; x is ascending.

    Args:
        ends: what the first and the last point are called below.
    """
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = min(ys), max(ys)
    places = [
        (round(_LEFT + 8 + _share(x, xs[0], xs[-1]) * (_RIGHT - _LEFT - 16), 1), round(_height(y, low, high), 1))
        for x, y in points
    ]
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
    values = [low] if low == high else [high, high / 2 + low / 2, low]
    grid = [ChartLabel(_LEFT, round(_height(value, low, high)), f"{value:.4g}") for value in values]
    first, last = (ChartLabel(x, HEIGHT - 8, text) for x, text in zip((_LEFT + 8, _RIGHT - 8), ends, strict=True))
    return LineChart(path, places if len(places) <= 50 else (), grid, [first, last] if len(places) > 1 else [first])


@attrs.frozen
class ChartBar:
    """A bar with its label and its value in words; ``width`` is 0 without a value. ``y``: the top of its place."""

    y: int
    x: float
    width: float
    label: str
    value: str


@attrs.frozen
class BarChart:
    """Horizontal bars below each other; ``zero``: where they begin, which is the left side unless one is negative."""

    bars: Sequence[ChartBar]
    zero: float
    height: int


def draw_bars(values: Sequence[tuple[str, float | None]]) -> BarChart:
    """Return bars of finite values from zero, in the order in which they are given; None: there is no value.

    One of them at least is a value.
    """
    known = [value for _, value in values if value is not None]
    low, high = min(*known, 0.0), max(*known, 0.0)
    zero = 0.0 if low == high else _share(0.0, low, high) * WIDTH
    bars = []
    for at, (label, value) in enumerate(values):
        end = zero if value is None or low == high else _share(value, low, high) * WIDTH
        shown = "no result" if value is None else number_text(value)
        bars.append(ChartBar(at * _ROW, round(min(zero, end), 1), round(abs(end - zero), 1), label, shown))
    return BarChart(bars, round(zero, 1), len(values) * _ROW)


def draw_spark(counts: Sequence[int]) -> str:
    """Return the path of a small chart of two or more counts, from nothing to the largest one."""
    most, step = max(*counts, 1), SPARK_WIDTH / (len(counts) - 1)
    return "M" + "L".join(
        f"{at * step:.1f} {SPARK_HEIGHT - 1 - (SPARK_HEIGHT - 2) * count / most:.1f}" for at, count in enumerate(counts)
    )


def number_text(value: float) -> str:
    """Return a number with six digits: ``0.913``, ``1e+308``."""
    return f"{value:.6g}"


def _height(value: float, low: float, high: float) -> float:
    return _BOTTOM - _share(value, low, high) * (_BOTTOM - _TOP)


def _share(value: float, low: float, high: float) -> float:
    """Return where a value lies between two others, from 0 to 1; halves of numbers keep the difference finite."""
    span = high / 2 - low / 2
    return (value / 2 - low / 2) / span if span > 0 else 0.5
