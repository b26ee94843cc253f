from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.served_hub import ServedHub

pa: Any = pytest.importorskip("pyarrow")
ipc: Any = pytest.importorskip("pyarrow.ipc")

Show = Callable[[str], str]


def arrow() -> bytes:
    """A table of one row."""
    sink, table = io.BytesIO(), pa.table({"a": [41], "b": [None]})
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_tables_of_every_format_are_shown_as_rows(site: ServedHub, show: Show) -> None:
    files = {
        "a.csv": b"a,b\n41,\n",
        "a.tsv": b"a\tb\n41\t\n",
        "a.jsonl": b'{"a": 41, "b": null}\n',
        "a.arrow": arrow(),
    }
    site.commit(site.repo("formats"), files)
    for name in files:
        text = show(f"/alice/formats/blob/main/{name}")
        assert '<td class="r">41</td>' in text, name
        assert '<i class="faint">missing</i>' in text, name
        assert "1–1 of 1" in text


def test_a_damaged_table_is_explained_and_its_text_is_shown(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("damaged"), {"a.jsonl": b"{oops\n", "a.parquet": b"PAR1 but no more", "empty.csv": b""})
    text = show("/alice/damaged/blob/main/a.jsonl")
    assert "are shown as text" in text
    assert "{oops" in text
    assert "The rows of this file are not shown" in show("/alice/damaged/blob/main/a.parquet")
    assert "This file is empty." in show("/alice/damaged/blob/main/empty.csv")
