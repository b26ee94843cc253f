from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from entrepot.client.downloads.downloads import Options
from entrepot.client.downloads.snapshots import download_snapshot
from entrepot.client.downloads.verifications import Mismatch, verify
from entrepot.errors import CacheMissing
from tests.support.library import Library

HELLO = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"  # printf hello | git hash-object --stdin


def test_an_intact_copy_is_intact(library: Library) -> None:
    ref = library.repo({"a": b"1", "d/b": b"2"})
    library.commit_large(ref, "m.bin", b"\0" * 100)
    folder = download_snapshot(library.hub, ref)
    found = verify(library.hub, ref)
    assert found.is_intact
    assert (found.revision, found.verified_path, found.checked_count) == (folder.name, folder, 4)
    assert (found.missing_paths, found.extra_paths) == ([], [])


def test_differing_files_are_listed(library: Library, tmp_path: Path) -> None:
    ref = library.repo({"a": b"hello", "b": b"2"})
    library.commit_large(ref, "m.bin", b"\0" * 100)
    mine = tmp_path / "mine"
    download_snapshot(library.hub, ref, options=Options(folder=mine))
    (mine / "a").write_bytes(b"")
    (mine / "m.bin").write_bytes(b"x")
    (mine / "b").unlink()
    (mine / "new").touch()
    found = verify(library.hub, ref, folder=mine)
    assert not found.is_intact
    assert found.mismatches == [
        Mismatch("a", HELLO, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "git-sha1"),
        Mismatch("m.bin", hashlib.sha256(b"\0" * 100).hexdigest(), hashlib.sha256(b"x").hexdigest(), "sha256"),
    ]
    assert (found.missing_paths, found.extra_paths) == (["b"], ["new"])


def test_nothing_to_verify_raises(library: Library, tmp_path: Path) -> None:
    ref = library.repo()
    with pytest.raises(CacheMissing, match="cached copy"):
        verify(library.hub, ref)
    with pytest.raises(CacheMissing, match="folder"):
        verify(library.hub, ref, folder=tmp_path / "none")
