from __future__ import annotations

import errno
import os
import pathlib

import pytest

from entrepot.blobs.durable import Disk, free_bytes, remove, still_named


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Disk:
    return Disk(str(tmp_path / "root"), str(tmp_path / "root" / "incoming"), fsync=True)


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


def test_folders_tidied_away_come_back(disk: Disk) -> None:
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
