"""Previews of files on pages: pure readers of the first bytes, the header or the directory, all with bounds.

Nothing is executed or unpacked. A file that cannot be read is shown with the
reason; the page then offers its download.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
from markupsafe import Markup

from entrepot.errors import Malformed
from entrepot.previews import archives, notebooks, pickles
from entrepot.previews.sources import RangeReader
from entrepot.server.files import BINARY, TEXT, media_type
from entrepot.server.rendering.code_colours import ColourBudget, colour_lines
from entrepot.server.rendering.code_languages import language_of_file
from entrepot.server.rendering.tensor_lists import (
    ALL,
    COLUMNS,
    ENDINGS,
    TensorFilter,
    TensorList,
    list_tensors,
    note_of,
)
from entrepot.server.responders import SVG

MAX_TEXT = 512 << 10
"""Bytes of a text that are shown."""

MAX_LINES = 5_000
"""Lines of a text that are shown."""

MAX_ROWS = 2_000
"""Rows of a table of imports or members that are shown."""

MAX_NOTEBOOK_HTML = 8 << 20
"""Bytes of sources and outputs of a notebook that are shown."""

MAX_PICKLE = 4 << 20
"""Bytes of pickles that are examined for a page."""

_MAX_DIRECTORY = 1 << 20


@attrs.frozen
class FileView:
    """The preview of a file.

    ``form``: the part of the template; ``note``: why the preview is incomplete or empty; ``lines``: lines of text,
    of code as HTML; ``is_svg``: whether the text is that of a picture;
    ``tensors``: the tensors of the file, for the table.
    """

    form: str
    note: str = ""
    lines: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    notebook: notebooks.Notebook | None = None
    tensors: TensorList | None = None
    is_svg: bool = False


@attrs.frozen
class _Viewer:
    endings: tuple[str, ...]
    view: Callable[[RangeReader], FileView]


def view_file(name: str, source: RangeReader, wanted: TensorFilter = ALL) -> FileView:
    """Return the preview of a file, chosen by its name, size and content.

    Args:
        wanted: which tensors are shown, of a file with tensors.
    """
    lower = name.lower()
    try:
        if lower.endswith(ENDINGS):
            return _view_tensors(name, source, wanted)
        for viewer in _VIEWERS:
            if lower.endswith(viewer.endings):
                return viewer.view(source)
    except Malformed as error:
        return FileView("none", f"This file cannot be shown: {error.message}.")
    kind = media_type(name)
    if kind == SVG:
        return attrs.evolve(_view_code(name, source), is_svg=source.size > 0)
    for form in ("image", "audio", "video"):
        if kind.startswith(f"{form}/"):
            return FileView(form)
    if kind in (TEXT, BINARY):
        return _view_code(name, source)
    return FileView("none", "Files of this type are not shown.")


def _view_code(name: str, source: RangeReader) -> FileView:
    """Return the first lines of a text, in colours if its language is known."""
    view = view_text(source)
    language = language_of_file(name)
    if language is not None and view.lines:
        lines = colour_lines(view.lines, language, ColourBudget())
        return attrs.evolve(view, lines=[Markup(line) for line in lines])  # noqa: S704 - escaped there
    return view


def view_text(source: RangeReader) -> FileView:
    """Return the first lines of a text; a note if it is binary, or longer."""
    if source.size == 0:
        return FileView("text", "This file is empty.")
    data = source.read_at(0, min(source.size, MAX_TEXT))
    if b"\0" in data[:8192]:
        return FileView("none", "This file is not text. It can be downloaded.")
    try:
        text = data.decode("utf-8")
        note = ""
    except UnicodeDecodeError as error:
        is_cut = error.end >= len(data) - 4 and len(data) < source.size
        text = data.decode("utf-8", "replace")
        note = "" if is_cut else "Some bytes are not UTF-8; they are shown as �."
    lines = text.split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    if len(data) < source.size or len(lines) > MAX_LINES:
        note = (
            f"Only the first {min(len(lines), MAX_LINES):,} lines are shown; download the file for all. {note}".strip()
        )
    return FileView("text", note, [line.rstrip("\r") for line in lines[:MAX_LINES]])


def _view_tensors(name: str, source: RangeReader, wanted: TensorFilter) -> FileView:
    found = list_tensors(name, source, wanted)
    return FileView("table", note_of(found), (), found.facts, COLUMNS, found.rows, tensors=found)


def _view_pickle(source: RangeReader) -> FileView:
    size = source.size
    if source.read_at(0, 4) == b"PK\3\4":
        found = archives.list_zip(source)
        size = sum(member.size for member in found.members if member.name.endswith(pickles.MEMBERS))
        size = size if found.is_complete else source.size
    if size > MAX_PICKLE:
        return FileView("none", "This pickle is too large to be examined here. Loading it would run its code.")
    scan = pickles.scan_pickles(source, most=MAX_PICKLE, most_directory=_MAX_DIRECTORY)
    rows = [(item.module, item.name, item.safety) for item in scan.imports[:MAX_ROWS]]
    note = "This file is a pickle: loading it runs code. It was only examined, never loaded."
    if not scan.is_complete:
        note += " A part of it could not be read, so imports may be missing."
    facts = [("Imports", f"{len(scan.imports):,}"), ("Most dangerous", scan.worst)]
    return FileView("table", note, (), facts, ("Module", "Name", "Judged as"), rows)


def _view_zip(source: RangeReader) -> FileView:
    return _members(archives.list_zip(source, most=MAX_ROWS))


def _view_tar(source: RangeReader) -> FileView:
    return _members(archives.list_tar(source, most=MAX_ROWS))


def _members(found: archives.ArchiveMembers) -> FileView:
    rows = [(member.name, "folder" if member.is_folder else f"{member.size:,}") for member in found.members]
    note = "" if found.is_complete else f"Only the first {len(rows):,} members are listed."
    return FileView("table", note, (), [("Members", f"{len(rows):,}")], ("Name", "Bytes unpacked"), rows)


def _view_notebook(source: RangeReader) -> FileView:
    found = notebooks.read_notebook(source)
    kept, left = [], MAX_NOTEBOOK_HTML
    for cell in found.cells:
        left -= len(cell.source) + sum(len(output.text) for output in cell.outputs)
        if left < 0:
            break
        kept.append(cell)
    is_complete = found.is_complete and len(kept) == len(found.cells)
    note = "" if is_complete else f"Only the first {len(kept):,} cells are shown."
    return FileView("notebook", note, notebook=notebooks.Notebook(found.language, tuple(kept), is_complete))


_VIEWERS = (
    _Viewer((".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib"), _view_pickle),
    _Viewer((".zip",), _view_zip),
    _Viewer((".tar",), _view_tar),
    _Viewer((".ipynb",), _view_notebook),
)
