from __future__ import annotations

import errno
import os
import pathlib

import pytest

from entrepot.blobs import LocalBlobs, put
from entrepot.errors import BlobUnreadable

KEY = "files/aa/bb/x"


def test_an_interrupted_system_call_loses_nothing(local: LocalBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write, real_pread = os.write, os.pread
    monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, bytes(data)[:3]))
    monkeypatch.setattr(os, "pread", lambda fd, length, offset: real_pread(fd, min(length, 2), offset))
    put(local, KEY, b"0123456789")
    with local.open(KEY) as reader:
        assert reader.read_at(1, 8) == b"12345678"


def test_a_file_cut_short_is_damaged(local: LocalBlobs, root: pathlib.Path) -> None:
    put(local, KEY, b"0123456789")
    with local.open(KEY) as reader:
        os.truncate(root / KEY, 4)
        with pytest.raises(BlobUnreadable):
            reader.read_at(0, 10)


def test_a_disk_error_is_damage(local: LocalBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    put(local, KEY, b"x")

    def fail(*arguments: object) -> bytes:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "pread", fail)
    with local.open(KEY) as reader, pytest.raises(BlobUnreadable):
        reader.read_at(0, 1)


def test_an_open_reader_survives_deletion(local: LocalBlobs) -> None:
    put(local, KEY, b"still here")
    with local.open(KEY) as reader:
        assert local.delete(KEY) is True
        assert reader.read_at(0, 100) == b"still here"


def test_bytes_are_durable_before_the_name_and_the_name_before_the_answer(
    local: LocalBlobs, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    real_fsync, real_link, real_unlink = os.fsync, os.link, os.unlink

    def fsync(fd: int) -> None:
        path = os.readlink(f"/proc/self/fd/{fd}")
        events.append("sync bytes" if path.endswith(".tmp") else f"sync {os.path.relpath(path, root)}")
        real_fsync(fd)

    def link(source: str, target: str) -> None:
        events.append(f"link {os.path.relpath(target, root)}")
        real_link(source, target)

    def unlink(path: str) -> None:
        events.append("unlink")
        real_unlink(path)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(os, "unlink", unlink)
    put(local, KEY, b"x")

    folders = ["sync .", "sync files", "sync files/aa"]
    assert events[:7] == ["sync bytes", *folders, f"link {KEY}", "sync files/aa/bb", "unlink"]


def test_a_publisher_that_comes_second_syncs_the_folder_too(
    local: LocalBlobs, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(local, KEY, b"x")
    synced: list[str] = []
    real_fsync = os.fsync

    def fsync(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        real_fsync(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    assert put(local, KEY, b"x") is False
    assert str(root / "files/aa/bb") in synced


def test_a_buffer_is_filled_whatever_the_system_returns_at_once(
    local: LocalBlobs, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_preadv = os.preadv
    monkeypatch.setattr(os, "preadv", lambda fd, buffers, at: real_preadv(fd, [buffers[0][:3]], at))
    put(local, KEY, b"0123456789")
    buffer = bytearray(8)
    with local.open(KEY) as reader:
        reader.read_into(1, memoryview(buffer))
        assert buffer == b"12345678"
        with pytest.raises(ValueError, match="cannot read"):
            reader.read_into(-1, memoryview(buffer))
        with pytest.raises(BlobUnreadable, match="expected 2 bytes more"):
            reader.read_into(4, memoryview(buffer))
    with pytest.raises(ValueError, match="closed"):
        reader.read_into(0, memoryview(buffer))


def test_a_disk_error_while_a_buffer_is_filled_is_damage(local: LocalBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    put(local, KEY, b"x")

    def fail(*arguments: object) -> int:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "preadv", fail)
    with local.open(KEY) as reader, pytest.raises(BlobUnreadable):
        reader.read_into(0, memoryview(bytearray(1)))
