from __future__ import annotations

import importlib.util

import pytest

from entrepot.errors import ExtraNotInstalled
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.table_formats import ENDINGS, FORMATS, check_installed, compression_of, is_compressed


def test_without_pyarrow_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else object())
    with pytest.raises(ExtraNotInstalled, match=r"entrepot\[server,preview\]"):
        check_installed()


def test_files_with_these_endings_can_be_opened() -> None:
    assert set(ENDINGS.values()) <= FORMATS


@pytest.mark.parametrize(
    ("name", "begin", "compression"),
    [
        ("a.csv", b"\x1f\x8b", ""),
        ("a.csv.gz", b"", "gzip"),
        ("a.csv.gz_1", b"BZh", "gzip"),
        ("a.jsonl.zst-00000-of-00002", b"", "zstd"),
        ("a.csv.part", b"BZh9", "bz2"),
        ("a.ndjson", b"\xfd7zXZ\0", "xz"),
        ("a.ndjson", b"{}", ""),
        ("a.csv.zip", b"", "zip"),
        ("a.csv.x", b"PK\5\6", "zip"),
        ("a.csv.tar.bz2", b"BZh", "tar"),
        ("a.csv.tgz", b"\x1f\x8b", "tar"),
    ],
)
def test_the_ending_tells_the_compression_or_else_the_beginning(name: str, begin: bytes, compression: str) -> None:
    assert compression_of(name, BytesRangeReader(begin)) == compression


def test_archives_are_not_compressed_files() -> None:
    assert [is_compressed(name) for name in ("a.csv.gz", "a.csv.tar.gz", "a.csv.zip", "a.csv")] == [True] + 3 * [False]
