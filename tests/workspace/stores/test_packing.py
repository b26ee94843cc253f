"""Packing of files into the outbox."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from entrepot.client.progress import Silent
from entrepot.errors import DiskFull
from entrepot.names import RepoPath
from entrepot.workspace.stores import SourceFile, pack_files, packing
from entrepot.workspace.stores.outbox import Outbox
from tests.support.chunk_stores import Desk, Killed, noise
from tests.support.progress import RecordedProgress

FILES = {"a/one": noise(300_000, 1), "b": noise(90_000, 2), "c": b"", "d": noise(300_000, 1)}


def test_every_file_has_its_digest_and_state(desk: Desk) -> None:
    result = desk.pack(FILES)
    assert result.failed == ()
    assert [file.path for file in result.files] == ["a/one", "b", "c", "d"]
    for file in result.files:
        found = os.stat(desk.folder / "data" / file.path)
        assert file.sha256 == hashlib.sha256(FILES[file.path]).hexdigest()
        assert (file.state.size, file.state.mtime_ns, file.state.inode) == (
            found.st_size,
            found.st_mtime_ns,
            found.st_ino,
        )
    assert result.bytes_new == 390_000
    assert sorted(result.packs) == sorted(name for name, _ in desk.outbox.list_packs())


def test_packing_again_adds_nothing(desk: Desk) -> None:
    desk.pack(FILES)
    result = desk.pack(FILES)
    assert (result.packs, result.bytes_new) == ((), 0)


def test_later_edits_do_not_reach_the_version(desk: Desk) -> None:
    desk.pack(FILES)
    version = desk.draft(FILES)
    for path in FILES:
        (desk.folder / "data" / path).write_bytes(b"edited")
    desk.push(version)
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == FILES


def test_the_executable_bit_is_kept(desk: Desk) -> None:
    sources = desk.write({"run": b"#!", "text": b"x"})
    os.chmod(sources[0].file_path, 0o755)
    result = pack_files(desk.outbox, sources, indexes=None, progress=Silent())
    assert [file.is_executable for file in result.files] == [True, False]


def test_files_that_cannot_be_packed_are_listed_and_the_others_packed(desk: Desk, tmp_path: Path) -> None:
    sources = desk.write({"good": b"good"})
    os.mkfifo(tmp_path / "fifo")
    os.symlink(sources[0].file_path, tmp_path / "link")
    (tmp_path / "folder").mkdir()
    bad = [SourceFile(RepoPath(name), str(tmp_path / name)) for name in ("absent", "fifo", "folder", "link")]
    result = pack_files(desk.outbox, [*bad, *sources], indexes=None, progress=Silent())
    assert [file.path for file in result.files] == ["good"]
    assert [file.path for file in result.failed] == ["absent", "fifo", "folder", "link"]
    assert result.failed[1].reason == result.failed[2].reason == "it is not a regular file"


def test_a_file_that_always_changes_is_listed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = desk.write({"log": noise(50_000, 1)})
    read = os.read

    def append(descriptor: int, size: int) -> bytes:
        with open(sources[0].file_path, "ab") as file:
            file.write(b"more")
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", append)
    result = pack_files(desk.outbox, sources, indexes=None, progress=Silent())
    assert [(file.path, file.reason) for file in result.failed] == [("log", "it changed while it was read")]


def test_a_file_that_changes_once_is_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = desk.write({"log": noise(50_000, 1)})
    read, changes = os.read, [b"other content"]

    def change(descriptor: int, size: int) -> bytes:
        data = read(descriptor, size)
        if changes:
            Path(sources[0].file_path).write_bytes(changes.pop())
        return data

    monkeypatch.setattr(os, "read", change)
    progress = RecordedProgress()
    result = pack_files(desk.outbox, sources, indexes=None, progress=progress)
    assert [file.sha256 for file in result.files] == [hashlib.sha256(b"other content").hexdigest()]


def test_a_full_disk_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Outbox, "put_pack", full)
    with pytest.raises(DiskFull, match=r"outbox.*repository gc"):
        desk.pack(FILES)


def test_after_a_kill_packs_with_an_index_are_used(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_FLUSH_PACKS", 1)
    files = {"a": noise(70_000_000, 1), "b": b"b", "c": b"c"}
    sources = desk.write(files)
    put = Outbox.put_pack
    count = 0

    def kill(self: Outbox, *args: object) -> object:
        nonlocal count
        count += 1
        if count == 3:
            raise Killed
        return put(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Outbox, "put_pack", kill)
    with pytest.raises(Killed):
        pack_files(desk.outbox, sources, indexes=None, progress=Silent())
    monkeypatch.setattr(Outbox, "put_pack", put)
    result = pack_files(desk.outbox, sources, indexes=None, progress=Silent())
    assert result.bytes_new < 100
