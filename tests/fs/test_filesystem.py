from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from entrepot.errors import NotOffered
from entrepot.fs.filesystem import EntrepotFileSystem
from tests.support.hub_files import HubFiles


def test_files_are_deleted_in_one_commit(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"a.txt": b"1", "b.txt": b"2", "c": b"3", "d/e/f": b"4", "d/g": b"5"})
    hub_files.fs.rm(f"{repo}/*.txt")
    assert hub_files.titles(repo) == ["Delete a.txt and change 1 more"]
    hub_files.fs.rm(f"{repo}/d", recursive=True)
    assert sorted(hub_files.api.list_repo_files(repo)) == [".gitattributes", "c"]
    hub_files.fs.rm_file(f"{repo}/c")
    assert hub_files.api.list_repo_files(repo) == [".gitattributes"]


def test_folders_and_repositories_are_not_deleted(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"d/f": b"1"})
    with pytest.raises(IsADirectoryError):
        hub_files.fs.rm(f"{repo}/d")
    with pytest.raises(FileNotFoundError):
        hub_files.fs.rm(f"{repo}/none")
    with pytest.raises(NotOffered):
        hub_files.fs.rm(repo, recursive=True)
    assert hub_files.titles(repo) == []


def test_files_are_copied_and_moved(hub_files: HubFiles) -> None:
    repo, other = hub_files.repo({"a": b"1", "d/b": b"2", "d/e/c": b"3"}), hub_files.repo({"x": b""})
    hub_files.fs.cp(f"{repo}/a", f"{repo}/copy")
    hub_files.fs.mv(f"{repo}/d", f"{repo}/moved", recursive=True)
    assert sorted(hub_files.api.list_repo_files(repo)) == [".gitattributes", "a", "copy", "moved/b", "moved/e/c"]
    assert len(hub_files.titles(repo)) == 2
    hub_files.fs.cp(f"{repo}/moved/e/c", f"{other}/c")
    assert hub_files.content(other, "c") == b"3"
    hub_files.fs.mv(f"{repo}/a", f"{other}/a")
    assert hub_files.content(other, "a") == b"1"
    assert not hub_files.fs.exists(f"{repo}/a")
    with pytest.raises(FileNotFoundError):
        hub_files.fs.cp(f"{repo}/none", f"{repo}/copy")


def test_folders_are_uploaded_in_one_commit(hub_files: HubFiles, tmp_path: Path) -> None:
    repo = hub_files.repo({"x": b""})
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "a").write_bytes(b"1")
    (tmp_path / "d" / "e" / "b").write_bytes(b"2")
    hub_files.fs.put(str(tmp_path / "d"), f"{repo}/up", recursive=True)
    assert len(hub_files.titles(repo)) == 1
    assert hub_files.content(repo, "up/e/b") == b"2"
    hub_files.fs.put_file(str(tmp_path / "d" / "a"), f"{repo}/one")
    assert hub_files.content(repo, "one") == b"1"


def test_several_values_are_written_in_one_commit(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"x": b""})
    hub_files.fs.pipe({f"{repo}/a": b"1", f"entrepot://{repo}/b": b"2"})
    assert hub_files.titles(repo) == ["Write a and change 1 more"]
    assert hub_files.content(repo, "b") == b"2"
    with pytest.raises(FileExistsError):
        hub_files.fs.pipe_file(f"{repo}/a", b"3", mode="create")


def test_unchanged_files_create_no_commit(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"a": b"1"})
    hub_files.fs.pipe_file(f"{repo}/a", b"1")
    assert hub_files.titles(repo) == []


def test_folders_need_not_be_made(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"x": b""})
    hub_files.fs.makedirs(f"{repo}/d/e", exist_ok=True)
    hub_files.fs.mkdir(f"{repo}/d")
    hub_files.fs.rmdir(f"{repo}/d")
    assert hub_files.titles(repo) == []


def test_nothing_is_written_without_permission(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"a": b"1"})
    reader = EntrepotFileSystem(
        hub_files.running.url, hub_files.running.user("tester", "read").token, skip_instance_cache=True
    )
    with pytest.raises(PermissionError):
        reader.pipe_file(f"{repo}/b", b"2")
    with pytest.raises(FileNotFoundError):
        hub_files.fs.pipe_file("tester/none/b", b"2")
    with pytest.raises(FileNotFoundError):
        hub_files.fs.pipe_file(f"{repo}@none/b", b"2")


def test_fsspec_finds_it_by_its_protocol(hub_files: HubFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = hub_files.repo({"d/a.txt": b"1\n"})
    fsspec.register_implementation("entrepot", "entrepot.fs.filesystem.EntrepotFileSystem", clobber=True)
    monkeypatch.setenv("ENTREPOT_ENDPOINT", hub_files.running.url)
    monkeypatch.setenv("ENTREPOT_TOKEN", hub_files.running.token)
    with fsspec.open(f"entrepot://{repo}/d/a.txt", "rt") as file:
        assert file.read() == "1\n"
    [found] = fsspec.open_files(f"entrepot://{repo}/**/*.txt")
    assert found.path == f"{repo}/d/a.txt"


def test_nothing_else_imports_fsspec() -> None:
    code = "import sys, entrepot, entrepot.hf.api; sys.exit('fsspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
