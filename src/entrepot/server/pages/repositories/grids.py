"""Tables as pages show them: columns with types and statistics, and cells cut to what a page can hold.

Pure: rows in the shapes of the dataset viewer become values of a template. What a
cell says is text; only media that lie in the repository, or in the cell itself, are shown.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import InvalidPath
from entrepot.names import RepoPath, parse_path
from entrepot.previews.media import EMBEDDED, IN_REPO, KINDS
from entrepot.server.hf.files.cell_media import MediaPlace
from entrepot.server.pages.formats import count_text

_FORMS = {"Image": ("embedded", "image"), "Audio": ("audio", "audio"), "Video": ("video", "video")}

MAX_COLUMNS = 60
"""Columns that are shown."""

MAX_CELL = 400
"""Characters of a cell, in a table of many rows."""

MAX_SINGLE = 20_000
"""Characters of a cell, if only one row is shown."""

MAX_THUMBNAIL = 256 << 10
"""Bytes of a picture that is shown in its cell; of larger ones there is a link."""

_MAX_TEXT, _MIN_CELL = 600_000, 40
_MAX_PICTURES = 200
PICTURE = re.compile(r"\.(?:png|jpe?g|gif|webp|svg)\Z", re.IGNORECASE)
"""Matches the end of the path of a picture that pages show."""


@attrs.frozen
class GridBar:
    """A bar of a histogram in a box of 26 units: its height, and what it stands for."""

    height: float
    label: str


@attrs.frozen
class GridColumn:
    """A column: its type in words, and what statistics say of it."""

    name: str
    type: str
    is_number: bool
    note: str = ""
    bars: Sequence[GridBar] = ()


@attrs.frozen
class GridCell:
    """A cell. ``form``: ``text``, ``number``, ``missing``, ``picture`` (in the repository), ``link``, or, for a medium
    that is the cell itself, ``embedded``, ``audio`` or ``video``.

    ``target``: path of a picture in the repository, or the address of a medium that is the cell itself.
    """

    form: str
    text: str
    target: str = ""
    is_cut: bool = False


@attrs.frozen
class GridRow:
    """A row and its index in the table."""

    index: int
    cells: Sequence[GridCell]


@attrs.frozen
class Grid:
    """A part of a table. ``total``: rows that it has, or, if ``is_partial``, that can be read."""

    columns: Sequence[GridColumn]
    rows: Sequence[GridRow]
    total: int
    is_partial: bool = False
    hidden: int = 0


def grid_of(
    features: Mapping[str, Any],
    rows: Sequence[tuple[int, Mapping[str, Any]]],
    total: int,
    *,
    is_partial: bool = False,
    pictures: Mapping[str, tuple[RepoPath, int]] | None = None,
    statistics: Iterable[Mapping[str, Any]] = (),
    media: MediaPlace | None = None,
    most: int = MAX_CELL,
) -> Grid:
    """Return rows as a table.

    Args:
        rows: the index of each row, and its cells as JSON.
        pictures: texts of cells that name pictures of the repository, with path and size.
        statistics: of columns, in the shapes of the dataset viewer.
        media: where the rows are; None: their images, audio and video are named only.
        most: characters of a cell, of several rows.
    """
    names = list(features)[:MAX_COLUMNS]
    room = _room(len(rows), len(names), most)
    known = {str(item.get("column_name")): item for item in statistics}
    columns = [_column(name, features[name], known.get(name)) for name in names]
    linked = rows if media is None else media.link_rows(rows, features)
    found = [
        GridRow(index, [_cell(row.get(name), features[name], room, pictures or {}) for name in names])
        for index, row in linked
    ]
    return Grid(columns, found, total, is_partial, len(features) - len(names))


def picture_paths(rows: Iterable[Mapping[str, Any]], folders: Sequence[str]) -> dict[str, list[RepoPath]]:
    """Return the texts in cells that may name pictures of the repository, with the paths that they may mean."""
    found: dict[str, list[RepoPath]] = {}
    for text in _texts(rows):
        if len(found) >= _MAX_PICTURES:
            break
        if text not in found and len(text) < 300 and PICTURE.search(text) and "://" not in text:
            paths = list(_paths(text, folders))
            if paths:
                found[text] = paths
    return found


def type_text(kind: Any, depth: int = 0) -> str:  # noqa: ANN401 - JSON
    """Return the type of a column in words."""
    if isinstance(kind, list):
        return f"list of {type_text(kind[0], depth + 1)}" if kind and depth < 3 else "list"
    if not isinstance(kind, dict):
        return "unknown"
    name = kind.get("_type")
    if name == "Value":
        return str(kind.get("dtype", "unknown"))[:40]
    if name == "ClassLabel":
        names = kind.get("names")
        return f"label, {len(names):,} names" if isinstance(names, list) else "label"
    if name in ("List", "LargeList", "Sequence"):
        return f"list of {type_text(kind.get('feature'), depth + 1)}" if depth < 3 else "list"
    return str(name).lower()[:40] if isinstance(name, str) else "struct"


def _room(rows: int, columns: int, most: int) -> int:
    most = MAX_SINGLE if rows == 1 else most
    return max(_MIN_CELL, min(most, _MAX_TEXT // max(rows * columns, 1)))


def _texts(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield from (cell for cell in row.values() if isinstance(cell, str))


def _paths(text: str, folders: Sequence[str]) -> Iterator[RepoPath]:
    for folder in folders:
        try:
            yield parse_path(posixpath.join(folder, text))
        except InvalidPath:
            continue


def _column(name: str, kind: Any, statistics: Mapping[str, Any] | None) -> GridColumn:  # noqa: ANN401 - JSON
    dtype = kind.get("dtype", "") if isinstance(kind, dict) and kind.get("_type") == "Value" else ""
    is_number = str(dtype).startswith(("int", "uint", "float", "decimal"))
    note, bars = ("", ()) if statistics is None else _summary(statistics)
    return GridColumn(name, type_text(kind), is_number, note, bars)


def _cell(value: Any, kind: Any, room: int, pictures: Mapping[str, tuple[RepoPath, int]]) -> GridCell:  # noqa: ANN401
    if value is None:
        return GridCell("missing", "missing")
    if isinstance(value, bool):
        return GridCell("text", "true" if value else "false")
    if isinstance(value, int | float):
        label = _label(value, kind)
        return GridCell("number", str(value)) if label is None else GridCell("text", f"{label} ({value})")
    if isinstance(value, str):
        if value in pictures:
            path, size = pictures[value]
            return GridCell("picture" if size <= MAX_THUMBNAIL else "link", value, path)
        return GridCell("text", value[:room], is_cut=len(value) > room)
    form = kind.get("_type") if isinstance(kind, dict) else None
    if form in KINDS and isinstance(value, dict | list):
        return _medium(value, str(form))
    text = json.dumps(value, ensure_ascii=False)
    return GridCell("text", text[:room], is_cut=len(text) > room)


def _medium(value: Any, kind: str) -> GridCell:  # noqa: ANN401 - JSON
    found = value[0] if isinstance(value, list) and len(value) == 1 else value
    known = found if isinstance(found, dict) else {}
    src, width, height = known.get("src"), known.get("width"), known.get("height")
    form, word = _FORMS[kind]
    text = f"{word}, {width} × {height}" if isinstance(width, int) and isinstance(height, int) else word
    is_linked = isinstance(src, str) and not src.startswith((EMBEDDED, IN_REPO))
    return GridCell(form, text, str(src)) if is_linked else GridCell("text", text)


def _label(value: float, kind: Any) -> str | None:  # noqa: ANN401 - JSON
    names = kind.get("names") if isinstance(kind, dict) and kind.get("_type") == "ClassLabel" else None
    is_known = isinstance(names, list) and isinstance(value, int) and 0 <= value < len(names)
    return str(names[value])[:100] if is_known and names is not None and isinstance(value, int) else None


def _summary(item: Mapping[str, Any]) -> tuple[str, Sequence[GridBar]]:
    """Return the statistics of a column as one line, and its histogram."""
    found, kind = item.get("column_statistics") or {}, item.get("column_type")
    share = float(found.get("nan_proportion") or 0)
    missing = [f"{share * 100:.3g} % missing"] if share else []
    frequencies = found.get("frequencies")
    if isinstance(frequencies, dict):
        shown = sorted(frequencies.items(), key=lambda pair: -pair[1])[:10]
        number = int(found.get("n_unique") or len(frequencies))
        words = f"{number:,} value{'s' if number != 1 else ''}"
        return ", ".join([words, *missing]), _bars([(count, str(name)[:60]) for name, count in shown])
    histogram = found.get("histogram")
    if not isinstance(histogram, dict):
        return ", ".join(missing), ()
    edges, counts = histogram["bin_edges"], histogram["hist"]
    span = f"{_short(found.get('min'))} to {_short(found.get('max'))}"
    words = f"{span} characters" if kind == "string_text" else f"{span} items" if kind == "list" else span
    mean = [] if found.get("mean") is None else [f"mean {_short(found['mean'])}"]
    labels = [f"{_short(edges[at])} to {_short(edges[at + 1])}" for at in range(len(counts))]
    return ", ".join([words, *mean, *missing]), _bars(list(zip(counts, labels, strict=True)))


def _bars(counted: Sequence[tuple[int, str]]) -> Sequence[GridBar]:
    top = max((count for count, _ in counted), default=0)
    return [
        GridBar(max(round(26 * count / top, 1), 0.6 if count else 0.0), f"{label}: {count_text(count)}")
        for count, label in counted
        if top
    ]


def _short(value: Any) -> str:  # noqa: ANN401 - a number of JSON
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**15 else f"{value:.4g}"
    return f"{value:.4g}" if isinstance(value, float) else "?"
