"""Buckets in folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrepot.errors import StorageRefused, StorageUnreachable
from entrepot.workspace.stores.buckets.folders import FolderBucket


def test_objects_are_files(tmp_path: Path) -> None:
    FolderBucket(tmp_path, "file:///x").put_new("ws1/a/b", b"content")
    assert (tmp_path / "ws1/a/b").read_bytes() == b"content"
    assert list((tmp_path / "incoming").iterdir()) == []


def test_unfinished_writes_are_not_listed(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path, "file:///x")
    bucket.put_new("ws1/a", b"1")
    (tmp_path / "incoming" / "x.tmp").write_bytes(b"half")
    assert [found.key for found in bucket.list("")] == ["ws1/a"]


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    bucket = FolderBucket(tmp_path, "file:///x")
    assert bucket.put_new("ws1/a", b"1")
    assert not bucket.put_new("ws1/a", b"2")
    assert (tmp_path / "ws1/a").read_bytes() == b"1"


@pytest.mark.parametrize(("number", "error"), [(13, StorageRefused), (5, StorageUnreachable), (28, StorageUnreachable)])
def test_failures_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def fail(*args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(error, match="file:///x"):
        FolderBucket(tmp_path, "file:///x").put_new("ws1/a", b"1")
    assert [found.key for found in FolderBucket(tmp_path, "file:///x").list("")] == []
