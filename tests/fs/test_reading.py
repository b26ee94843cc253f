from __future__ import annotations

import contextlib
import datetime
from pathlib import Path

import pytest

from entrepot.errors import Offline
from entrepot.fs.filesystem import EntrepotFileSystem
from entrepot.hub import aliases
from entrepot.hub.context import open_hub
from entrepot.names import RepoRef, RepoType, parse_repo_id
from tests.support.hub_files import HubFiles

FILES = {"a.txt": b"hello", "d/b.csv": b"1,2\n", "d/c.txt": b"c", "d/e/f.csv": b"3"}


@pytest.fixture
def repo(hub_files: HubFiles) -> str:
    repo: str = hub_files.repo(FILES)
    return repo


def test_folders_are_listed(hub_files: HubFiles, repo: str) -> None:
    names = hub_files.fs.ls(f"entrepot://{repo}", detail=False)
    assert names == [f"{repo}/d", f"{repo}/.gitattributes", f"{repo}/a.txt"]
    kinds = {entry["name"]: (entry["type"], entry["size"]) for entry in hub_files.fs.ls(f"{repo}/d")}
    assert kinds == {
        f"{repo}/d/e": ("directory", 0),
        f"{repo}/d/b.csv": ("file", 4),
        f"{repo}/d/c.txt": ("file", 1),
    }
    assert [entry["name"] for entry in hub_files.fs.ls(f"{repo}/a.txt")] == [f"{repo}/a.txt"]
    with pytest.raises(FileNotFoundError):
        hub_files.fs.ls(f"{repo}/none")


def test_existing_entries_are_found(hub_files: HubFiles, repo: str) -> None:
    fs = hub_files.fs
    assert fs.info(f"{repo}/a.txt")["size"] == 5
    assert fs.isfile(f"{repo}/a.txt")
    assert fs.isdir(f"{repo}/d")
    assert fs.isdir(repo)
    assert fs.exists(f"entrepot://{repo}@main/d/e/f.csv")
    for path in (f"{repo}/none", f"{repo}@none/a.txt", "tester/none/a.txt", "tester", "", f"datasets/{repo}"):
        assert not fs.exists(path)
    with pytest.raises(FileNotFoundError, match="there is no none in model"):
        fs.info(f"{repo}/none")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.csv", ["d/b.csv", "d/e/f.csv"]),
        ("*.txt", ["a.txt"]),
        ("d/*", ["d/b.csv", "d/c.txt", "d/e"]),
        ("d/[bc].*", ["d/b.csv", "d/c.txt"]),
        ("none/*", []),
    ],
)
def test_patterns_are_found(hub_files: HubFiles, repo: str, pattern: str, found: list[str]) -> None:
    assert hub_files.fs.glob(f"entrepot://{repo}@main/{pattern}") == [f"{repo}@main/{path}" for path in found]


def test_all_files_are_found_by_one_listing(hub_files: HubFiles, repo: str, asked: list[str]) -> None:
    asked.clear()
    assert hub_files.fs.find(repo) == sorted(f"{repo}/{path}" for path in [*FILES, ".gitattributes"])
    assert len(asked) == 1
    assert hub_files.fs.find(f"{repo}/d", maxdepth=1) == [f"{repo}/d/b.csv", f"{repo}/d/c.txt"]
    assert list(hub_files.fs.find(f"{repo}/d", withdirs=True, detail=True)) == [
        f"{repo}/{path}" for path in ("d", "d/b.csv", "d/c.txt", "d/e", "d/e/f.csv")
    ]
    assert hub_files.fs.find(f"{repo}/a.txt") == [f"{repo}/a.txt"]
    assert hub_files.fs.find(f"{repo}/none") == []
    assert hub_files.fs.du(f"{repo}/d") == 6
    assert [root for root, _, _ in hub_files.fs.walk(f"{repo}/d")] == [f"{repo}/d", f"{repo}/d/e"]


def test_bytes_are_read_whole_and_in_parts(hub_files: HubFiles, repo: str) -> None:
    path = f"{repo}/a.txt"
    assert hub_files.fs.cat_file(path) == b"hello"
    assert hub_files.fs.cat_file(path, start=1, end=3) == b"el"
    assert hub_files.fs.cat_file(path, start=-2) == b"lo"
    assert hub_files.fs.cat_file(path, end=-1) == b"hell"
    assert hub_files.fs.cat_file(path, start=3, end=3) == b""
    assert hub_files.fs.cat([path, f"{repo}/d/c.txt"]) == {path: b"hello", f"{repo}/d/c.txt": b"c"}
    with pytest.raises(FileNotFoundError):
        hub_files.fs.cat_file(f"{repo}/none")
    with pytest.raises(IsADirectoryError):
        hub_files.fs.cat_file(repo)


def test_files_and_folders_are_fetched(hub_files: HubFiles, repo: str, tmp_path: Path) -> None:
    hub_files.fs.get_file(f"{repo}/a.txt", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"hello"
    hub_files.fs.get(f"{repo}/d", str(tmp_path / "d"), recursive=True)
    found = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert {path: found[path] for path in ("d/b.csv", "d/c.txt", "d/e/f.csv")} == {
        path: data for path, data in FILES.items() if path.startswith("d/")
    }
    with pytest.raises(FileNotFoundError):
        hub_files.fs.get_file(f"{repo}/none", tmp_path / "none")


def test_changes_of_other_clients_are_visible_immediately(hub_files: HubFiles, repo: str) -> None:
    hub_files.fs.ls(repo)
    hub_files.api.upload_file(path_or_fileobj=b"new", path_in_repo="new.txt", repo_id=repo)
    assert f"{repo}/new.txt" in hub_files.fs.ls(repo, detail=False)
    assert hub_files.fs.cat_file(f"{repo}/new.txt") == b"new"


def test_times_tags_and_addresses(hub_files: HubFiles, repo: str) -> None:
    before = hub_files.fs.ukey(f"{repo}/a.txt")
    assert before == "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"  # printf hello | git hash-object --stdin
    age = datetime.datetime.now(datetime.UTC) - hub_files.fs.modified(f"{repo}/a.txt")
    assert abs(age) < datetime.timedelta(minutes=5)
    assert hub_files.fs.url(f"{repo}/d/b.csv") == f"{hub_files.running.url}/{repo}/resolve/main/d/b.csv"
    with pytest.raises(FileNotFoundError):
        hub_files.fs.modified(f"{repo}/none")


def test_offline_mode_sends_no_request(hub_files: HubFiles, repo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_OFFLINE", "1")
    offline = EntrepotFileSystem(hub_files.running.url, hub_files.running.token, skip_instance_cache=True)
    for look in (offline.ls, offline.exists, offline.cat_file):
        with pytest.raises(Offline):
            look(f"{repo}/a.txt")


def test_a_private_repository_is_not_found_by_others(hub_files: HubFiles, repo: str) -> None:
    hub_files.api.update_repo_settings(repo, visibility="private")
    stranger = EntrepotFileSystem(hub_files.running.url, False, skip_instance_cache=True)
    assert not stranger.exists(f"{repo}/a.txt")
    assert hub_files.fs.exists(f"{repo}/a.txt")


def test_a_file_name_can_have_the_maximum_length(hub_files: HubFiles, tmp_path: Path) -> None:
    repo = hub_files.repo({"a.txt": b"x"})
    hub_files.fs.get_file(f"{repo}/a.txt", tmp_path / ("n" * 255))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir() if path.is_file()] == [("n" * 255, b"x")]


def test_an_alias_is_listed_and_its_entries_can_be_read(hub_files: HubFiles, repo: str) -> None:
    with contextlib.closing(open_hub(hub_files.running.settings)) as hub:
        aliases.put(hub, "listed-alias", RepoRef(RepoType.MODEL, parse_repo_id(repo)))
    names = hub_files.fs.ls("listed-alias", detail=False)
    assert [name.partition("/")[2] for name in names] == [
        name.removeprefix(f"{repo}/") for name in hub_files.fs.ls(repo, detail=False)
    ]
    file = next(name for name in names if hub_files.fs.isfile(name))
    assert hub_files.fs.cat_file(file) == hub_files.fs.cat_file(f"{repo}/{file.partition('/')[2]}")
    assert hub_files.fs.isdir("listed-alias")
    assert not hub_files.fs.exists("no-such-alias")
