from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
import stat

import pytest

from entrepot.blobs.durable import Disk, free_bytes, remove, still_named
from entrepot.blobs.flushes import FileSystemFlush


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Disk:
    return Disk(str(tmp_path / "root"), str(tmp_path / "root" / "incoming"), fsync=True)


def test_the_name_of_every_folder_that_is_made_for_the_root_is_flushed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(Disk, "sync_folder", lambda _disk, path: synced.append(path))
    for _ in range(2):
        Disk(str(tmp_path / "a/b/root"), str(tmp_path / "a/b/root/incoming"), fsync=True)
    assert synced == [str(tmp_path / folder) for folder in ("", "a", "a/b", "a/b/root", "a/b/root")]


def temporary(disk: Disk, data: bytes) -> str:
    fd, path = disk.create_temporary()
    os.write(fd, data)
    os.close(fd)
    return path


@pytest.fixture
def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(errno.EOPNOTSUPP, "links are not supported here")

    monkeypatch.setattr(os, "link", refuse)


def check_placing(disk: Disk) -> None:
    target = f"{disk.root}/a/b/c"
    assert disk.place(temporary(disk, b"first"), target) is True
    assert disk.place(temporary(disk, b"second"), target) is False
    assert pathlib.Path(target).read_bytes() == b"first"
    assert [name for name in os.listdir(disk.incoming) if name.endswith(".tmp")] == []


def test_a_name_is_never_replaced(disk: Disk) -> None:
    check_placing(disk)


@pytest.mark.usefixtures("without_links")
def test_a_name_is_never_replaced_where_links_do_not_exist(disk: Disk) -> None:
    check_placing(disk)


def test_a_folder_in_the_way_is_reported(disk: Disk) -> None:
    disk.make_folder(f"{disk.root}/a")
    with pytest.raises(IsADirectoryError):
        disk.place(temporary(disk, b"x"), f"{disk.root}/a")


@pytest.mark.usefixtures("without_links")
def test_a_folder_in_the_way_is_reported_where_links_do_not_exist(disk: Disk) -> None:
    disk.make_folder(f"{disk.root}/a")
    with pytest.raises(IsADirectoryError):
        disk.place(temporary(disk, b"x"), f"{disk.root}/a")


def test_removed_folders_are_created_again(disk: Disk) -> None:
    disk.place(temporary(disk, b"x"), f"{disk.root}/a/b/c")
    os.unlink(f"{disk.root}/a/b/c")
    os.rmdir(f"{disk.root}/a/b")
    os.rmdir(f"{disk.root}/a")
    assert disk.place(temporary(disk, b"y"), f"{disk.root}/a/b/c") is True


def test_a_folder_found_is_made_durable_once_by_this_process(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkdir(f"{disk.root}/found")
    synced: list[str] = []
    monkeypatch.setattr(disk, "sync_folder", synced.append)
    disk.make_folder(f"{disk.root}/found")
    disk.make_folder(f"{disk.root}/found")
    assert synced == [disk.root]


def test_a_file_in_the_way_of_a_folder_is_reported(disk: Disk) -> None:
    pathlib.Path(disk.root, "a").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        disk.make_folder(f"{disk.root}/a")


def test_without_fsync_nothing_is_synced(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: pytest.fail("synced"))
    disk = Disk(str(tmp_path / "root"), str(tmp_path / "root" / "incoming"), fsync=False)
    assert disk.place(temporary(disk, b"x"), f"{disk.root}/a") is True


def test_a_new_root_is_private_and_durable_in_its_parent(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(Disk, "sync_folder", lambda _disk, path: synced.append(path))
    root = tmp_path / "root"
    Disk(str(root), str(root / "incoming"), fsync=True)
    assert synced == [str(tmp_path), str(root)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (root, root / "incoming")} == {0o700}


def test_a_temporary_file_is_locked_while_it_is_open(disk: Disk) -> None:
    fd, path = disk.create_temporary()
    other = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(other)


def test_folders_that_are_flushed_later_are_named_once(disk: Disk) -> None:
    made: set[str] = set()
    assert disk.link_unflushed(temporary(disk, b"1"), f"{disk.root}/a/b/one", made) is True
    assert made == {f"{disk.root}/a", f"{disk.root}/a/b"}
    disk.note_durable(made)
    made.clear()
    assert disk.link_unflushed(temporary(disk, b"2"), f"{disk.root}/a/b/two", made) is True
    assert made == set()


@pytest.mark.parametrize("usable", [True, False])
@pytest.mark.parametrize("fsync", [True, False])
def test_one_flush_is_for_disks_that_can(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, usable: bool, fsync: bool
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(FileSystemFlush, "is_usable", property(lambda _flush: usable))
    monkeypatch.setattr(FileSystemFlush, "begun", lambda _flush: contextlib.nullcontext(lambda: flushed.append("disk")))
    disk = Disk(str(tmp_path / "root"), str(tmp_path / "root/incoming"), fsync=fsync)
    assert disk.can_flush_together is (usable or not fsync)
    with disk.flushing() as flush:
        flush()
    assert flushed == (["disk"] if fsync else [])


def test_remove_returns_whether_the_name_existed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    assert remove(str(tmp_path / "x")) is True
    assert remove(str(tmp_path / "x")) is False


def test_an_open_file_knows_whether_it_still_has_its_name(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    with path.open("rb") as file:
        assert still_named(file.fileno(), str(path))
        path.rename(tmp_path / "y")
        assert not still_named(file.fileno(), str(path))
        path.write_bytes(b"")
        assert not still_named(file.fileno(), str(path))


def test_there_is_some_room(tmp_path: pathlib.Path) -> None:
    assert free_bytes(str(tmp_path)) > 0
