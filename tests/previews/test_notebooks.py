from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from entrepot.errors import Malformed
from entrepot.previews.notebooks import MAX_NOTEBOOK, Cell, Output, read_notebook
from entrepot.previews.sources import BytesRangeReader
from tests.support.memory import measured_peak


def reader(document: Any) -> BytesRangeReader:
    return BytesRangeReader(json.dumps(document).encode())


def test_cells_have_sources_and_outputs() -> None:
    document = {
        "nbformat": 4,
        "metadata": {"language_info": {"name": "julia"}},
        "cells": [
            {"cell_type": "markdown", "source": ["# A\n", "text"]},
            {
                "cell_type": "code",
                "source": "1 + 1",
                "outputs": [
                    {"output_type": "stream", "text": ["a", "b"]},
                    {"output_type": "execute_result", "data": {"text/html": "<b>", "text/plain": "2"}},
                    {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "figure"}},
                    {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["x", "y"]},
                    {"output_type": "display_data", "data": {"text/html": "<script>"}},
                ],
            },
            {"cell_type": "unknown", "source": 3, "outputs": ["nonsense"], "metadata": {"more": [1]}},
        ],
    }
    found = read_notebook(reader(document))
    assert (found.language, found.is_complete) == ("julia", True)
    assert found.cells == (
        Cell("markdown", "# A\ntext"),
        Cell(
            "code",
            "1 + 1",
            (Output("text", "ab"), Output("text", "2"), Output("image/png", "AAAA"), Output("error", "x\ny")),
        ),
        Cell("raw", ""),
    )


def test_long_notebooks_are_cut() -> None:
    cells = [{"cell_type": "code", "source": "x" * 100_000}] * 1_001
    found = read_notebook(reader({"nbformat": 4, "cells": [*cells[:1], *({"source": ""} for _ in range(1_000))]}))
    assert (len(found.cells), found.is_complete, len(found.cells[0].source)) == (1_000, False, 65_536)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"nbformat": 3, "worksheets": []}', b'{"nbformat": 4}', b"[" * 100_000])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="malformed notebook"):
        read_notebook(BytesRangeReader(data))


@pytest.mark.parametrize(
    "cells",
    [
        b"{}," * 3_000_000 + b"{}",
        b'{"other": [' + b"[]," * 3_000_000 + b"[]]}",
        b'{"cell_type": "code", "source": [' + b'"a",' * 3_000_000 + b'""]}',
        b'{"cell_type": "code", "outputs": [' + b"0," * 3_000_000 + b"0]}",
        b'{"cell_type": "code", "outputs": [' + b"{}," * 200_000 + b"{}]}",
    ],
)
def test_what_is_small_as_text_and_large_in_memory_is_not_decoded(cells: bytes) -> None:
    data = BytesRangeReader(b'{"nbformat": 4, "cells": [' + cells + b"]}")
    with measured_peak() as peak, contextlib.suppress(Malformed):
        found = read_notebook(data)
        assert (found.cells[0].source, found.cells[0].outputs) == ("", ())
    assert peak.grown < 64 << 20


def test_large_files_are_not_read() -> None:
    with pytest.raises(Malformed, match="are read at most"):
        read_notebook(BytesRangeReader(bytes(MAX_NOTEBOOK + 1)))


@pytest.mark.parametrize("picture", ['"><img src=x>', "AA AA%", "", "\u00e9"])
def test_what_is_no_base64_is_no_picture(picture: str) -> None:
    outputs = [
        {"output_type": "display_data", "data": {"image/png": picture, "image/gif": ["A\n", "AAA "]}},
        {"output_type": "display_data", "data": {"image/png": picture, "text/plain": "figure"}},
        {"output_type": "display_data", "data": {"image/png": picture}},
    ]
    found = read_notebook(reader({"nbformat": 4, "cells": [{"cell_type": "code", "outputs": outputs}]}))
    assert found.cells[0].outputs == (Output("image/gif", "AAAA"), Output("text", "figure"))
