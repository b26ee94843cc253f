from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING

import pytest

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.operations import AddStored
from entrepot.client.progress import Silent
from entrepot.client.sources import BytesSource, ObjectSource, PathSource, Source
from entrepot.client.uploads import chunk_uploads
from entrepot.client.uploads.publishing import publish
from entrepot.errors import ChunksRefused, Forbidden, SourceChanged
from entrepot.names import RepoPath, RepoRef

if TYPE_CHECKING:
    from entrepot.client.hubs import Hub
    from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse
    from tests.support.uploader import Uploader

SIZE = 300_000


def send(hub: Hub, repo: RepoRef, *sources: Source) -> list[str]:
    digests, opened = Digests(None), chunk_uploads.find_token(hub, CommitTarget(repo))
    assert opened is not None
    chunk_uploads.send(hub, CommitTarget(repo), sources, digests, Silent().begin("", None), opened)
    return [digests.sha256(source) for source in sources]


def test_contents_of_every_kind_arrive_and_are_hashed_on_the_way(uploader: Uploader) -> None:
    repo, contents = uploader.repo(), [os.urandom(SIZE + number) for number in range(4)]
    (uploader.folder / "a").write_bytes(contents[0])
    (uploader.folder / "b").write_bytes(contents[1] + b"written later")
    growing = PathSource(str(uploader.folder / "b"), PathSource.at(uploader.folder / "b").stamp, is_growing=True)
    growing = PathSource(growing.file_path, type(growing.stamp)(len(contents[1]), 0, 0), is_growing=True)
    sources: list[Source] = [
        PathSource.at(uploader.folder / "a"),
        growing,
        BytesSource(contents[2]),
        ObjectSource(io.BytesIO(contents[3])),
    ]
    digests = send(uploader.hub, repo, *sources)
    assert digests == [hashlib.sha256(content).hexdigest() for content in contents]
    stored = [
        AddStored(RepoPath(f"{number}.bin"), digests[number], SIZE + number)  # type: ignore[arg-type]
        for number in range(4)
    ]
    publish(uploader.hub, CommitTarget(repo), stored, CommitMessage("commit"))
    assert [uploader.content(repo, f"{number}.bin") for number in range(4)] == contents


def test_chunks_that_the_hub_has_are_not_sent_again(uploader: Uploader, relay: Relay) -> None:
    repo, hub, content = uploader.repo(), uploader.through(relay.url), os.urandom(SIZE)
    send(hub, repo, BytesSource(content))
    first = sum(len(asked.body) for asked in relay.seen)
    relay.forget()
    send(hub, repo, BytesSource(content))
    assert first > SIZE
    assert sum(len(asked.body) for asked in relay.seen) < SIZE // 10


def test_a_hub_without_chunks_gives_no_pass(uploader: Uploader, relay: Relay) -> None:
    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        if "xet-write-token" in asked.path:
            asked.path = "/api/nothing/like/this"
        return go_on(asked)

    relay.rule = rule
    assert chunk_uploads.find_token(uploader.through(relay.url), CommitTarget(uploader.repo())) is None


def test_no_token_is_requested_if_xet_is_disabled(uploader: Uploader, relay: Relay) -> None:
    hub = uploader.through(relay.url, ENTREPOT_DISABLE_XET="1")
    assert chunk_uploads.find_token(hub, CommitTarget(uploader.repo())) is None
    assert relay.seen == []


def test_a_reader_gets_no_pass(uploader: Uploader) -> None:
    hub = uploader.through(uploader.server.url, ENTREPOT_TOKEN=uploader.server.user("tester", "read").token)
    with pytest.raises(Forbidden):
        chunk_uploads.find_token(hub, CommitTarget(uploader.repo()))


def test_a_changed_file_is_refused(uploader: Uploader) -> None:
    (uploader.folder / "a").write_bytes(b"before")
    source = PathSource.at(uploader.folder / "a")
    (uploader.folder / "a").write_bytes(b"after, and longer")
    with pytest.raises(SourceChanged):
        send(uploader.hub, uploader.repo(), source)


def test_a_refusing_store_and_a_changed_file_raise_different_errors(uploader: Uploader, relay: Relay) -> None:
    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        told = go_on(asked)
        return type(told)(400, {}, b"no") if "/v1/xorb" in asked.path or "/shards" in asked.path else told

    relay.rule = rule
    with pytest.raises(ChunksRefused, match="did not take the upload"):
        send(uploader.through(relay.url), uploader.repo(), BytesSource(os.urandom(SIZE)))


def test_stopping_leaves_the_next_upload_alone(uploader: Uploader) -> None:
    chunk_uploads.stop()
    content = os.urandom(SIZE)
    assert send(uploader.hub, uploader.repo(), BytesSource(content)) == [hashlib.sha256(content).hexdigest()]
    chunk_uploads.stop()
    assert send(uploader.hub, uploader.repo(), BytesSource(content)) == [hashlib.sha256(content).hexdigest()]
