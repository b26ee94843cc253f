from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from entrepot.client.commit_target import CommitMessage, CommitTarget, PublishedCommit
from entrepot.client.operations import Add, Copy, Delete, Operation
from entrepot.client.sources import BytesSource
from entrepot.client.uploads.publishing import publish
from entrepot.errors import EntryNotFound, RepoNotFound, RevisionNotFound
from entrepot.names import RepoPath, RepoRef, RepoType, parse_repo_id

if TYPE_CHECKING:
    from entrepot.client.hubs import Hub
    from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse, Rule
    from tests.support.uploader import Uploader

LARGE = os.urandom(300_000)


def push(hub: Hub, repo: RepoRef, *operations: Operation) -> PublishedCommit:
    return publish(hub, CommitTarget(repo), operations, CommitMessage("copy"))


def copy(new: str, old: str, revision: str | None = None, repo: RepoRef | None = None) -> Copy:
    return Copy(RepoPath(new), RepoPath(old), revision, repo)


def filled(uploader: Uploader, kind: RepoType = RepoType.MODEL) -> RepoRef:
    repo = uploader.repo(kind)
    contents = {"small.txt": b"text", "large.bin": LARGE, "d/one.txt": b"1", "d/deep/two.bin": b"\0" * 2000}
    push(uploader.hub, repo, *(Add(RepoPath(path), BytesSource(content)) for path, content in contents.items()))
    return repo


def refusing(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
    """Act as a hub that refuses unknown operations."""
    if "/commit/" in asked.path and b'"copyFile"' in asked.body:
        told = go_on(type(asked)("GET", "/healthz", {}, b""))
        return type(told)(400, {"content-type": "application/json"}, b'{"error":"unknown key copyFile"}')
    return go_on(asked)


def passing_over(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
    """Act as a hub that ignores unknown operations."""
    if "/commit/" in asked.path:
        asked.body = b"\n".join(line for line in asked.body.splitlines() if b'"copyFile"' not in line)
    return go_on(asked)


def knowing(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
    return go_on(asked)


@pytest.mark.parametrize("rule", [knowing, refusing, passing_over])
def test_files_and_folders_are_copied_within_a_repository(uploader: Uploader, relay: Relay, rule: Rule) -> None:
    repo, hub = filled(uploader), uploader.through(relay.url)
    relay.rule = rule
    operations: list[Operation] = [
        copy("s", "small.txt"),
        copy("l.bin", "large.bin"),
        copy("e", "d"),
        Delete(RepoPath("d/one.txt")),
    ]
    push(hub, repo, *operations)
    there = uploader.listing(repo)
    assert there == {
        "small.txt": 4,
        "large.bin": 300_000,
        "d/deep/two.bin": 2000,
        "s": 4,
        "l.bin": 300_000,
        "e/one.txt": 1,
        "e/deep/two.bin": 2000,
    }
    assert uploader.content(repo, "l.bin") == LARGE
    assert sum(len(asked.body) for asked in relay.seen) < 20_000


@pytest.mark.parametrize("rule", [knowing, refusing, passing_over])
def test_files_are_copied_from_another_repository(uploader: Uploader, relay: Relay, rule: Rule) -> None:
    source, repo, hub = filled(uploader, RepoType.DATASET), uploader.repo(), uploader.through(relay.url)
    relay.rule = rule
    push(hub, repo, copy("s.txt", "small.txt", None, source), copy("all", "d", "main", source), copy("l.bin", "large.bin", None, source))  # fmt: skip  # noqa: E501
    assert uploader.listing(repo) == {"s.txt": 4, "all/one.txt": 1, "all/deep/two.bin": 2000, "l.bin": 300_000}
    assert uploader.content(repo, "l.bin") == LARGE


def test_content_that_cannot_be_shared_is_sent_again(uploader: Uploader, relay: Relay) -> None:
    source, repo, hub = filled(uploader), uploader.repo(), uploader.through(relay.url)

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        if "/duplicate" in asked.path:
            asked.path = "/api/nothing/like/this"
        return refusing(asked, go_on)

    relay.rule = rule
    push(hub, repo, copy("l.bin", "large.bin", None, source))
    assert uploader.content(repo, "l.bin") == LARGE


def test_an_older_revision_can_be_copied(uploader: Uploader) -> None:
    repo = filled(uploader)
    before = push(uploader.hub, repo).oid
    push(uploader.hub, repo, Delete(RepoPath("small.txt")), Delete(RepoPath("large.bin")))
    push(uploader.hub, repo, copy("s", "small.txt", before), copy("l.bin", "large.bin", before))
    assert uploader.content(repo, "s") == b"text"
    assert uploader.content(repo, "l.bin") == LARGE


def test_a_copy_of_an_identical_file_creates_no_commit(uploader: Uploader) -> None:
    repo = filled(uploader)
    assert push(uploader.hub, repo, copy("e", "d")).is_new
    assert not push(uploader.hub, repo, copy("e", "d")).is_new
    assert uploader.commits(repo) == ["copy", "copy"]


def test_a_missing_source_is_refused(uploader: Uploader) -> None:
    repo, nowhere = filled(uploader), RepoRef(RepoType.MODEL, parse_repo_id("tester/nothing-here"))
    with pytest.raises(EntryNotFound, match="there is no 'none' to copy"):
        push(uploader.hub, repo, copy("x", "none"))
    with pytest.raises(RevisionNotFound):
        push(uploader.hub, repo, copy("x", "small.txt", "none"))
    with pytest.raises(RepoNotFound):
        push(uploader.hub, repo, copy("x", "small.txt", None, nowhere))
