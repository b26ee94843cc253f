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
    from conftest import Asked, PassOn, Quay, Relay, Rule, Told
    from entrepot.client.hubs import Hub

LARGE = os.urandom(300_000)


def push(hub: Hub, repo: RepoRef, *operations: Operation) -> PublishedCommit:
    return publish(hub, CommitTarget(repo), operations, CommitMessage("copy"))


def copy(new: str, old: str, revision: str | None = None, repo: RepoRef | None = None) -> Copy:
    return Copy(RepoPath(new), RepoPath(old), revision, repo)


def filled(quay: Quay, kind: RepoType = RepoType.MODEL) -> RepoRef:
    repo = quay.repo(kind)
    contents = {"small.txt": b"text", "large.bin": LARGE, "d/one.txt": b"1", "d/deep/two.bin": b"\0" * 2000}
    push(quay.hub, repo, *(Add(RepoPath(path), BytesSource(content)) for path, content in contents.items()))
    return repo


def refusing(asked: Asked, go_on: PassOn) -> Told:
    """Act as a hub that refuses unknown operations."""
    if "/commit/" in asked.path and b'"copyFile"' in asked.body:
        told = go_on(type(asked)("GET", "/healthz", {}, b""))
        return type(told)(400, {"content-type": "application/json"}, b'{"error":"unknown key copyFile"}')
    return go_on(asked)


def passing_over(asked: Asked, go_on: PassOn) -> Told:
    """Act as a hub that ignores unknown operations."""
    if "/commit/" in asked.path:
        asked.body = b"\n".join(line for line in asked.body.splitlines() if b'"copyFile"' not in line)
    return go_on(asked)


def knowing(asked: Asked, go_on: PassOn) -> Told:
    return go_on(asked)


@pytest.mark.parametrize("rule", [knowing, refusing, passing_over])
def test_files_and_folders_are_copied_within_a_repository(quay: Quay, relay: Relay, rule: Rule) -> None:
    repo, hub = filled(quay), quay.through(relay.url)
    relay.rule = rule
    operations = [copy("s", "small.txt"), copy("l.bin", "large.bin"), copy("e", "d"), Delete(RepoPath("d/one.txt"))]
    push(hub, repo, *operations)
    there = quay.listing(repo)
    assert there == {
        "small.txt": 4,
        "large.bin": 300_000,
        "d/deep/two.bin": 2000,
        "s": 4,
        "l.bin": 300_000,
        "e/one.txt": 1,
        "e/deep/two.bin": 2000,
    }
    assert quay.content(repo, "l.bin") == LARGE
    assert sum(len(asked.body) for asked in relay.seen) < 20_000


@pytest.mark.parametrize("rule", [knowing, refusing, passing_over])
def test_files_are_copied_from_another_repository(quay: Quay, relay: Relay, rule: Rule) -> None:
    source, repo, hub = filled(quay, RepoType.DATASET), quay.repo(), quay.through(relay.url)
    relay.rule = rule
    push(hub, repo, copy("s.txt", "small.txt", None, source), copy("all", "d", "main", source), copy("l.bin", "large.bin", None, source))  # fmt: skip  # noqa: E501
    assert quay.listing(repo) == {"s.txt": 4, "all/one.txt": 1, "all/deep/two.bin": 2000, "l.bin": 300_000}
    assert quay.content(repo, "l.bin") == LARGE


def test_content_that_cannot_be_shared_is_sent_again(quay: Quay, relay: Relay) -> None:
    source, repo, hub = filled(quay), quay.repo(), quay.through(relay.url)

    def rule(asked: Asked, go_on: PassOn) -> Told:
        if "/duplicate" in asked.path:
            asked.path = "/api/nothing/like/this"
        return refusing(asked, go_on)

    relay.rule = rule
    push(hub, repo, copy("l.bin", "large.bin", None, source))
    assert quay.content(repo, "l.bin") == LARGE


def test_an_older_revision_can_be_copied(quay: Quay) -> None:
    repo = filled(quay)
    before = push(quay.hub, repo).oid
    push(quay.hub, repo, Delete(RepoPath("small.txt")), Delete(RepoPath("large.bin")))
    push(quay.hub, repo, copy("s", "small.txt", before), copy("l.bin", "large.bin", before))
    assert quay.content(repo, "s") == b"text"
    assert quay.content(repo, "l.bin") == LARGE


def test_a_copy_of_an_identical_file_creates_no_commit(quay: Quay) -> None:
    repo = filled(quay)
    assert push(quay.hub, repo, copy("e", "d")).is_new
    assert not push(quay.hub, repo, copy("e", "d")).is_new
    assert quay.commits(repo) == ["copy", "copy"]


def test_a_missing_source_is_refused(quay: Quay) -> None:
    repo, nowhere = filled(quay), RepoRef(RepoType.MODEL, parse_repo_id("tester/nothing-here"))
    with pytest.raises(EntryNotFound, match="there is no 'none' to copy"):
        push(quay.hub, repo, copy("x", "none"))
    with pytest.raises(RevisionNotFound):
        push(quay.hub, repo, copy("x", "small.txt", "none"))
    with pytest.raises(RepoNotFound):
        push(quay.hub, repo, copy("x", "small.txt", None, nowhere))
