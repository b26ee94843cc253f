from __future__ import annotations

import re

import pytest

from entrepot.server.pages.repositories.charts import HEIGHT, WIDTH, draw_bars, draw_line, draw_spark, number_text


def places(path: str) -> list[tuple[float, float]]:
    assert re.fullmatch(r"M[0-9.]+ [0-9.]+(L[0-9.]+ [0-9.]+)*", path), path
    return [(float(x), float(y)) for x, y in (pair.split() for pair in path[1:].split("L"))]


def test_higher_values_lie_higher_and_later_ones_further_right() -> None:
    chart = draw_line([(1, 0.5), (2, 1.0), (5, 0.0)], ("1", "5"))
    (x1, y1), (x2, y2), (x3, y3) = places(chart.path)
    assert x1 < x2 < x3
    assert y2 < y1 < y3
    assert [label.text for label in chart.grid] == ["1", "0.5", "0"]
    assert [label.text for label in chart.ends] == ["1", "5"]
    assert len(chart.dots) == 3


@pytest.mark.parametrize(
    "points",
    [
        [(0.0, 1.0)],
        [(0.0, 2.0), (0.0, 2.0)],
        [(-(2.0**63), -1.7e308), (2.0**63, 1.7e308)],
        [(0.0, 5e-324), (1.0, 0.0)],
        [(float(step), float(step)) for step in range(400)],
    ],
)
def test_every_finite_point_lies_in_the_chart(points: list[tuple[float, float]]) -> None:
    chart = draw_line(points, ("a", "b"))
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places(chart.path))


def test_numbers_are_short() -> None:
    assert [number_text(value) for value in (0.123456789, 1e308, -3.0)] == ["0.123457", "1e+308", "-3"]


def test_a_small_chart_goes_from_nothing_to_the_largest_count() -> None:
    assert draw_spark([0, 4, 2]) == "M0.0 19.0L42.0 1.0L84.0 10.0"
    assert draw_spark([0, 0]) == "M0.0 19.0L84.0 19.0"


def test_bars_begin_at_zero_and_are_as_long_as_their_values() -> None:
    chart = draw_bars([("a", 0.5), ("b", 1.0), ("c", None)])
    assert (chart.zero, [bar.x for bar in chart.bars]) == (0.0, [0.0, 0.0, 0.0])
    assert [bar.width for bar in chart.bars] == [WIDTH / 2, WIDTH, 0.0]
    assert [bar.value for bar in chart.bars] == ["0.5", "1", "no result"]
    assert [bar.y for bar in chart.bars] == [0, chart.height // 3, 2 * chart.height // 3]


def test_negative_bars_lie_left_of_zero() -> None:
    chart = draw_bars([("a", -1.0), ("b", 3.0)])
    assert chart.zero == WIDTH / 4
    assert [(bar.x, bar.width) for bar in chart.bars] == [(0.0, WIDTH / 4), (WIDTH / 4, 3 * WIDTH / 4)]


@pytest.mark.parametrize("values", [(0.0, 0.0), (-1.7e308, 1.7e308), (5e-324, 0.0), (-2.0, -1.0), (1e308, 1e-308)])
def test_every_bar_lies_in_the_chart(values: tuple[float, float]) -> None:
    chart = draw_bars([(str(value), value) for value in values])
    assert all(0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.1 for bar in chart.bars)
