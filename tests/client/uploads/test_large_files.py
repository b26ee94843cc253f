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
    from entrepot.client.hubs import Hub
    from entrepot.names import RepoRef
    from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse
    from tests.support.uploader import Uploader

SIZE = 300_000


def send(hub: Hub, repo: RepoRef, content: bytes, digests: Digests | None = None) -> None:
    large_files.send(hub, CommitTarget(repo), [BytesSource(content)], digests or Digests(None), Silent())


def commit(uploader: Uploader, repo: RepoRef, content: bytes) -> bytes:
    stored = AddStored(RepoPath("file.bin"), Digests(None).sha256(BytesSource(content)), len(content))
    publish(uploader.hub, CommitTarget(repo), [stored], CommitMessage("commit"))
    return uploader.content(repo, "file.bin")


def test_chunks_are_the_way_where_they_are_offered(uploader: Uploader, relay: Relay) -> None:
    repo, content = uploader.repo(), os.urandom(SIZE)
    send(uploader.through(relay.url), repo, content)
    assert (relay.count("PUT", "/_lfs/"), relay.count("POST", "/batch")) == (0, 0)
    assert commit(uploader, repo, content) == content


def test_lfs_is_the_way_where_chunks_are_not_wanted(uploader: Uploader, relay: Relay) -> None:
    repo, content = uploader.repo(), os.urandom(SIZE)
    send(uploader.through(relay.url, ENTREPOT_DISABLE_XET="1"), repo, content)
    assert relay.count("PUT", "/_lfs/") == 1
    assert commit(uploader, repo, content) == content


def test_lfs_is_the_way_out_when_the_chunk_store_fails(uploader: Uploader, relay: Relay) -> None:
    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        told = go_on(asked)
        return type(told)(400, {}, b"no") if "/xet/" in asked.path or "/v1/" in asked.path else told

    relay.rule = rule
    repo, content = uploader.repo(), os.urandom(SIZE)
    send(uploader.through(relay.url), repo, content)
    assert relay.count("PUT", "/_lfs/") == 1
    assert commit(uploader, repo, content) == content


def test_files_with_known_digests_are_neither_read_nor_sent_again(uploader: Uploader, relay: Relay) -> None:
    repo, hub, source = uploader.repo(), uploader.through(relay.url), BytesSource(os.urandom(SIZE))
    with Digests(None) as digests:
        digests.sha256(source)
        large_files.send(hub, CommitTarget(repo), [source], digests, Silent())
        relay.forget()
        large_files.send(hub, CommitTarget(repo), [source], digests, Silent())
    assert [asked.path.rpartition("/")[2] for asked in relay.seen] == ["batch"]


def test_no_request_is_sent_without_files(uploader: Uploader, relay: Relay) -> None:
    large_files.send(uploader.through(relay.url), CommitTarget(uploader.repo()), [], Digests(None), Silent())
    assert relay.seen == []
