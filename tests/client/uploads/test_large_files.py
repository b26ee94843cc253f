from __future__ import annotations

import os
from typing import TYPE_CHECKING

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.operations import AddStored
from entrepot.client.progress import Silent
from entrepot.client.sources import BytesSource
from entrepot.client.uploads import large_files
from entrepot.client.uploads.publishing import publish
from entrepot.names import RepoPath

if TYPE_CHECKING:
    from conftest import Asked, PassOn, Quay, Relay, Told
    from entrepot.client.hubs import Hub
    from entrepot.names import RepoRef

SIZE = 300_000


def send(hub: Hub, repo: RepoRef, content: bytes, digests: Digests | None = None) -> None:
    large_files.send(hub, CommitTarget(repo), [BytesSource(content)], digests or Digests(None), Silent())


def commit(quay: Quay, repo: RepoRef, content: bytes) -> bytes:
    stored = AddStored(RepoPath("file.bin"), Digests(None).sha256(BytesSource(content)), len(content))
    publish(quay.hub, CommitTarget(repo), [stored], CommitMessage("commit"))
    return quay.content(repo, "file.bin")


def test_chunks_are_the_way_where_they_are_offered(quay: Quay, relay: Relay) -> None:
    repo, content = quay.repo(), os.urandom(SIZE)
    send(quay.through(relay.url), repo, content)
    assert (relay.count("PUT", "/_lfs/"), relay.count("POST", "/batch")) == (0, 0)
    assert commit(quay, repo, content) == content


def test_lfs_is_the_way_where_chunks_are_not_wanted(quay: Quay, relay: Relay) -> None:
    repo, content = quay.repo(), os.urandom(SIZE)
    send(quay.through(relay.url, ENTREPOT_DISABLE_XET="1"), repo, content)
    assert relay.count("PUT", "/_lfs/") == 1
    assert commit(quay, repo, content) == content


def test_lfs_is_the_way_out_when_the_chunk_store_fails(quay: Quay, relay: Relay) -> None:
    def rule(asked: Asked, go_on: PassOn) -> Told:
        told = go_on(asked)
        return type(told)(400, {}, b"no") if "/xet/" in asked.path or "/v1/" in asked.path else told

    relay.rule = rule
    repo, content = quay.repo(), os.urandom(SIZE)
    send(quay.through(relay.url), repo, content)
    assert relay.count("PUT", "/_lfs/") == 1
    assert commit(quay, repo, content) == content


def test_files_with_known_digests_are_neither_read_nor_sent_again(quay: Quay, relay: Relay) -> None:
    repo, hub, source = quay.repo(), quay.through(relay.url), BytesSource(os.urandom(SIZE))
    with Digests(None) as digests:
        digests.sha256(source)
        large_files.send(hub, CommitTarget(repo), [source], digests, Silent())
        relay.forget()
        large_files.send(hub, CommitTarget(repo), [source], digests, Silent())
    assert [asked.path.rpartition("/")[2] for asked in relay.seen] == ["batch"]


def test_no_request_is_sent_without_files(quay: Quay, relay: Relay) -> None:
    large_files.send(quay.through(relay.url), CommitTarget(quay.repo()), [], Digests(None), Silent())
    assert relay.seen == []
