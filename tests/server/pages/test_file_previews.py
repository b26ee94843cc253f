from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile

import pytest

from entrepot.previews.sources import BytesRangeReader
from entrepot.server.pages import file_previews
from entrepot.server.pages.file_previews import FileView, view_file


def view(name: str, data: bytes) -> FileView:
    return view_file(name, BytesRangeReader(data))


def test_text_is_lines_with_a_limit() -> None:
    assert list(view("a.log", b"one\r\n<b>\n").lines) == ["one", "<b>"]
    assert list(view("a", b"no end").lines) == ["no end"]
    assert view("a.txt", b"").note == "This file is empty."
    many = view("a.txt", b"x\n" * (file_previews.MAX_LINES + 1))
    assert len(many.lines) == file_previews.MAX_LINES
    assert "first 5,000 lines" in many.note
    long = view("a.txt", b"a" * (file_previews.MAX_TEXT + 1))
    assert len(long.lines[0]) == file_previews.MAX_TEXT
    assert long.note


def test_other_encodings_and_binary_files_are_told() -> None:
    assert "not UTF-8" in view("a.txt", b"caf\xe9").note
    assert view("a.dat", b"\0\1\2").form == "none"
    cut = view("a.txt", b"a" * (file_previews.MAX_TEXT - 1) + "é".encode())
    assert "UTF-8" not in cut.note


@pytest.mark.parametrize(
    ("name", "form"), [("a.PNG", "image"), ("a.mp3", "audio"), ("a.mp4", "video"), ("a.svg", "text")]
)
def test_media_are_shown_by_the_browser_but_pictures_that_can_run_are_text(name: str, form: str) -> None:
    assert view(name, b"<svg onload=alert(1)>").form == form


def safetensors(header: object) -> bytes:
    data = json.dumps(header).encode()
    return struct.pack("<Q", len(data)) + data + bytes(8)


def test_safetensors_are_a_table_of_tensors() -> None:
    header = {"__metadata__": {"format": "<pt>"}, "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    shown = view("m.safetensors", safetensors(header))
    assert shown.form == "table"
    assert list(shown.rows) == [("w", "F32", "2", "2")]
    assert ("Parameters", "2") in shown.facts
    assert ("format", "<pt>") in shown.facts


def test_gguf_is_a_table_of_tensors_and_values() -> None:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    data = (
        b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + text("general.architecture") + struct.pack("<I", 8) + text("<llama>")
    )
    data += text("w") + struct.pack("<IQIQ", 1, 4, 0, 0)
    shown = view("m.gguf", data)
    assert list(shown.rows) == [("w", "F32", "4", "4")]
    assert ("general.architecture", "<llama>") in shown.facts


def test_pickles_are_examined_and_never_loaded() -> None:
    class Bad:
        def __reduce__(self) -> tuple[object, ...]:
            return (exec, ("raise SystemExit",))

    shown = view("m.pkl", pickle.dumps(Bad()))
    assert ("builtins", "exec", "dangerous") in [tuple(row) for row in shown.rows]
    assert "never loaded" in shown.note
    assert ("Most dangerous", "dangerous") in shown.facts


def test_pickles_that_would_take_long_are_not_examined() -> None:
    large = b"\x80\x02" + b"N0" * file_previews.MAX_PICKLE + b"N."
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", large)
    for data in (large, packed.getvalue()):
        shown = view("m.pt", data)
        assert (shown.form, "too large to be examined" in shown.note) == ("none", True)


def test_archives_are_lists_of_their_members() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../evil.txt", "x")
    assert [tuple(row) for row in view("a.zip", packed.getvalue()).rows] == [("../evil.txt", "1")]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("folder/a"), io.BytesIO())
    assert [tuple(row) for row in view("a.tar", packed.getvalue()).rows] == [("folder/a", "0")]


def test_notebooks_are_cells_with_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [
        {"cell_type": "code", "source": "x", "outputs": [{"output_type": "stream", "text": ["<script>"]}]},
        {"cell_type": "markdown", "source": ["# y"]},
    ]
    data = json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}).encode()
    shown = view("n.ipynb", data).notebook
    assert shown is not None
    assert [cell.source for cell in shown.cells] == ["x", "# y"]
    monkeypatch.setattr(file_previews, "MAX_NOTEBOOK_HTML", 10)
    cut = view("n.ipynb", data)
    assert cut.notebook is not None
    assert len(cut.notebook.cells) == 1
    assert "first 1 cells" in cut.note


@pytest.mark.parametrize("name", ["a.safetensors", "a.gguf", "a.zip", "a.tar", "a.ipynb"])
@pytest.mark.parametrize("data", [b"", b"garbage", b"\xff" * 64, b"PK\3\4garbage"])
def test_a_broken_file_says_that_it_cannot_be_shown(name: str, data: bytes) -> None:
    shown = view(name, data)
    assert shown.form in ("none", "table")
    assert shown.form == "none" or not shown.rows
    assert shown.form == "table" or "cannot be shown" in shown.note


def test_the_lines_of_code_have_colours_and_those_of_other_texts_have_none() -> None:
    code = view("a.py", b"if x:\n  '<b>'\n")
    assert code.lines == ['<span class="k">if</span> x:', '  <span class="s">&#x27;&lt;b&gt;&#x27;</span>']
    assert all(hasattr(line, "__html__") for line in code.lines)
    text = view("a.txt", b"if x:\n  '<b>'\n")
    assert text.lines == ["if x:", "  '<b>'"]
    assert not any(hasattr(line, "__html__") for line in text.lines)
