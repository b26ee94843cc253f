from __future__ import annotations

import math
import struct
import tracemalloc

import pytest

from entrepot.errors import Malformed
from entrepot.previews.event_files import Point
from entrepot.previews.metric_files import MAX_POINTS, is_metric_file, read_metric_file, series_of, thin_out
from entrepot.previews.time_limits import time_limit
from tests.support.work import count_lines


def steps_of(path: str, data: bytes, *, is_whole: bool = True) -> dict[str, list[tuple[int, float]]]:
    found = read_metric_file(path, data, is_whole=is_whole)
    return {name: [(point.step, point.value) for point in points] for name, points in found.series.items()}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("runs/a/events.out.tfevents.1.host", True),
        ("metrics.jsonl", True),
        ("out/train_log.CSV", True),
        ("catalog.csv", False),
        ("data/train.jsonl", False),
        ("metrics.json", False),
        ("tfevents/readme.md", False),
    ],
)
def test_names_say_what_has_metrics(path: str, expected: bool) -> None:
    assert is_metric_file(path) is expected


def test_rows_have_steps_or_are_counted() -> None:
    data = b'{"step": 5, "loss": 1, "note": "x"}\nnot json\n[1]\n{"step": 9, "loss": 0.5, "ok": true}\n'
    assert steps_of("metrics.jsonl", data) == {"loss": [(5, 1.0), (9, 0.5)]}
    assert steps_of("log.csv", b"epoch,acc,name\n1,0.5,a\n2,0.75,b\n") == {"acc": [(1, 0.5), (2, 0.75)]}
    assert steps_of("log.csv", b"acc\n0.5\n0.75\n") == {"acc": [(0, 0.5), (1, 0.75)]}


def test_the_last_row_of_a_beginning_is_left_out() -> None:
    found = read_metric_file("log.csv", b"acc\n0.5\n0.7", is_whole=False)
    assert [point.value for point in found.series["acc"]] == [0.5]
    assert not found.is_complete


def test_hostile_numbers_and_names_do_no_harm() -> None:
    huge = b'{"step": 1e300, "a": 1' + b"0" * 400 + b', "b": NaN, "<i>": 1e308, "": 3}\n'
    deep = b"[" * 20_000 + b"\n"
    found = steps_of("metrics.jsonl", huge + deep)
    assert found["a"] == [(0, math.inf)]
    assert math.isnan(found["b"][0][1])
    assert found["<i>"] == [(0, 1e308)]
    assert "" not in found
    assert list(steps_of("metrics.jsonl", b'{"a\\ud800": 1}')) == ["a\N{REPLACEMENT CHARACTER}"]
    assert steps_of("log.csv", b"") == {}
    assert steps_of("log.csv", b"\xff\xfe,b\n1,2\n")["b"] == [(0, 2.0)]


def test_an_event_file_of_another_format_is_refused() -> None:
    with pytest.raises(Malformed):
        read_metric_file("a.tfevents.1", struct.pack("<Q", 1 << 60) + bytes(100), is_whole=True)


def test_series_and_rows_are_bounded() -> None:
    many = ",".join(f"m{number}" for number in range(300)) + "\n" + ",".join(["1"] * 300) + "\n"
    assert len(steps_of("log.csv", many.encode())) == 200
    found = read_metric_file("log.csv", b"a\n" + b"1\n" * 50_001, is_whole=True)
    assert len(found.series["a"]) == 50_000
    assert not found.is_complete


def test_a_series_is_ascending_and_counts_what_is_not_finite() -> None:
    points = [Point(3, 0, 1.0), Point(1, 0, 5.0), Point(2, 0, math.nan), Point(4, 0, math.inf)]
    found = series_of("a", points)
    assert found is not None
    assert [point.step for point in found.points] == [1, 3]
    assert (found.count, found.lowest, found.highest, found.not_finite) == (2, 1.0, 5.0, 2)
    assert series_of("a", [Point(1, 0, math.nan)]) is None


def test_thinning_keeps_ends_and_peaks() -> None:
    points = [Point(step, 0, 1e308 if step == 777 else float(step % 7)) for step in range(10_000)]
    kept = thin_out(points)
    assert len(kept) <= MAX_POINTS
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert points[777] in kept
    assert [point.step for point in kept] == sorted({point.step for point in kept})
    assert thin_out(points[:3]) == points[:3]


def test_lines_that_are_no_rows_are_not_tried_without_end() -> None:
    rows = b'{"step": 1, "loss": 2.0}\n'
    found = read_metric_file("metrics.jsonl", rows + b"\n" * 300_000 + b"x\n" * 200_000 + rows, is_whole=True)
    assert len(found.series["loss"]) == 1


@pytest.mark.parametrize("path", ["metrics.jsonl", "metrics.csv"])
def test_a_file_of_short_lines_takes_little_memory(path: str) -> None:
    data = b"1,2\n" * 500_000
    tracemalloc.start()
    try:
        with time_limit(0.2):
            read_metric_file(path, data, is_whole=True)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20  # all lines take 30 MB
    finally:
        tracemalloc.stop()


def test_a_row_of_json_may_contain_other_separators_of_lines() -> None:
    data = '{"note": "a\u2028b", "loss": 1}\n{"loss": 2}\r\n'.encode()
    assert steps_of("metrics.jsonl", data) == {"loss": [(0, 1.0), (1, 2.0)]}


@pytest.mark.parametrize("path", ["metrics.jsonl", "metrics.csv"])
def test_empty_lines_end_with_the_time_that_is_left(path: str) -> None:
    found = list[bool]()
    with time_limit(0):
        work = lambda: found.append(read_metric_file(path, b"\n" * 100_000, is_whole=True).is_complete)  # noqa: E731
        count_lines(work, most=1_000)
    assert found == [False]


def test_rows_may_end_as_on_old_machines() -> None:
    assert steps_of("metrics.csv", b"\xef\xbb\xbfstep,loss\r1,2\r2,3\r") == {"loss": [(1, 2.0), (2, 3.0)]}
