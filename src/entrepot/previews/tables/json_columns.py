"""JSON files as tables whose columns have the types that ``datasets`` gives them. Needs pyarrow.

``datasets`` reads 10 MiB of lines at a time with Arrow's reader. Where values have no common type, or objects
different keys, it keeps them as JSON texts, as the feature ``Json``; so does this module. ``datasets`` is
the oracle of the tests.

Source: docs/dataset-viewer.md, section "Conversion to Parquet".
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader

BATCH_BYTES = 10 << 20
"""Bytes, to the end of a line, whose values decide together about the types of the columns."""

MAX_DEPTH = 64
"""Levels of nested values."""

_MAX_LINE = 64 << 20
_MAX_MIXED = 200
_TOO_MIXED = "too many members have values of several types"
_EXACT = 1 << 53
_MONTHS = "jan january feb february mar march apr april may jun june jul july aug august sep sept september"
_DAYS = "mon monday tue tuesday wed wednesday thu thursday fri friday sat saturday sun sunday am pm utc gmt now today"
_DATE_WORDS = frozenset(
    f"{_MONTHS} oct october nov november dec december {_DAYS} nat nan na null none inf infinity st nd rd th".split()
)

Path = tuple[str | int, ...]
"""The way to a value: names of members, and 0 for the items of a list."""


class JsonBatches:
    """Reads JSON files one after the other. ``mixed``: where values are kept as JSON texts."""

    def __init__(self) -> None:
        self.mixed: list[Path] = []
        self._is_first = True

    def read(self, source: RangeReader) -> Iterator[Any]:
        """Yield the rows of a file as Arrow tables.

        Raises:
            Malformed: it is no JSON file that ``datasets`` could read in the same way.
        """
        for batch in line_batches(source):
            if self._is_first:
                self.mixed += self._find_mixed(batch)
                self._is_first = False
                if len(self.mixed) > _MAX_MIXED:
                    raise Malformed("JSON file", _TOO_MIXED)
            yield self._parse(batch)

    @staticmethod
    def _find_mixed(batch: bytes) -> list[Path]:
        try:
            rows = [json.loads(line) for line in batch.splitlines()]
        except (ValueError, RecursionError):
            return []  # blank lines, or one object over several lines
        return find_mixed(rows)

    def _parse(self, batch: bytes) -> Any:  # noqa: ANN401 - a table of pyarrow
        import pyarrow as pa
        from pyarrow import json as arrow_json

        for _ in range(_MAX_MIXED):
            lines = self._encoded(batch)
            options = arrow_json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
            try:
                table = arrow_json.read_json(pa.BufferReader(lines), read_options=options)
                table.validate(full=True)
            except pa.ArrowInvalid as error:
                path = _path_of(str(error), batch)
                if path is None or path in self.mixed:
                    raise Malformed("JSON file", _line_of(error)) from error
                self.mixed = [known for known in self.mixed if known[: len(path)] != path] + [path]
            except (pa.ArrowException, OverflowError) as error:
                raise Malformed("JSON file", _line_of(error)) from error
            else:
                return table
        raise Malformed("JSON file", _TOO_MIXED)

    def _encoded(self, batch: bytes) -> bytes:
        if not self.mixed:
            return batch
        try:
            rows = [json.loads(line) for line in batch.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise Malformed("JSON file", "a line is not a JSON value") from error
        for path in self.mixed:
            rows = [_as_text(row, path) for row in rows]
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def read_field(source: RangeReader, field: str) -> Any:  # noqa: ANN401 - a table of pyarrow
    """Return the rows that one member of a JSON object is, as a table with the types that pandas would give them.

    ``datasets`` lets pandas read the member, not Arrow. Where pandas changes values, by their names or because it
    reads fractions inexactly, the file is refused.

    Args:
        field: name of the member: a list of objects or of other values (the column ``text``), or an object of lists.

    Raises:
        Malformed: there is none, or ``datasets`` would not read it, or not as it is.
    """
    import pyarrow as pa

    try:
        document = json.loads(source.read_at(0, source.size).decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("JSON file", f"it is not a JSON object: {_line_of(error)}") from error
    if not isinstance(document, dict) or field not in document:
        raise Malformed("JSON file", f"it has no member {field!r}")
    columns = _columns_of(document[field], field)
    if columns.keys() == {None}:
        return pa.table({"text": _typed(field, columns[None])})
    if not any(_is_word(name) for name in columns if name is not None):
        raise Malformed("JSON file", "the names of its columns may be read as numbers or dates")
    return pa.table({name: _typed(name, values) for name, values in columns.items() if name is not None})


def _columns_of(rows: Any, field: str) -> Mapping[str | None, list[Any]]:  # noqa: ANN401 - JSON
    """Return the columns of a member of an object; None names that of values that are no objects."""
    if isinstance(rows, dict) and rows and all(isinstance(values, list) for values in rows.values()):
        if len({len(values) for values in rows.values()}) == 1:
            return dict(rows)
    elif isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}
    elif isinstance(rows, list) and rows and not any(isinstance(row, dict | list) for row in rows):
        return {None: rows}
    raise Malformed("JSON file", f"its member {field!r} is neither a list of objects or values nor an object of lists")


def _typed(name: str | None, values: Sequence[Any]) -> Any:  # noqa: ANN401 - JSON, and an array of pyarrow
    """Return a column with the type that pandas gives its values."""
    import pyarrow as pa

    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    if kinds <= {str} or kinds == {bool}:
        _check_dates(name, kinds)
        return pa.array(values, pa.null() if not kinds else pa.bool_() if kinds == {bool} else pa.string())
    if kinds <= {int, float}:
        return _numbers(name, values, kinds)
    if kinds <= {dict, list}:
        return _nested(name, values)
    raise Malformed("JSON file", f"the column {name!r} has values of several types")


def _numbers(name: str | None, values: Sequence[Any], kinds: set[type]) -> Any:  # noqa: ANN401 - an array of pyarrow
    """Return a column of numbers, which pandas reads as floats if one is missing or a fraction."""
    import pyarrow as pa

    _check_dates(name, kinds)
    whole = [None if value is None else _whole(value) for value in values]
    present = [number for number in whole if number is not None]
    is_plain = kinds == {int} and len(present) == len(values)
    if not is_plain and max(map(abs, present)) > _EXACT:
        raise Malformed("JSON file", f"the column {name!r} has numbers of more than 53 bits beside others")
    return pa.array(whole, pa.uint64() if max(present) >= 1 << 63 else pa.int64())


def _nested(name: str | None, values: Sequence[Any]) -> Any:  # noqa: ANN401 - an array of pyarrow
    """Return a column of objects and lists, after checking the numbers in them."""
    import pyarrow as pa

    waiting: list[tuple[Any, int]] = [(value, 0) for value in values if value is not None]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Malformed("JSON file", f"values are nested more than {MAX_DEPTH} levels deep")
        if isinstance(value, dict | list):
            waiting += [(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value)]
        elif isinstance(value, float):
            _whole(value)
    found = pa.array(values, from_pandas=True)
    if _has_empty(found.type):
        raise Malformed("JSON file", f"the column {name!r} has objects without members")
    return found


def _has_empty(kind: Any) -> bool:  # noqa: ANN401 - a type of pyarrow
    """Return whether a type has objects without members, which Parquet cannot store."""
    import pyarrow.types as types

    members = [kind.field(at).type for at in range(kind.num_fields)]
    return (types.is_struct(kind) and not members) or any(map(_has_empty, members))


def _whole(number: float) -> int:
    if number != number // 1 or (isinstance(number, float) and abs(number) > _EXACT):
        raise Malformed("JSON file", f"datasets would read the number {number} in a 'field' inexactly")
    return int(number)


def _check_dates(name: str | None, kinds: set[type]) -> None:
    """Refuse a column that pandas may read as times because of its name."""
    text = (name or "").lower()
    is_date = (
        text.endswith(("_at", "_time")) or text in ("modified", "date", "datetime") or text.startswith("timestamp")
    )
    if is_date and kinds != {bool}:
        raise Malformed("JSON file", f"the column {name!r} in a 'field' may be read as times because of its name")


def _is_word(name: str) -> bool:
    """Return whether a name certainly is no number or date."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    return any(word not in _DATE_WORDS and (len(word) > 1 or name.isalpha()) for word in words)


def _refuse_constant(name: str) -> Any:  # noqa: ANN401 - it never returns
    raise ValueError(f"it has the number {name}")


def find_mixed(rows: Sequence[Any]) -> list[Path]:
    """Return where objects have different keys, or stand beside values that are none."""
    found: list[Path] = []
    waiting: list[tuple[Path, list[Any]]] = [((), [row for row in rows if row is not None])]
    while waiting:
        path, values = waiting.pop(0)
        if not values:
            continue
        if len(path) > MAX_DEPTH:
            raise Malformed("JSON file", f"values are nested more than {MAX_DEPTH} levels deep")
        if all(isinstance(value, dict) for value in values):
            keys = set(values[0])
            if path and (not keys or any(set(value) != keys for value in values)):
                found.append(path)
                continue
            members: dict[str, list[Any]] = {}
            for value in values:
                for name, member in value.items():
                    members.setdefault(name, []).extend(() if member is None else (member,))
            waiting += [((*path, name), present) for name, present in members.items()]
        elif all(isinstance(value, list) for value in values):
            waiting.append(((*path, 0), [item for value in values for item in value if item is not None]))
        elif any(isinstance(value, dict | list) for value in values):
            found.append(path)
    return found


def mark_mixed(features: Mapping[str, Any], mixed: Sequence[Path]) -> Mapping[str, Any]:
    """Return a copy of features in which these places have the feature ``Json``."""
    features = copy.deepcopy(features)
    for path in mixed:
        place: Any = {"feature": features}  # a list of rows, so to speak
        key: Any = "feature"
        for part in path:
            place, key = place[key], part if isinstance(part, str) else "feature"
            if not isinstance(place, dict) or key not in place:
                break
        else:
            place[key] = {"_type": "Json"}
    return features


def _as_text(value: Any, path: Path) -> Any:  # noqa: ANN401 - JSON
    """Return a value in which the one at a path is a JSON text; a text that is JSON already stays."""
    if value is None:
        return None
    if not path:
        if isinstance(value, str):
            try:
                json.loads(value)
            except (ValueError, RecursionError):
                pass
            else:
                return value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    first, rest = path[0], path[1:]
    if isinstance(first, str):
        return {**value, first: _as_text(value.get(first), rest)} if isinstance(value, dict) else value
    return [_as_text(item, rest) for item in value] if isinstance(value, list) else value


def _path_of(message: str, batch: bytes) -> Path | None:
    """Return the path in Arrow's message about values of several types; None for other messages.

    Arrow writes names as they are, so a name with a slash is not found.
    """
    if "Column(" not in message or ") changed from" not in message:
        return None
    text = message.split("Column(", 1)[1].rsplit(") changed from", 1)[0]
    path: Path = tuple(0 if part == "[]" else part for part in text.removeprefix("/").split("/"))
    if not text or not any(f'"{part}"'.encode() in batch for part in path if isinstance(part, str)):
        return None
    return path


def line_batches(source: RangeReader) -> Iterator[bytes]:
    """Yield the lines of a file, at least 10 MiB at a time; a list becomes the lines of its items.

    Raises:
        Malformed: a line is too long, or the list is none.
    """
    at = 0
    while at < source.size:
        batch = source.read_at(at, BATCH_BYTES)
        at += len(batch)
        if at == len(batch):
            batch = batch.removeprefix(b"\xef\xbb\xbf")
            if batch.startswith(b"["):
                yield _lines_of_list(batch + source.read_at(at, source.size - at))
                return
        while at < source.size and not batch.endswith(b"\n"):
            piece = source.read_at(at, 1 << 16)
            end = piece.find(b"\n") + 1 or len(piece)
            batch += piece[:end]
            at += end
            if len(batch) > BATCH_BYTES + _MAX_LINE:
                raise Malformed("JSON file", f"a line has more than {_MAX_LINE:,} bytes")
        yield batch


def _lines_of_list(data: bytes) -> bytes:
    try:
        items = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed("JSON file", "it begins like a list, but is not a valid one") from error
    rows = items if any(isinstance(item, dict) for item in items[:1]) else [{"text": item} for item in items]
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def _line_of(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
