"""Jupyter notebooks: their cells as text, without running or rendering anything.

Source: the notebook format, version 4 (nbformat).
"""

from __future__ import annotations

import string
from typing import Any, TypeVar

import msgspec

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader
from entrepot.previews.time_limits import within_time

MAX_NOTEBOOK = 16 << 20
"""Bytes of a notebook that is read."""

_MAX_CELLS, _MAX_OUTPUTS, _MAX_TEXT = 1_000, 100, 64 << 10
_MAX_OBJECTS, _MAX_CELL_OBJECTS, _MAX_QUOTES = 250_000, 50_000, 400_000
_BASE64 = (string.ascii_letters + string.digits + "+/=").encode()
_EMPTY = msgspec.Raw()

T = TypeVar("T")


class Output(msgspec.Struct, frozen=True):
    """One output of a cell: ``kind`` is ``text``, ``error`` or an image type, whose ``text`` is base64."""

    kind: str
    text: str


class Cell(msgspec.Struct, frozen=True):
    """A cell: ``kind`` is ``code``, ``markdown`` or ``raw``; texts are cut after 64 Ki characters.

    Outputs with more than 50,000 objects are left out.
    """

    kind: str
    source: str
    outputs: tuple[Output, ...] = ()


class Notebook(msgspec.Struct, frozen=True):
    """The first 1,000 cells of a notebook and the language of its code."""

    language: str
    cells: tuple[Cell, ...]
    is_complete: bool


class _Language(msgspec.Struct):
    name: str = ""
    language: str = ""


class _Metadata(msgspec.Struct):
    kernelspec: _Language = msgspec.field(default_factory=_Language)
    language_info: _Language = msgspec.field(default_factory=_Language)


class _RawCell(msgspec.Struct):
    cell_type: str = ""
    source: msgspec.Raw = _EMPTY
    outputs: msgspec.Raw = _EMPTY


class _Bundle(msgspec.Struct):
    """The forms of an output that are shown."""

    plain: msgspec.Raw = msgspec.field(default=_EMPTY, name="text/plain")
    png: msgspec.Raw = msgspec.field(default=_EMPTY, name="image/png")
    jpeg: msgspec.Raw = msgspec.field(default=_EMPTY, name="image/jpeg")
    gif: msgspec.Raw = msgspec.field(default=_EMPTY, name="image/gif")
    webp: msgspec.Raw = msgspec.field(default=_EMPTY, name="image/webp")


class _RawOutput(msgspec.Struct):
    output_type: str = ""
    text: msgspec.Raw = _EMPTY
    traceback: msgspec.Raw = _EMPTY
    evalue: msgspec.Raw = _EMPTY
    data: _Bundle = msgspec.field(default_factory=_Bundle)


class _Document(msgspec.Struct):
    """What is decoded of a notebook; everything else is passed over."""

    nbformat: int = 0
    cells: list[_RawCell] | None = None
    metadata: msgspec.Raw = _EMPTY


def read_notebook(source: RangeReader) -> Notebook:
    """Return the cells of a notebook.

    Raises:
        Malformed: it is larger than 16 MiB, not JSON, not of version 4, or has too many objects.
    """
    if source.size > MAX_NOTEBOOK:
        raise Malformed("notebook", f"it has {source.size:,} bytes, and {MAX_NOTEBOOK:,} are read at most")
    data = source.read_at(0, source.size)
    if data.count(b"{") > _MAX_OBJECTS:
        raise Malformed("notebook", f"it has more than {_MAX_OBJECTS:,} objects")
    try:
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("notebook", str(error)) from error
    cells = document.cells
    if document.nbformat != 4 or cells is None:
        raise Malformed("notebook", "it is not of version 4 of the format")
    shown = tuple(_cell(cell) for cell in within_time(cells[:_MAX_CELLS]))
    return Notebook(_language(document.metadata), shown, len(shown) == len(cells))


def _language(metadata: msgspec.Raw) -> str:
    found = _decoded(metadata, _Metadata, _Metadata())
    return found.language_info.name or found.kernelspec.language or "python"


def _cell(cell: _RawCell) -> Cell:
    kind = cell.cell_type if cell.cell_type in ("code", "markdown", "raw") else "raw"
    is_large = bytes(cell.outputs).count(b"{") > _MAX_CELL_OBJECTS
    outputs: list[_RawOutput] = [] if is_large else _decoded(cell.outputs, list[_RawOutput], [])
    found = [_output(item) for item in within_time(outputs[:_MAX_OUTPUTS])]
    return Cell(kind, _text(cell.source), tuple(output for output in found if output is not None))


def _output(item: _RawOutput) -> Output | None:
    if item.output_type == "stream":
        return Output("text", _text(item.text))
    if item.output_type == "error":
        return Output("error", _text(item.traceback, "\n") or _text(item.evalue))
    bundle = item.data
    for image in ("png", "jpeg", "gif", "webp"):
        value: msgspec.Raw = getattr(bundle, image)
        if value is not _EMPTY and (content := _base64("".join(_parts(value)))):
            return Output(f"image/{image}", content)
    return Output("text", _text(bundle.plain)) if bundle.plain is not _EMPTY else None


def _base64(text: str) -> str:
    """Return the base64 of a picture without white space; an empty text if it is not base64."""
    data = text.encode("ascii", "replace").translate(None, b" \t\r\n")
    return "" if data.translate(None, _BASE64) else data.decode()


def _text(value: msgspec.Raw, between: str = "") -> str:
    return between.join(_parts(value))[:_MAX_TEXT]


def _parts(value: msgspec.Raw) -> list[str]:
    """Return the lines of a text, which may be stored as a text or as a list."""
    if bytes(value).count(b'"') > _MAX_QUOTES:
        return []  # a list of short texts takes twenty times its bytes
    found = _decoded(value, str | list[str], "")
    return [found] if isinstance(found, str) else found


def _decoded(value: msgspec.Raw, kind: Any, default: T) -> T:  # noqa: ANN401 - a type or a union of types
    """Return a part of a notebook; the default if it has another form."""
    if value is _EMPTY:
        return default
    try:
        found: T = msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return default
    return found
