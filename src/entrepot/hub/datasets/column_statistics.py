"""Statistics of columns: the queries that find them, and their shapes in the dataset viewer.

Source: docs/dataset-viewer.md, section "Search, filter, statistics".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

BINS = 10
"""Bars of a histogram."""

MAX_COLUMNS = 200
"""Columns with statistics."""

_MAX_LABELS, _FEW_LABELS, _LABEL_SHARE = 1_000, 10, 0.2
_INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_FLOATS = frozenset({"float16", "float32", "float64"})

Rows = Sequence[Mapping[str, Any]]


@attrs.frozen
class ColumnPlan:
    """The queries of a column over the table ``data``, and what makes its statistics of their rows and the total."""

    queries: Sequence[str]
    read: Callable[[Sequence[Rows], int], Mapping[str, Any]]


def plan(features: Mapping[str, Any]) -> list[ColumnPlan]:
    """Return how the statistics of each column are made; columns of other types are left out."""
    found = [_plan_of(name, kind) for name, kind in list(features.items())[:MAX_COLUMNS]]
    return [one for one in found if one is not None]


def quoted(name: str) -> str:
    """Return a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def sql_names(names: Iterable[str]) -> list[str]:
    """Return the names of columns in queries, where none is empty, and letters of both cases are the same."""
    found: list[str] = []
    taken: set[str] = set()
    for at, name in enumerate(names):
        free = given = name or f"Unnamed: {at}"
        number = 0
        while free.lower() in taken:
            number += 1
            free = f"{given}_{number}"
        taken.add(free.lower())
        found.append(free)
    return found


def _plan_of(name: str, kind: Any) -> ColumnPlan | None:  # noqa: ANN401 - JSON
    column = quoted(name)
    if isinstance(kind, list) or (isinstance(kind, dict) and kind.get("_type") in ("List", "LargeList")):
        return _numbers(name, "list", f"len({column})", is_whole=True)
    if not isinstance(kind, dict):
        return None
    if kind.get("_type") == "ClassLabel" and isinstance(kind.get("names"), list):
        return _labels(name, column, [str(label) for label in kind["names"]])
    dtype = kind.get("dtype") if kind.get("_type") == "Value" else None
    if dtype in _INTEGERS:
        return _numbers(name, "int", f"{column}::HUGEINT", is_whole=True)
    if dtype in _FLOATS:
        return _numbers(name, "float", f"CASE WHEN isfinite({column}) THEN {column}::DOUBLE END", is_whole=False)
    if dtype == "bool":
        return ColumnPlan([_frequencies(column, 3)], lambda rows, total: _bools(name, rows[0], total))
    if dtype in ("string", "large_string"):
        return _texts(name, column)
    return None


def _numbers(name: str, shown: str, value: str, *, is_whole: bool) -> ColumnPlan:
    queries = _number_queries(value, is_whole=is_whole)
    return ColumnPlan(
        queries, lambda rows, total: _column(name, shown, _summary(rows[0][0], rows[1], total, is_whole=is_whole))
    )


def _number_queries(value: str, *, is_whole: bool) -> list[str]:
    """Return the query for the moments of a value, and that for its histogram."""
    values = f"(SELECT {value} AS x FROM data)"  # noqa: S608 - quoted names, in the sandbox
    moments = (
        "SELECT count(x) AS n, min(x) AS a, max(x) AS b, avg(x)::DOUBLE AS mean, median(x)::DOUBLE AS mid, "  # noqa: S608
        f"stddev_samp(x)::DOUBLE AS std FROM {values}"
    )
    step = f"greatest((b - a + {BINS}) // {BINS}, 1)"
    whole = f"((x - a) // {step})::INTEGER"
    real = f"CASE WHEN b > a THEN least(floor((x - a) / (b - a) * {BINS}), {BINS - 1}) ELSE 0 END::INTEGER"
    bars = (
        f"SELECT {whole if is_whole else real} AS bin, count(*) AS n FROM {values}, "  # noqa: S608 - as above
        f"(SELECT min(x) AS a, max(x) AS b FROM {values}) WHERE x IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    return [moments, bars]


def _summary(moments: Mapping[str, Any], bars: Rows, total: int, *, is_whole: bool) -> dict[str, Any]:
    low, high, counts = moments["a"], moments["b"], {int(bar["bin"]): int(bar["n"]) for bar in bars}
    return {
        **_missing(total - int(moments["n"]), total),
        "min": low,
        "max": high,
        "mean": _rounded(moments["mean"]),
        "median": _rounded(moments["mid"]),
        "std": _rounded(moments["std"]),
        "histogram": None if low is None else _histogram(low, high, counts, is_whole=is_whole),
    }


def _histogram(low: Any, high: Any, counts: Mapping[int, int], *, is_whole: bool) -> dict[str, Any]:  # noqa: ANN401
    """Return the bars between two numbers; those of whole numbers have whole edges."""
    if low == high:
        return {"hist": [counts.get(0, 0)], "bin_edges": [low, high]}
    if is_whole:
        step = max((high - low + BINS) // BINS, 1)
        number = (high - low) // step + 1
        edges = [low + at * step for at in range(number)]
    else:
        number = BINS
        edges = [low + (high - low) / BINS * at for at in range(number)]
    return {"hist": [counts.get(at, 0) for at in range(number)], "bin_edges": [*edges, high]}


def _frequencies(column: str, most: int) -> str:
    return f"SELECT {column} AS x, count(*) AS n FROM data GROUP BY 1 ORDER BY n DESC, x LIMIT {most}"  # noqa: S608


def _bools(name: str, rows: Rows, total: int) -> Mapping[str, Any]:
    counts = {row["x"]: int(row["n"]) for row in rows}
    frequencies = {shown: counts[value] for value, shown in ((True, "True"), (False, "False")) if value in counts}
    return _column(name, "bool", {**_missing(counts.get(None, 0), total), "frequencies": frequencies})


def _labels(name: str, column: str, labels: Sequence[str]) -> ColumnPlan:
    def read(rows: Sequence[Rows], total: int) -> Mapping[str, Any]:
        counts = {row["x"]: int(row["n"]) for row in rows[0]}
        known = {label: counts[at] for at, label in enumerate(labels) if at in counts}
        none = counts.get(-1, 0)
        shown = {
            **_missing(counts.get(None, 0), total),
            "no_label_count": none,
            "no_label_proportion": _share(none, total),
            "n_unique": len(labels),
            "frequencies": known,
        }
        return _column(name, "class_label", shown)

    return ColumnPlan([_frequencies(column, _MAX_LABELS)], read)


def _texts(name: str, column: str) -> ColumnPlan:
    """Return the plan of a text column: frequencies if its values look like labels, else lengths."""
    lengths = _number_queries(f"length({column})", is_whole=True)

    def read(rows: Sequence[Rows], total: int) -> Mapping[str, Any]:
        distinct = int(rows[0][0]["n"])
        values = {str(row["x"]): int(row["n"]) for row in rows[1] if row["x"] is not None}
        if distinct <= _FEW_LABELS or (distinct < _MAX_LABELS and distinct <= _LABEL_SHARE * total):
            missing = next((int(row["n"]) for row in rows[1] if row["x"] is None), 0)
            shown = {**_missing(missing, total), "n_unique": distinct, "frequencies": values}
            return _column(name, "string_label", shown)
        return _column(name, "string_text", _summary(rows[2][0], rows[3], total, is_whole=True))

    distinct = f"SELECT count(DISTINCT {column}) AS n FROM data"  # noqa: S608 - quoted, in the sandbox
    return ColumnPlan([distinct, _frequencies(f"{column}[:200]", _MAX_LABELS + 1), *lengths], read)


def _column(name: str, kind: str, statistics: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"column_name": name, "column_type": kind, "column_statistics": statistics}


def _missing(count: int, total: int) -> dict[str, Any]:
    return {"nan_count": count, "nan_proportion": _share(count, total)}


def _share(count: int, total: int) -> float:
    return round(count / total, 5) if total else 0.0


def _rounded(value: Any) -> float | None:  # noqa: ANN401 - a number of JSON
    return None if value is None else round(float(value), 5)
