"""Jupyter notebooks: their cells as text, without running or rendering anything.

Source: the notebook format, version 4 (nbformat).
"""

from __future__ import annotations

import msgspec

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader

MOST_NOTEBOOK = 16 << 20
"""Bytes of a notebook that is read."""

_MOST_CELLS, _MOST_TEXT = 1_000, 64 << 10
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")


class Output(msgspec.Struct, frozen=True):
    """One output of a cell: ``kind`` is ``text``, ``error`` or an image type, whose ``text`` is base64."""

    kind: str
    text: str


class Cell(msgspec.Struct, frozen=True):
    """A cell: ``kind`` is ``code``, ``markdown`` or ``raw``; texts are cut after 64 Ki characters."""

    kind: str
    source: str
    outputs: tuple[Output, ...] = ()


class Notebook(msgspec.Struct, frozen=True):
    """The first 1,000 cells of a notebook and the language of its code."""

    language: str
    cells: tuple[Cell, ...]
    is_complete: bool


def read_notebook(source: RangeReader) -> Notebook:
    """Return the cells of a notebook.

    Raises:
        Malformed: it is larger than 16 MiB, not JSON, or not of version 4.
    """
    if source.size > MOST_NOTEBOOK:
        raise Malformed("notebook", f"it has {source.size:,} bytes, and {MOST_NOTEBOOK:,} are read at most")
    try:
        document = msgspec.json.decode(source.read_at(0, source.size))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("notebook", str(error)) from error
    if not isinstance(document, dict) or document.get("nbformat") != 4 or not isinstance(document.get("cells"), list):
        raise Malformed("notebook", "it is not of version 4 of the format")
    cells = [cell for cell in document["cells"] if isinstance(cell, dict)]
    kernel = _mapping(_mapping(document.get("metadata")).get("kernelspec"))
    language = _mapping(_mapping(document.get("metadata")).get("language_info")).get("name", kernel.get("language"))
    shown = tuple(_cell(cell) for cell in cells[:_MOST_CELLS])
    return Notebook(language if isinstance(language, str) else "python", shown, len(cells) <= _MOST_CELLS)


def _cell(cell: dict[str, object]) -> Cell:
    kind = cell.get("cell_type")
    outputs = cell.get("outputs")
    found = [_output(item) for item in outputs[:100] if isinstance(item, dict)] if isinstance(outputs, list) else []
    return Cell(
        kind if kind in ("code", "markdown", "raw") and isinstance(kind, str) else "raw",
        _text(cell.get("source")),
        tuple(output for output in found if output is not None),
    )


def _output(item: dict[str, object]) -> Output | None:
    kind = item.get("output_type")
    if kind == "stream":
        return Output("text", _text(item.get("text")))
    if kind == "error":
        return Output("error", _text(item.get("traceback"), "\n") or _text(item.get("evalue")))
    data = _mapping(item.get("data"))
    for image in _IMAGES:
        if image in data:
            return Output(image, "".join(_parts(data[image])))
    return Output("text", _text(data["text/plain"])) if "text/plain" in data else None


def _text(value: object, between: str = "") -> str:
    return between.join(_parts(value))[:_MOST_TEXT]


def _parts(value: object) -> list[str]:
    """Return the lines of a text, which may be stored as a text or as a list."""
    if isinstance(value, str):
        return [value]
    return [line for line in value if isinstance(line, str)] if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
