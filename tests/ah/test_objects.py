"""Objects at a real hub: listed with times and digests, downloaded without leaving anything else."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot import ah
from entrepot.ah import sessions
from entrepot.ah.errors import AssetHubError, NotFound
from entrepot.client.transport import Transport
from entrepot.errors import CannotWrite, InvalidPath
from entrepot.testing.hubs import RunningHub


@pytest.fixture
def filled(fresh_model: str) -> str:
    """A model with a small and a large object, and a folder."""
    Path("in/saved_model/sub").mkdir(parents=True)
    Path("in/model.pt").write_bytes(os.urandom(200_000))
    Path("in/saved_model/a.txt").write_text("a")
    Path("in/saved_model/sub/b.txt").write_text("b")
    ah.commit(fresh_model, "m", add=["in/*"])
    return fresh_model


def tree(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


EVERYTHING = ["model.pt", "saved_model/a.txt", "saved_model/sub/b.txt"]


def test_rows_of_objects(filled: str) -> None:
    rows = {row["path"]: row for row in ah.list(filled)}
    assert sorted(rows) == EVERYTHING
    digest = hashlib.sha256(Path("in/model.pt").read_bytes()).hexdigest()
    assert rows["model.pt"] | {"mtime": 0, "content_type": ""} == {
        "path": "model.pt",
        "path_type": "object",
        "size_bytes": 200_000,
        "checksum": digest,
        "checksum_type": "sha256",
        "mtime": 0,
        "content_type": "",
        "physical_address": f"sha256:{digest}",
    }
    small = rows["saved_model/a.txt"]
    assert (small["checksum"], small["physical_address"], small["content_type"]) == (None, None, "text/plain")
    assert abs(small["mtime"] - time.time()) < 3600


def test_the_digests_of_small_objects_on_request(filled: str) -> None:
    rows = ah.get(f"{filled}:main").list_object(checksums=True)
    assert [row["checksum"] for row in rows[1:]] == [hashlib.sha256(text).hexdigest() for text in (b"a", b"b")]
    assert ah.get(filled).list_object(checksums=True) == rows


def test_the_time_of_an_object_is_that_of_its_last_commit(filled: str, at_hub: RunningHub) -> None:
    before = {row["path"]: row["mtime"] for row in ah.list(filled)}
    Path("in/saved_model/a.txt").write_text("new")
    made = ah.commit(filled, "m2", add={"in/saved_model/a.txt": "saved_model/a.txt"})
    after = {row["path"]: row["mtime"] for row in ah.list(filled)}
    assert after["saved_model/a.txt"] == made.created
    assert after["model.pt"] == before["model.pt"]


def test_objects_of_tags_and_commits(filled: str) -> None:
    ah.create(f"{filled}:20220101", create_tag=True)
    head = ah.get(f"{filled}:main").commit_id
    ah.commit(filled, "m", delete=["/"])
    for ref in ("20220101", head, head[:8]):
        assert [row["path"] for row in ah.list(f"{filled}:{ref}")] == EVERYTHING
    assert ah.list(filled) == []


def test_everything_is_downloaded_and_nothing_else(filled: str) -> None:
    Path("here").mkdir()
    os.chdir("here")
    ah.download(f"{filled}:main")
    assert tree(".") == EVERYTHING
    assert Path("model.pt").read_bytes() == Path("../in/model.pt").read_bytes()
    assert sorted(os.listdir(".")) == ["model.pt", "saved_model"]


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        (["model.pt"], ["model.pt"]),
        (["saved_model/"], ["saved_model/a.txt", "saved_model/sub/b.txt"]),
        (["saved_model/sub/", "/model.pt"], ["model.pt", "saved_model/sub/b.txt"]),
        (["/"], EVERYTHING),
        (None, EVERYTHING),
        ([], []),
        (["model.pt", "model.pt", "./saved_model/a.txt"], ["model.pt", "saved_model/a.txt"]),
    ],
)
def test_chosen_objects_are_downloaded(filled: str, objects: list[str] | None, expected: list[str]) -> None:
    Path("out").mkdir()
    ah.download(filled, objects=objects, save_dir="out")
    assert tree("out") == expected


@pytest.mark.parametrize(
    "objects", [["model.pt", "none"], ["none/"], ["saved_model"], ["model.pt/"], ["../in/model.pt"]]
)
def test_an_absent_object_is_named_before_anything_is_written(filled: str, objects: list[str]) -> None:
    with pytest.raises(NotFound, match=r"^No such object: "):
        ah.download(filled, objects=objects, save_dir="out")
    assert not Path("out").exists()


def test_objects_are_a_list(filled: str) -> None:
    with pytest.raises(TypeError):
        ah.download(filled, objects="model.pt")


def test_the_example_of_tags_and_commits_of_a_dataset(fresh_folder: str) -> None:
    path = f"dataset/{fresh_folder}/cifar10"
    ah.create(path)
    Path("0.png").write_bytes(b"png")
    made = ah.commit(path, "m", add=["0.png"])
    ah.create(f"{path}:20220101", create_tag=True)
    for number, ref in enumerate(("20220101", made.id[:8])):
        ah.download(f"{path}:{ref}", save_dir=f"out{number}")
        assert tree(f"out{number}") == ["0.png"]


def test_an_empty_ref_is_a_warning(fresh_model: str) -> None:
    with pytest.warns(UserWarning, match="has no objects: nothing to download"):
        ah.download(fresh_model, save_dir="out")
    assert not Path("out").exists()


def test_an_equal_file_stays_untouched_and_others_are_replaced(filled: str) -> None:
    ah.download(filled, save_dir="out")
    old = time.time_ns() - 10**12
    for name in EVERYTHING:
        os.utime(f"out/{name}", ns=(old, old))
    Path("out/saved_model/a.txt").write_text("b")
    Path("out/mine.txt").write_text("mine")
    ah.download(filled, save_dir="out")
    assert Path("out/model.pt").stat().st_mtime_ns == old
    assert Path("out/saved_model/a.txt").read_text() == "a"
    assert Path("out/mine.txt").read_text() == "mine"


def test_an_unchanged_folder_transfers_no_content(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ah.download(filled, save_dir="out")
    asked: list[str] = []
    once = Transport._once

    def watched(self: Transport, call: object, url: str, *rest: object) -> object:
        asked.append(url)
        return once(self, call, url, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Transport, "_once", watched)
    ah.download(filled, save_dir="out")
    assert len(asked) == 1  # the ref; the client remembers the files of its commit
    assert not [url for url in asked if "/resolve/" in url or "/contents/" in url]


def test_a_download_is_refused_through_a_link_that_leads_outside(filled: str) -> None:
    Path("out").mkdir()
    Path("elsewhere").mkdir()
    os.symlink(Path("elsewhere").absolute(), "out/saved_model")
    with pytest.raises(InvalidPath, match="leads outside"):
        ah.download(filled, save_dir="out")
    assert tree("elsewhere") == []


def test_a_file_in_the_way_of_a_folder_is_named(filled: str) -> None:
    Path("out").mkdir()
    Path("out/saved_model").write_text("in the way")
    with pytest.raises(CannotWrite, match="saved_model"):
        ah.download(filled, save_dir="out")
    assert Path("out/saved_model").read_text() == "in the way"


def test_a_repository_of_another_client_is_downloaded_with_its_attributes(at_hub: RunningHub) -> None:
    name = f"loose-{os.urandom(3).hex()}"
    oracle = Oracle(endpoint=at_hub.url, token=at_hub.token)
    oracle.create_repo(f"tester/{name}")
    assert [row["path"] for row in ah.list(f"model/~/{name}")] == [".gitattributes"]
    ah.download(f"model/~/{name}", save_dir="out")
    assert tree("out") == [".gitattributes"]


def test_the_notes_of_the_hub_are_no_objects_but_can_be_named(filled: str) -> None:
    repo = f"tester.{filled.split('/')[1]}/gpt2"
    hub = sessions.current().hub
    assert ".gitattributes" in Oracle(endpoint=hub.endpoint, token=hub.token).list_repo_files(repo)
    ah.download(filled, objects=[".gitattributes"], save_dir="out")
    assert "model.pt filter=lfs" in Path("out/.gitattributes").read_text()


def test_the_notes_of_the_hub_are_no_objects_whatever_the_file_is_called(fresh_model: str) -> None:
    names = ["#b.bin", "a b?[c]*d.bin", "d/q?.bin", 'one"two three.bin', "plain.bin", "ü c.bin"]
    for number in range(len(names)):
        Path(f"file{number}").write_bytes(os.urandom(20_000))
    ah.commit(fresh_model, msg="m", add={f"file{number}": name for number, name in enumerate(names)})
    repo = f"tester.{fresh_model.split('/')[1]}/gpt2"
    hub = sessions.current().hub
    assert ".gitattributes" in Oracle(endpoint=hub.endpoint, token=hub.token).list_repo_files(repo)
    assert [row["path"] for row in ah.list(fresh_model)] == sorted(names)


@pytest.mark.parametrize("pattern", ["*.bin", "a[bc]", '"a *.bin"', r'"a \\\\*"'])
def test_attributes_with_wildcards_are_an_object(fresh_model: str, pattern: str) -> None:
    Path(".gitattributes").write_text(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n")
    ah.commit(fresh_model, msg="m", add=[".gitattributes"])
    assert [row["path"] for row in ah.list(fresh_model)] == [".gitattributes"]


def test_a_download_needs_an_asset(fresh_model: str) -> None:
    for path in ("model", fresh_model.rpartition("/")[0]):
        with pytest.raises(AssetHubError, match="not the path of an asset"):
            ah.download(path)
    with pytest.raises(NotFound, match=r"^No such branch or tag"):
        ah.download(f"{fresh_model}:none")
