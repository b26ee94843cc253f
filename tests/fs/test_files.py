from __future__ import annotations

import io
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, to detect forgotten ones."""
    folder = tmp_path / "drafts"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_file_is_read_by_blocks(desk: Any) -> None:
    data = random.Random(3).randbytes(200_000)
    repo = desk.repo({"f.bin": data})
    with desk.fs.open(f"{repo}/f.bin", block_size=10_000) as file:
        assert file.size == len(data)
        assert file.read(100) == data[:100]
        file.seek(-50, 2)
        assert file.read() == data[-50:]
        file.seek(77_777)
        assert file.read(33_333) == data[77_777:111_110]
        assert file.read(0) == b""
    with desk.fs.open(f"{repo}/f.bin", cache_type="none") as file:
        assert file.read() == data


def test_a_block_is_requested_once(desk: Any, asked: list[str]) -> None:
    repo = desk.repo({"f.txt": b"line\n" * 10_000})
    asked.clear()
    with desk.fs.open(f"{repo}/f.txt", "r") as file:
        assert sum(1 for _ in file) == 10_000
    assert sum("/resolve/" in path for path in asked) == 2  # unchanged and complete


def test_all_ranges_are_from_one_commit(desk: Any) -> None:
    repo = desk.repo({"f.txt": b"old" * 1000})
    with desk.fs.open(f"{repo}/f.txt", block_size=10) as file:
        assert file.read(3) == b"old"
        desk.fs.pipe_file(f"{repo}/f.txt", b"new" * 1000)
        file.seek(2_700)
        assert file.read(3) == b"old"
    assert desk.fs.cat_file(f"{repo}/f.txt", end=3) == b"new"


def test_written_files_exist_after_closing(desk: Any, temporary: Path) -> None:
    repo = desk.repo({"x": b""})
    with desk.fs.open(f"{repo}/d/f.txt", "wb", block_size=1000) as file:
        for _ in range(10):
            file.write(b"0123456789" * 50)
        assert not desk.fs.exists(f"{repo}/d/f.txt")
    assert desk.content(repo, "d/f.txt") == b"0123456789" * 500
    assert desk.titles(repo) == ["Write d/f.txt"]
    assert list(temporary.iterdir()) == []


def test_text_and_empty_files_are_files(desk: Any) -> None:
    repo = desk.repo({"x": b""})
    with desk.fs.open(f"{repo}/t.txt", "w", encoding="utf-8", newline="\n") as file:
        file.write("ä\n")
    desk.fs.touch(f"{repo}/empty")
    assert desk.content(repo, "t.txt") == "ä\n".encode()
    assert desk.content(repo, "empty") == b""


def test_a_file_whose_write_failed_does_not_exist(desk: Any, temporary: Path) -> None:
    repo = desk.repo({"x": b""})

    def write() -> None:
        with desk.fs.open(f"{repo}/half", "wb", block_size=10) as file:
            file.write(b"0123456789" * 5)
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert not desk.fs.exists(f"{repo}/half")
    assert list(temporary.iterdir()) == []


def test_appending_keeps_the_existing_content(desk: Any) -> None:
    repo = desk.repo({"log": b"one\n"})
    for path in ("log", "new"):
        with desk.fs.open(f"{repo}/{path}", "ab") as file:
            assert file.tell() == (4 if path == "log" else 0)
            file.write(b"two\n")
    assert desk.content(repo, "log") == b"one\ntwo\n"
    assert desk.content(repo, "new") == b"two\n"


def test_creating_does_not_replace(desk: Any) -> None:
    repo = desk.repo({"f": b"1"})
    with pytest.raises(FileExistsError):
        desk.fs.open(f"{repo}/f", "xb")
    with desk.fs.open(f"{repo}/g", "xb") as file:
        file.write(b"2")
    assert desk.content(repo, "g") == b"2"


def test_a_file_that_cannot_be_opened_raises(desk: Any) -> None:
    repo = desk.repo({"d/f": b"1"})
    for path in (f"{repo}/none", f"{repo}/d"):
        with pytest.raises(FileNotFoundError):
            desk.fs.open(path)
    with pytest.raises(IsADirectoryError):
        desk.fs.open(repo)
    with pytest.raises(io.UnsupportedOperation), desk.fs.open(f"{repo}/d/f") as file:
        file.fileno()
