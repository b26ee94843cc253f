"""The beginnings of tables in text files: CSV, TSV and JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence

import attrs
import msgspec

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader
from entrepot.previews.time_limits import timed

SAMPLE = 256 << 10
"""Bytes at the start of a file that are read."""

_MAX_ROWS, _MAX_COLUMNS = 1_000, 1_000
_MAX_FIELD = 128 << 10
_NOTHING: frozenset[str] = frozenset({"", "null", "na", "nan", "none"})
_TRUTH = frozenset({"true", "false"})


@attrs.frozen
class TableSample:
    """The beginning of a table.

    ``columns``: names in order and types (``bool``, ``int``, ``float``, ``string``, ``list``, ``object`` or
    ``null``). ``rows``: the rows of the whole file, counted if ``is_exact``, else estimated from the mean
    length of the sampled rows.
    """

    columns: Mapping[str, str]
    rows: int
    is_exact: bool


def sample_csv(source: RangeReader, *, separator: str = ",") -> TableSample:
    """Return the columns and the number of rows of a CSV file; its first line names the columns.

    Raises:
        Malformed: it is not UTF-8 text, or a row has no end within the sample.
    """
    text, is_whole = _beginning(source, "CSV file")
    csv.field_size_limit(_MAX_FIELD)  # of the process: other readers set theirs
    try:
        rows = [row for row in csv.reader(text.splitlines(keepends=True), delimiter=separator) if row]
    except csv.Error as error:
        raise Malformed("CSV file", str(error)) from error
    if not rows:
        return TableSample({}, 0, True)
    header, body = rows[0][:_MAX_COLUMNS], rows[1:]
    used = body[:_MAX_ROWS]
    columns = {
        name: _merge(_kind_of(row[at]) for row in timed(used, "CSV file") if at < len(row))
        for at, name in enumerate(header)
    }
    first = len(text.splitlines(keepends=True)[0].encode())
    return _sample(columns, len(body), is_whole, sampled=len(text.encode()) - first, total=source.size - first)


def sample_json_lines(source: RangeReader) -> TableSample:
    """Return the columns and the number of rows of a file with one JSON object a line.

    Raises:
        Malformed: it is not UTF-8 text, or a line of the sample is not a JSON object.
    """
    text, is_whole = _beginning(source, "JSON lines file")
    lines = [line for line in text.splitlines() if line.strip()]
    found: dict[str, list[str]] = {}
    for line in lines[:_MAX_ROWS]:
        for name, value in timed(_object(line).items(), "JSON lines file"):
            if name in found or len(found) < _MAX_COLUMNS:
                found.setdefault(name, []).append(_json_kind(value))
    columns = {name: _merge(kinds) for name, kinds in found.items()}
    return _sample(columns, len(lines), is_whole, sampled=len(text.encode()), total=source.size)


def _object(line: str) -> Mapping[str, object]:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("JSON lines file", str(error)) from error
    if not isinstance(value, dict):
        raise Malformed("JSON lines file", "a line is not an object")
    return value


def _beginning(source: RangeReader, what: str) -> tuple[str, bool]:
    """Return the complete lines in the first 256 KiB, and whether this is the whole file."""
    data = source.read_at(0, SAMPLE)
    is_whole = len(data) >= source.size
    if not is_whole:
        data = data[: data.rfind(b"\n") + 1]
        if not data:
            raise Malformed(what, f"its first {SAMPLE >> 10} KiB contain no end of a line")
    try:
        return data.decode("utf-8-sig"), is_whole
    except UnicodeDecodeError as error:
        raise Malformed(what, "it is not UTF-8 text") from error


def _sample(columns: Mapping[str, str], rows: int, is_whole: bool, *, sampled: int, total: int) -> TableSample:
    estimated = rows if is_whole else max(rows, round(total * rows / max(sampled, 1)))
    return TableSample(columns, estimated, is_whole)


def _kind_of(cell: str) -> str:
    word = cell.strip()
    if word.lower() in _NOTHING:
        return "null"
    if word.lower() in _TRUTH:
        return "bool"
    for kind, convert in (("int", int), ("float", float)):
        try:
            convert(word)
        except ValueError:
            continue
        return kind
    return "string"


def _json_kind(value: object) -> str:
    kinds: Sequence[tuple[type, str]] = (
        (bool, "bool"),
        (int, "int"),
        (float, "float"),
        (str, "string"),
        (list, "list"),
        (dict, "object"),
    )
    return next((kind for of, kind in kinds if isinstance(value, of)), "null")


def _merge(kinds: Iterable[str]) -> str:
    """Return the one type that holds all values of a column."""
    found = set(kinds) - {"null"}
    if not found:
        return "null"
    if found == {"int", "float"}:
        return "float"
    return found.pop() if len(found) == 1 else "string"
