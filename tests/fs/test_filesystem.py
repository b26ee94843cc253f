from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest

from entrepot.errors import NotOffered
from entrepot.fs.filesystem import EntrepotFileSystem


def test_files_are_deleted_in_one_commit(desk: Any) -> None:
    repo = desk.repo({"a.txt": b"1", "b.txt": b"2", "c": b"3", "d/e/f": b"4", "d/g": b"5"})
    desk.fs.rm(f"{repo}/*.txt")
    assert desk.titles(repo) == ["Delete a.txt and change 1 more"]
    desk.fs.rm(f"{repo}/d", recursive=True)
    assert sorted(desk.api.list_repo_files(repo)) == [".gitattributes", "c"]
    desk.fs.rm_file(f"{repo}/c")
    assert desk.api.list_repo_files(repo) == [".gitattributes"]


def test_folders_and_repositories_are_not_deleted(desk: Any) -> None:
    repo = desk.repo({"d/f": b"1"})
    with pytest.raises(IsADirectoryError):
        desk.fs.rm(f"{repo}/d")
    with pytest.raises(FileNotFoundError):
        desk.fs.rm(f"{repo}/none")
    with pytest.raises(NotOffered):
        desk.fs.rm(repo, recursive=True)
    assert desk.titles(repo) == []


def test_files_are_copied_and_moved(desk: Any) -> None:
    repo, other = desk.repo({"a": b"1", "d/b": b"2", "d/e/c": b"3"}), desk.repo({"x": b""})
    desk.fs.cp(f"{repo}/a", f"{repo}/copy")
    desk.fs.mv(f"{repo}/d", f"{repo}/moved", recursive=True)
    assert sorted(desk.api.list_repo_files(repo)) == [".gitattributes", "a", "copy", "moved/b", "moved/e/c"]
    assert len(desk.titles(repo)) == 2
    desk.fs.cp(f"{repo}/moved/e/c", f"{other}/c")
    assert desk.content(other, "c") == b"3"
    desk.fs.mv(f"{repo}/a", f"{other}/a")
    assert desk.content(other, "a") == b"1"
    assert not desk.fs.exists(f"{repo}/a")
    with pytest.raises(FileNotFoundError):
        desk.fs.cp(f"{repo}/none", f"{repo}/copy")


def test_folders_are_uploaded_in_one_commit(desk: Any, tmp_path: Path) -> None:
    repo = desk.repo({"x": b""})
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "a").write_bytes(b"1")
    (tmp_path / "d" / "e" / "b").write_bytes(b"2")
    desk.fs.put(str(tmp_path / "d"), f"{repo}/up", recursive=True)
    assert len(desk.titles(repo)) == 1
    assert desk.content(repo, "up/e/b") == b"2"
    desk.fs.put_file(str(tmp_path / "d" / "a"), f"{repo}/one")
    assert desk.content(repo, "one") == b"1"


def test_several_values_are_written_in_one_commit(desk: Any) -> None:
    repo = desk.repo({"x": b""})
    desk.fs.pipe({f"{repo}/a": b"1", f"entrepot://{repo}/b": b"2"})
    assert desk.titles(repo) == ["Write a and change 1 more"]
    assert desk.content(repo, "b") == b"2"
    with pytest.raises(FileExistsError):
        desk.fs.pipe_file(f"{repo}/a", b"3", mode="create")


def test_unchanged_files_create_no_commit(desk: Any) -> None:
    repo = desk.repo({"a": b"1"})
    desk.fs.pipe_file(f"{repo}/a", b"1")
    assert desk.titles(repo) == []


def test_folders_need_not_be_made(desk: Any) -> None:
    repo = desk.repo({"x": b""})
    desk.fs.makedirs(f"{repo}/d/e", exist_ok=True)
    desk.fs.mkdir(f"{repo}/d")
    desk.fs.rmdir(f"{repo}/d")
    assert desk.titles(repo) == []


def test_nothing_is_written_without_permission(desk: Any) -> None:
    repo = desk.repo({"a": b"1"})
    reader = EntrepotFileSystem(desk.running.url, desk.running.user("tester", "read").token, skip_instance_cache=True)
    with pytest.raises(PermissionError):
        reader.pipe_file(f"{repo}/b", b"2")
    with pytest.raises(FileNotFoundError):
        desk.fs.pipe_file("tester/none/b", b"2")
    with pytest.raises(FileNotFoundError):
        desk.fs.pipe_file(f"{repo}@none/b", b"2")


def test_fsspec_finds_it_by_its_protocol(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = desk.repo({"d/a.txt": b"1\n"})
    fsspec.register_implementation("entrepot", "entrepot.fs.filesystem.EntrepotFileSystem", clobber=True)
    monkeypatch.setenv("ENTREPOT_ENDPOINT", desk.running.url)
    monkeypatch.setenv("ENTREPOT_TOKEN", desk.running.token)
    with fsspec.open(f"entrepot://{repo}/d/a.txt", "rt") as file:
        assert file.read() == "1\n"
    [found] = fsspec.open_files(f"entrepot://{repo}/**/*.txt")
    assert found.path == f"{repo}/d/a.txt"


def test_nothing_else_imports_fsspec() -> None:
    code = "import sys, entrepot, entrepot.hf.api; sys.exit('fsspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
