"""Drafts of contents."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from entrepot.workspace.manifests import DescriptorHasher, ManifestEntry
from entrepot.workspace.stores.drafts import Draft, draft_path

DATA = b"0123456789"
SHA = hashlib.sha256(DATA).hexdigest()


def draft(tmp_path: Path, size: int = 10) -> Draft:
    return Draft(draft_path(tmp_path, ManifestEntry(sha256=SHA, size=size)), size)


def test_pieces_in_any_order_make_the_content(tmp_path: Path) -> None:
    made = draft(tmp_path)
    assert not made.write([memoryview(DATA)[5:8], memoryview(DATA)[8:]], 5)
    assert not made.is_complete()
    assert made.has_part()
    assert made.write([DATA[:5]], 0)
    assert made.accept(SHA)
    assert made.is_complete()
    assert os.listdir(tmp_path) == [SHA]
    assert (tmp_path / SHA).read_bytes() == DATA


def test_without_vectored_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pwritev")
    made = draft(tmp_path)
    made.write([DATA[5:]], 5)
    made.write([DATA[:2], DATA[2:5]], 0)
    assert made.accept(SHA)


def test_a_write_that_the_system_cuts_short_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwritev

    def short(descriptor: int, views: list[bytes], offset: int) -> int:
        return write(descriptor, [bytes(views[0])[:2]], offset)

    monkeypatch.setattr(os, "pwritev", short)
    made = draft(tmp_path)
    made.write([DATA[:4], DATA[4:]], 0)
    assert made.accept(SHA)


def test_more_pieces_than_one_call_takes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10
    made = Draft(tmp_path / "x", len(data))
    assert made.write([data[at : at + 1] for at in range(len(data))], 0)
    assert made.accept(hashlib.sha256(data).hexdigest())


def test_wrong_bytes_are_removed(tmp_path: Path) -> None:
    made = draft(tmp_path)
    made.write([b"x" * 10], 0)
    assert not made.accept(SHA)
    assert os.listdir(tmp_path) == []
    made.discard()


def test_the_rest_of_a_longer_part_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / f"{SHA}.part").write_bytes(b"z" * 50)
    made = draft(tmp_path)
    made.write([DATA], 0)
    assert made.read(8, 10) == b"89" + b"z" * 8
    assert made.accept(SHA)


def test_both_identities_must_fit(tmp_path: Path) -> None:
    hasher = DescriptorHasher()
    hasher.update(b"other")
    made = draft(tmp_path)
    made.write([DATA], 0)
    assert not made.accept(SHA, hasher.cid())


def test_an_empty_content(tmp_path: Path) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    assert Draft(tmp_path / empty, 0).accept(empty)
    assert (tmp_path / empty).read_bytes() == b""
