"""Files of metrics: event files of TensorBoard, and JSON lines or CSV with one row for each step of a training."""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from entrepot.errors import Malformed
from entrepot.previews.event_files import Point, Scalars, read_scalars
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.time_limits import is_out_of_time, within_time

MAX_POINTS = 400
"""Points of a series that are kept; see :func:`thin_out`."""

_EVENTS = re.compile(r"(^|/)[^/]*tfevents[^/]*\Z")
_TABLE = re.compile(r"(?:^|/)([^/]+)\.(jsonl|csv)\Z", re.IGNORECASE)
_WORDS = frozenset("eval evals history log logs loss losses metric metrics progress scalars training".split())  # noqa: SIM905
_STEPS = ("step", "global_step", "_step", "steps", "iteration", "iter", "epoch")
_MAX_ROWS, _MAX_SERIES, _MAX_NAME, _MAX_LINE = 50_000, 200, 200, 64 << 10
_MAX_STEP = 1 << 53


@attrs.frozen
class MetricSeries:
    """A scalar over the steps of a training, ascending, thinned out.

    ``count``: its finite values before that; ``not_finite``: values that are NaN or infinite.
    """

    name: str
    points: Sequence[Point]
    count: int
    lowest: float
    highest: float
    not_finite: int


def is_metric_file(path: str) -> bool:
    """Return whether the name of a file says that it has metrics: event files; ``metrics.jsonl``, ``train_log.csv``."""
    if _EVENTS.search(path):
        return True
    found = _TABLE.search(path)
    return found is not None and not _WORDS.isdisjoint(re.split(r"[^a-z]+", found[1].lower()))


def read_metric_file(path: str, data: bytes, *, is_whole: bool) -> Scalars:
    """Return the scalars of a file of metrics; rows that cannot be read are left out.

    Args:
        data: the file, or its beginning.

    Raises:
        Malformed: it has another format than its name says.
    """
    if _EVENTS.search(path):
        found = read_scalars(BytesRangeReader(data))
        return attrs.evolve(found, is_complete=found.is_complete and is_whole)
    if not is_whole:
        data = data[: data.rfind(b"\n") + 1]
    lines = _lines(data.removeprefix(codecs.BOM_UTF8))
    rows = _json_rows(lines) if path.lower().endswith(".jsonl") else _csv_rows(lines)
    return _scalars(rows, is_complete=is_whole)


def series_of(name: str, points: Iterable[Point]) -> MetricSeries | None:
    """Return a series of points; None if no value is finite."""
    every = list(points)
    finite = sorted((point for point in every if math.isfinite(point.value)), key=lambda point: point.step)
    if not finite:
        return None
    values = [point.value for point in finite]
    return MetricSeries(name, thin_out(finite), len(finite), min(values), max(values), len(every) - len(finite))


def thin_out(points: Sequence[Point], most: int = MAX_POINTS) -> Sequence[Point]:
    """Return at most ``most`` (>= 4) points: first and last, and the lowest and highest of equal parts between them."""
    if len(points) <= most:
        return points
    inner, parts = points[1:-1], (most - 2) // 2
    kept = [points[0]]
    for part in range(parts):
        chunk = range(len(inner) * part // parts, len(inner) * (part + 1) // parts)
        low = min(chunk, key=lambda at: inner[at].value)
        high = max(chunk, key=lambda at: inner[at].value)
        kept += [inner[at] for at in sorted({low, high})]
    return [*kept, points[-1]]


def _lines(data: bytes) -> Iterator[str]:
    """Yield the lines with their ends, one at a time: together, short ones take thirty times their bytes."""
    data = data if b"\n" in data else data.replace(b"\r", b"\n")
    at = 0
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        yield data[at:end].decode("utf-8", "replace")
        at = end


def _json_rows(lines: Iterable[str]) -> Iterator[Mapping[str, object]]:
    for line in itertools.islice((line for line in within_time(lines) if not line.isspace()), 2 * _MAX_ROWS):
        try:
            row = json.loads(line[:_MAX_LINE])
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            yield row


def _csv_rows(lines: Iterable[str]) -> Iterator[Mapping[str, object]]:
    try:
        rows = (row for row in within_time(csv.reader(lines)) if row)
        header = [name.strip() for name in next(rows, [])][:_MAX_SERIES]
        for row in rows:
            yield dict(zip(header, row, strict=False))
    except csv.Error as error:
        raise Malformed("CSV file", str(error)) from error


def _scalars(rows: Iterable[Mapping[str, object]], *, is_complete: bool) -> Scalars:
    found: dict[str, list[Point]] = {}
    for number, row in enumerate(within_time(rows)):
        if number >= _MAX_ROWS:
            is_complete = False
            break
        key = next((name for name in _STEPS if _step(row.get(name)) is not None), "")
        step = _step(row.get(key)) if key else None
        for name, cell in within_time(row.items()):
            value = _value(cell)
            if value is None or name == key or not name:
                continue
            if name not in found and len(found) >= _MAX_SERIES:
                is_complete = False
                continue
            found.setdefault(name, []).append(Point(number if step is None else step, 0.0, value))
    is_complete = is_complete and not is_out_of_time()
    return Scalars({_name(name): tuple(points) for name, points in found.items()}, is_complete)


def _name(text: str) -> str:
    """Return a name without halves of surrogate pairs, which JSON may contain and no encoder accepts."""
    return text[:_MAX_NAME].encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _step(cell: object) -> int | None:
    value = _value(cell)
    return int(value) if value is not None and abs(value) < _MAX_STEP else None


def _value(cell: object) -> float | None:
    """Return the number of a cell, which may be NaN or infinite; None if it has none."""
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return None
    try:
        return float(cell)
    except ValueError:
        return None
    except OverflowError:
        return math.inf
