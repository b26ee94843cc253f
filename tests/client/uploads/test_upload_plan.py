from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import attrs
import pytest

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.operations import Add, AddStored, Delete, DeleteFolder, Operation
from entrepot.client.progress import Silent
from entrepot.client.sources import BytesSource
from entrepot.client.uploads.folder_uploads import additions
from entrepot.client.uploads.publishing import publish
from entrepot.client.uploads.upload_plan import Entries, UploadDecision, UploadPlan, batches, find_entries, plan_upload
from entrepot.errors import InvalidPath, RepoNotFound, RevisionNotFound
from entrepot.names import RepoPath, RepoRef, RepoType, parse_repo_id

if TYPE_CHECKING:
    from entrepot.client.hubs import Hub
    from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse
    from tests.support.uploader import Uploader


def add(path: str, content: bytes = b"text") -> Add:
    return Add(RepoPath(path), BytesSource(content))


def surveyed(hub: Hub, repo: RepoRef, *operations: Operation) -> UploadPlan:
    return plan_upload(hub, CommitTarget(repo), operations, Digests(None), Silent().begin("", None))


def test_the_hub_decides_what_is_large(uploader: Uploader) -> None:
    found = surveyed(
        uploader.hub, uploader.repo(), add("a.txt"), add("b.txt", b"\0\1"), add("c.bin"), add("empty.bin", b"")
    )
    assert found.decisions == {
        "a.txt": UploadDecision.REGULAR,
        "b.txt": UploadDecision.LARGE,
        "c.bin": UploadDecision.LARGE,
        "empty.bin": UploadDecision.REGULAR,
    }
    assert found.head is not None


@pytest.mark.parametrize("count", [3, 600], ids=["a few", "many"])
def test_existing_files_are_unchanged(uploader: Uploader, count: int) -> None:
    repo = uploader.repo()
    texts = [add(f"texts/{number}.txt", f"{number}".encode()) for number in range(count)]
    large = add("large.bin", os.urandom(2000))
    publish(uploader.hub, CommitTarget(repo), [*texts, large], CommitMessage("first"))
    changed = [add("texts/0.txt", b"another"), *texts[1:], add("large.bin", os.urandom(2000)), add("new.txt")]
    fates = surveyed(uploader.hub, repo, *changed).decisions
    assert [path for path, decision in fates.items() if decision is not UploadDecision.SAME] == [
        "texts/0.txt",
        "large.bin",
        "new.txt",
    ]
    assert surveyed(uploader.hub, repo, *texts, large).decisions.keys() == {*(item.path for item in texts), "large.bin"}
    assert set(surveyed(uploader.hub, repo, *texts, large).decisions.values()) == {UploadDecision.SAME}


def test_only_changed_files_of_many_are_sent_to_the_hub(uploader: Uploader, relay: Relay) -> None:
    repo, hub = uploader.repo(), uploader.through(relay.url)
    texts = [add(f"{number}.txt", f"{number}".encode()) for number in range(600)]
    publish(uploader.hub, CommitTarget(repo), texts, CommitMessage("first"))
    surveyed(hub, repo, *texts)
    assert [asked.method for asked in relay.seen] == ["GET"]
    relay.forget()
    surveyed(hub, repo, *texts, add("new.bin", b"\0"))
    assert [asked.path.split("/")[5] for asked in relay.seen] == ["tree", "preupload"]


@pytest.mark.parametrize("count", [3, 300], ids=["a few", "many"])
def test_a_file_whose_stored_bytes_are_damaged_is_sent_again(uploader: Uploader, relay: Relay, count: int) -> None:
    repo, hub = uploader.repo(), uploader.through(relay.url)
    files = [add("w.bin", os.urandom(2000)), *(add(f"{number}.txt") for number in range(count))]
    publish(uploader.hub, CommitTarget(repo), files, CommitMessage("first"))

    def without_digests(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        answer = go_on(asked)
        if "/preupload/" in asked.path:  # a hub does not name the digest of a file that it cannot serve
            said = json.loads(answer.body)
            said["files"] = [{key: value for key, value in item.items() if key != "oid"} for item in said["files"]]
            return attrs.evolve(answer, body=json.dumps(said).encode())
        return answer

    assert surveyed(hub, repo, *files).decisions["w.bin"] is UploadDecision.SAME
    relay.rule = without_digests
    assert surveyed(hub, repo, *files).decisions["w.bin"] is UploadDecision.LARGE


def test_a_few_files_of_a_full_folder_are_looked_up_by_their_paths(
    uploader: Uploader, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, hub = uploader.repo(), uploader.through(relay.url)
    texts = [add(f"{number:04}.txt", f"{number}".encode()) for number in range(300)]
    publish(uploader.hub, CommitTarget(repo), texts, CommitMessage("first"))

    def in_short_pages(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        asked.path = asked.path.replace("?recursive=true", "?recursive=true&limit=50")
        return go_on(asked)

    relay.rule = in_short_pages
    paths = [item.path for item in texts]
    found = find_entries(hub, CommitTarget(repo), paths)
    assert not found.is_whole
    assert set(paths) <= set(found.entries)
    assert (relay.count("GET", "/tree/"), relay.count("POST", "paths-info")) == (2, 1)


def test_a_missing_folder_has_no_files(uploader: Uploader) -> None:
    target = CommitTarget(uploader.repo())
    assert find_entries(uploader.hub, target, [RepoPath("a/b/c"), RepoPath("a/b/d")]) == Entries(
        "a/b", {}, is_whole=True
    )


def test_many_small_files_need_no_question(uploader: Uploader, relay: Relay) -> None:
    repo, hub = uploader.repo(), uploader.through(relay.url)
    for number in range(600):
        (uploader.folder / f"{number}.txt").write_text(f"{number}")
    (uploader.folder / "a.bin").write_text("by its name")
    (uploader.folder / "b.txt").write_bytes(b"by its content \0")
    found = surveyed(hub, repo, *additions(uploader.folder, "x"))
    assert {path for path, decision in found.decisions.items() if decision is UploadDecision.LARGE} == {
        "x/a.bin",
        "x/b.txt",
    }
    assert set(found.decisions.values()) == {UploadDecision.LARGE, UploadDecision.REGULAR}
    assert found.texts[RepoPath("x/7.txt")] == b"7"
    assert relay.count("POST", "preupload") == 0


def test_the_hub_decides_unclear_files(uploader: Uploader, relay: Relay) -> None:
    repo, hub = uploader.repo(), uploader.through(relay.url)
    for number in range(600):
        (uploader.folder / f"{number}.txt").write_text(f"{number}")
    (uploader.folder / "latin.txt").write_bytes(b"\xff\xff")
    found = surveyed(hub, repo, *additions(uploader.folder, "x"))
    assert {path for path, decision in found.decisions.items() if decision is UploadDecision.LARGE} == {"x/latin.txt"}
    assert relay.count("POST", "preupload") == 1


def test_files_also_deleted_or_written_twice_are_not_unchanged(uploader: Uploader) -> None:
    repo = uploader.repo()
    publish(uploader.hub, CommitTarget(repo), [add("d/a.txt"), add("b.txt"), add("c.txt")], CommitMessage("first"))
    stored = AddStored(RepoPath("c.txt"), Digests(None).sha256(BytesSource(b"x")), 1)
    for others in ([DeleteFolder(RepoPath("d"))], [Delete(RepoPath("d"))], [Delete(RepoPath("d/a.txt"))]):
        assert surveyed(uploader.hub, repo, *others, add("d/a.txt")).decisions == {"d/a.txt": UploadDecision.REGULAR}
    assert surveyed(uploader.hub, repo, add("b.txt", b"else"), add("b.txt")).decisions == {
        "b.txt": UploadDecision.REGULAR
    }
    assert surveyed(uploader.hub, repo, stored, add("c.txt")).decisions == {"c.txt": UploadDecision.REGULAR}


def test_ignored_files_are_left_out(uploader: Uploader) -> None:
    repo = uploader.repo()
    publish(uploader.hub, CommitTarget(repo), [add(".gitignore", b"*.log\n")], CommitMessage("first"))
    assert surveyed(uploader.hub, repo, add("a.log"), add("a.txt")).decisions == {
        "a.log": UploadDecision.IGNORED,
        "a.txt": UploadDecision.REGULAR,
    }
    coming = surveyed(uploader.hub, repo, add("a.log"), add(".gitignore", b"*.tmp\n"), add("a.tmp")).decisions
    assert coming == {
        "a.log": UploadDecision.REGULAR,
        ".gitignore": UploadDecision.REGULAR,
        "a.tmp": UploadDecision.IGNORED,
    }


def test_a_missing_repository_or_branch_is_named(uploader: Uploader) -> None:
    with pytest.raises(RepoNotFound, match="tester/nothing-here"):
        surveyed(uploader.hub, RepoRef(RepoType.MODEL, parse_repo_id("tester/nothing-here")), add("a"))
    with pytest.raises(RevisionNotFound):
        plan_upload(
            uploader.hub, CommitTarget(uploader.repo(), "none"), [add("a")], Digests(None), Silent().begin("", None)
        )


def test_a_path_that_the_hub_does_not_take_is_an_invalid_path(uploader: Uploader) -> None:
    with pytest.raises(InvalidPath):
        surveyed(uploader.hub, uploader.repo(), add("..\\..\\a"))


def test_no_request_is_sent_without_files(uploader: Uploader, relay: Relay) -> None:
    assert surveyed(uploader.through(relay.url), uploader.repo()) == UploadPlan({}, None)
    assert relay.seen == []


def test_batches_have_a_limit() -> None:
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []
