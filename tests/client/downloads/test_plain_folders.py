from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.client.downloads.fetching import WantedFile
from entrepot.client.downloads.plain_folders import PlainFolderTarget
from entrepot.client.http_errors import HubFailure
from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.client.progress import Silent
from entrepot.client.sources import BytesSource, oid_of
from entrepot.errors import CannotWrite, InvalidPath
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.scripted_hub import Reply, ScriptedHub

REF = RepoRef(RepoType.MODEL, RepoId("ns", "name"))
COMMIT = "a" * 40


@pytest.fixture
def hub(scripted_hub: ScriptedHub, tmp_path: Path) -> Iterator[Hub]:
    made = Hub(
        read_paths({"ENTREPOT_ENDPOINT": scripted_hub.url, "ENTREPOT_HOME": str(tmp_path / "home")}), token=False
    )
    yield made
    made.close()


def wanted(path: str, data: bytes) -> WantedFile:
    return WantedFile(REF, COMMIT, path, oid_of(BytesSource(data)), len(data))


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_file_is_fetched_and_nothing_is_left_beside_it(scripted_hub: ScriptedHub, hub: Hub, tmp_path: Path) -> None:
    scripted_hub.on("GET", f"/ns/name/resolve/{COMMIT}/a/b.txt", Reply(b"hello"))
    target = PlainFolderTarget(tmp_path / "out")
    file = target.fetch(hub, wanted("a/b.txt", b"hello"), Silent().begin("x", None))
    assert (file.read_bytes(), files(tmp_path / "out")) == (b"hello", ["a/b.txt"])


def test_a_failed_download_leaves_the_old_file(scripted_hub: ScriptedHub, hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_text("old")
    with pytest.raises(HubFailure):
        PlainFolderTarget(tmp_path / "out").fetch(hub, wanted("a", b"hello"), Silent().begin("x", None))
    assert ((tmp_path / "out/a").read_text(), files(tmp_path / "out")) == ("old", ["a"])


def test_a_file_is_held_if_its_content_is_right(tmp_path: Path) -> None:
    target = PlainFolderTarget(tmp_path)
    (tmp_path / "a").write_bytes(b"hello")
    assert target.adopt(wanted("a", b"hello")) == tmp_path / "a"
    for other in (wanted("a", b"hellO"), wanted("a", b"hello!"), wanted("b", b"hello")):
        assert target.adopt(other) is None
    assert target.find(COMMIT, "a") is None
    assert target.folder(COMMIT) == tmp_path
    (tmp_path / "d").mkdir()
    assert not target.holds(wanted("d", b""))


def test_small_contents_replace_files(tmp_path: Path) -> None:
    target = PlainFolderTarget(tmp_path)
    (tmp_path / "a").write_bytes(b"old")
    target.put(wanted("a", b"new"), b"new")
    target.put(wanted("d/e/f", b"x"), b"x")
    target.sweep()
    assert ((tmp_path / "a").read_bytes(), files(tmp_path)) == (b"new", ["a", "d/e/f"])


def test_nothing_is_written_outside(hub: Hub, tmp_path: Path) -> None:
    root, outside = tmp_path / "out", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    os.symlink(outside, root / "link")
    for path in ("../x", "/x", "a/../../x", "link/x"):
        with pytest.raises(InvalidPath):
            PlainFolderTarget(root).put(wanted(path, b"x"), b"x")
        with pytest.raises(InvalidPath):
            PlainFolderTarget(root).fetch(hub, wanted(path, b"x"), Silent().begin("x", None))
    assert files(outside) == []


def test_files_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(CannotWrite):
        PlainFolderTarget(tmp_path).put(wanted("a/b", b"x"), b"x")
