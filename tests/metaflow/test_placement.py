import errno
import os
from pathlib import Path

import pytest

from entrepot.errors import CannotWrite, InvalidPath
from entrepot.metaflow.placement import PlacedFile, copy, place, place_new


def files_of(folder: Path, **contents: bytes) -> list[PlacedFile]:
    folder.mkdir(exist_ok=True)
    made = []
    for name, data in contents.items():
        (folder / name).write_bytes(data)
        made.append(PlacedFile(name.replace("__", "/"), folder / name, len(data)))
    return made


def test_files_are_copies_with_their_own_bytes(tmp_path: Path) -> None:
    files = files_of(tmp_path / "cache", a=b"1", deep__er__b=b"22", empty=b"")
    for file in files:
        file.source.chmod(0o444)
    place_new(files, tmp_path / "task")
    assert (tmp_path / "task/deep/er/b").read_bytes() == b"22"
    assert (tmp_path / "task/empty").read_bytes() == b""
    (tmp_path / "task/a").write_bytes(b"scribbled")
    assert files[0].source.read_bytes() == b"1"


def test_a_second_time_only_changes_are_written_and_other_files_stay(tmp_path: Path) -> None:
    files, target = files_of(tmp_path / "cache", same=b"1", changed=b"22"), tmp_path / "model"
    place(files, target)
    (target / "mine.txt").write_bytes(b"mine")
    (target / "changed").write_bytes(b"33")
    before = (target / "same").stat()
    place(files, target)
    after = (target / "same").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert {p.name: p.read_bytes() for p in target.iterdir()} == {"same": b"1", "changed": b"22", "mine.txt": b"mine"}


def test_a_link_is_replaced_not_written_through(tmp_path: Path) -> None:
    files, target = files_of(tmp_path / "cache", a=b"1", b=b"2"), tmp_path / "model"
    target.mkdir()
    (target / "a").symlink_to(files[0].source)
    os.link(files[1].source, target / "b")
    place(files, target)
    for name in ("a", "b"):
        assert not (target / name).is_symlink()
        (target / name).write_bytes(b"scribbled")
    assert [file.source.read_bytes() for file in files] == [b"1", b"2"]


def test_a_file_where_a_folder_is_needed_and_the_reverse_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotWrite, match="it is a file"):
        place(files_of(tmp_path / "cache", a=b"1"), tmp_path / "file")
    (tmp_path / "task").mkdir()
    (tmp_path / "task/deep").write_bytes(b"")
    with pytest.raises(CannotWrite, match="a file with this name is in the way"):
        place(files_of(tmp_path / "cache", deep__a=b"1"), tmp_path / "task")
    (tmp_path / "task/a").mkdir()
    with pytest.raises(CannotWrite, match="a folder with this name is in the way"):
        place(files_of(tmp_path / "cache", a=b"1"), tmp_path / "task")


def test_nothing_is_written_outside_the_folder(tmp_path: Path) -> None:
    [file] = files_of(tmp_path / "cache", a=b"1")
    with pytest.raises(InvalidPath):
        place_new([PlacedFile("../out", file.source, 1)], tmp_path / "task")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/away").symlink_to(tmp_path / "cache")
    with pytest.raises(InvalidPath, match="leads outside"):
        place([PlacedFile("away/a", file.source, 1)], tmp_path / "model")


def test_a_copy_that_failed_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [file], target = files_of(tmp_path / "cache", a=b"new"), tmp_path / "model"
    target.mkdir()
    (target / "a").write_bytes(b"old")

    def full(*_: object) -> int:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "copy_file_range", full, raising=False)
    with pytest.raises(CannotWrite, match="broken"):
        place([file], target)
    assert {p.name: p.read_bytes() for p in target.iterdir()} == {"a": b"old"}


@pytest.mark.parametrize("how", ["absent", "refused", "half"])
def test_bytes_are_copied_where_the_system_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    real = getattr(os, "copy_file_range", None)

    def half(source: int, target: int, count: int) -> int:
        if how == "half" and real is not None and os.lseek(source, 0, os.SEEK_CUR) == 0:
            return int(real(source, target, 4))
        raise OSError(errno.EXDEV, "another file system")

    if how == "absent":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    else:
        monkeypatch.setattr(os, "copy_file_range", half, raising=False)
    copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"0123456789"
