from __future__ import annotations

import io
import random
import tempfile
from pathlib import Path

import pytest

from tests.support.hub_files import HubFiles


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, to detect forgotten ones."""
    folder = tmp_path / "drafts"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_file_is_read_by_blocks(hub_files: HubFiles) -> None:
    data = random.Random(3).randbytes(200_000)
    repo = hub_files.repo({"f.bin": data})
    with hub_files.fs.open(f"{repo}/f.bin", block_size=10_000) as file:
        assert file.size == len(data)
        assert file.read(100) == data[:100]
        file.seek(-50, 2)
        assert file.read() == data[-50:]
        file.seek(77_777)
        assert file.read(33_333) == data[77_777:111_110]
        assert file.read(0) == b""
    with hub_files.fs.open(f"{repo}/f.bin", cache_type="none") as file:
        assert file.read() == data


def test_a_block_is_requested_once(hub_files: HubFiles, asked: list[str]) -> None:
    repo = hub_files.repo({"f.txt": b"line\n" * 10_000})
    asked.clear()
    with hub_files.fs.open(f"{repo}/f.txt", "r") as file:
        assert sum(1 for _ in file) == 10_000
    assert sum("/resolve/" in path for path in asked) == 2  # unchanged and complete


def test_all_ranges_are_from_one_commit(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"f.txt": b"old" * 1000})
    with hub_files.fs.open(f"{repo}/f.txt", block_size=10) as file:
        assert file.read(3) == b"old"
        hub_files.fs.pipe_file(f"{repo}/f.txt", b"new" * 1000)
        file.seek(2_700)
        assert file.read(3) == b"old"
    assert hub_files.fs.cat_file(f"{repo}/f.txt", end=3) == b"new"


def test_written_files_exist_after_closing(hub_files: HubFiles, temporary: Path) -> None:
    repo = hub_files.repo({"x": b""})
    with hub_files.fs.open(f"{repo}/d/f.txt", "wb", block_size=1000) as file:
        for _ in range(10):
            file.write(b"0123456789" * 50)
        assert not hub_files.fs.exists(f"{repo}/d/f.txt")
    assert hub_files.content(repo, "d/f.txt") == b"0123456789" * 500
    assert hub_files.titles(repo) == ["Write d/f.txt"]
    assert list(temporary.iterdir()) == []


def test_text_and_empty_files_are_files(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"x": b""})
    with hub_files.fs.open(f"{repo}/t.txt", "w", encoding="utf-8", newline="\n") as file:
        file.write("ä\n")
    hub_files.fs.touch(f"{repo}/empty")
    assert hub_files.content(repo, "t.txt") == "ä\n".encode()
    assert hub_files.content(repo, "empty") == b""


def test_a_file_whose_write_failed_does_not_exist(hub_files: HubFiles, temporary: Path) -> None:
    repo = hub_files.repo({"x": b""})

    def write() -> None:
        with hub_files.fs.open(f"{repo}/half", "wb", block_size=10) as file:
            file.write(b"0123456789" * 5)
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert not hub_files.fs.exists(f"{repo}/half")
    assert list(temporary.iterdir()) == []


def test_appending_keeps_the_existing_content(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"log": b"one\n"})
    for path in ("log", "new"):
        with hub_files.fs.open(f"{repo}/{path}", "ab") as file:
            assert file.tell() == (4 if path == "log" else 0)
            file.write(b"two\n")
    assert hub_files.content(repo, "log") == b"one\ntwo\n"
    assert hub_files.content(repo, "new") == b"two\n"


def test_creating_does_not_replace(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"f": b"1"})
    with pytest.raises(FileExistsError):
        hub_files.fs.open(f"{repo}/f", "xb")
    with hub_files.fs.open(f"{repo}/g", "xb") as file:
        file.write(b"2")
    assert hub_files.content(repo, "g") == b"2"


def test_a_file_that_cannot_be_opened_raises(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"d/f": b"1"})
    for path in (f"{repo}/none", f"{repo}/d"):
        with pytest.raises(FileNotFoundError):
            hub_files.fs.open(path)
    with pytest.raises(IsADirectoryError):
        hub_files.fs.open(repo)
    with pytest.raises(io.UnsupportedOperation), hub_files.fs.open(f"{repo}/d/f") as file:
        file.fileno()
