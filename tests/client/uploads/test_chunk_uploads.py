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
    from conftest import Asked, PassOn, Quay, Relay, Told
    from entrepot.client.hubs import Hub

SIZE = 300_000


def send(hub: Hub, repo: RepoRef, *sources: Source) -> list[str]:
    digests, opened = Digests(None), chunk_uploads.find_token(hub, CommitTarget(repo))
    assert opened is not None
    chunk_uploads.send(hub, CommitTarget(repo), sources, digests, Silent().begin("", None), opened)
    return [digests.sha256(source) for source in sources]


def test_contents_of_every_kind_arrive_and_are_hashed_on_the_way(quay: Quay) -> None:
    repo, contents = quay.repo(), [os.urandom(SIZE + number) for number in range(4)]
    (quay.folder / "a").write_bytes(contents[0])
    (quay.folder / "b").write_bytes(contents[1] + b"written later")
    growing = PathSource(str(quay.folder / "b"), PathSource.at(quay.folder / "b").stamp, is_growing=True)
    growing = PathSource(growing.file_path, type(growing.stamp)(len(contents[1]), 0, 0), is_growing=True)
    sources = [
        PathSource.at(quay.folder / "a"),
        growing,
        BytesSource(contents[2]),
        ObjectSource(io.BytesIO(contents[3])),
    ]
    digests = send(quay.hub, repo, *sources)
    assert digests == [hashlib.sha256(content).hexdigest() for content in contents]
    stored = [
        AddStored(RepoPath(f"{number}.bin"), digests[number], SIZE + number)  # type: ignore[arg-type]
        for number in range(4)
    ]
    publish(quay.hub, CommitTarget(repo), stored, CommitMessage("commit"))
    assert [quay.content(repo, f"{number}.bin") for number in range(4)] == contents


def test_chunks_that_the_hub_has_are_not_sent_again(quay: Quay, relay: Relay) -> None:
    repo, hub, content = quay.repo(), quay.through(relay.url), os.urandom(SIZE)
    send(hub, repo, BytesSource(content))
    first = sum(len(asked.body) for asked in relay.seen)
    relay.forget()
    send(hub, repo, BytesSource(content))
    assert first > SIZE
    assert sum(len(asked.body) for asked in relay.seen) < SIZE // 10


def test_a_hub_without_chunks_gives_no_pass(quay: Quay, relay: Relay) -> None:
    def rule(asked: Asked, go_on: PassOn) -> Told:
        if "xet-write-token" in asked.path:
            asked.path = "/api/nothing/like/this"
        return go_on(asked)

    relay.rule = rule
    assert chunk_uploads.find_token(quay.through(relay.url), CommitTarget(quay.repo())) is None


def test_no_token_is_requested_if_xet_is_disabled(quay: Quay, relay: Relay) -> None:
    hub = quay.through(relay.url, ENTREPOT_DISABLE_XET="1")
    assert chunk_uploads.find_token(hub, CommitTarget(quay.repo())) is None
    assert relay.seen == []


def test_a_reader_gets_no_pass(quay: Quay) -> None:
    hub = quay.through(quay.server.url, ENTREPOT_TOKEN=quay.server.user("tester", "read").token)
    with pytest.raises(Forbidden):
        chunk_uploads.find_token(hub, CommitTarget(quay.repo()))


def test_a_changed_file_is_refused(quay: Quay) -> None:
    (quay.folder / "a").write_bytes(b"before")
    source = PathSource.at(quay.folder / "a")
    (quay.folder / "a").write_bytes(b"after, and longer")
    with pytest.raises(SourceChanged):
        send(quay.hub, quay.repo(), source)


def test_a_refusing_store_and_a_changed_file_raise_different_errors(quay: Quay, relay: Relay) -> None:
    def rule(asked: Asked, go_on: PassOn) -> Told:
        told = go_on(asked)
        return type(told)(400, {}, b"no") if "/v1/xorb" in asked.path or "/shards" in asked.path else told

    relay.rule = rule
    with pytest.raises(ChunksRefused, match="did not take the upload"):
        send(quay.through(relay.url), quay.repo(), BytesSource(os.urandom(SIZE)))


def test_stopping_leaves_the_next_upload_alone(quay: Quay) -> None:
    chunk_uploads.stop()
    content = os.urandom(SIZE)
    assert send(quay.hub, quay.repo(), BytesSource(content)) == [hashlib.sha256(content).hexdigest()]
    chunk_uploads.stop()
    assert send(quay.hub, quay.repo(), BytesSource(content)) == [hashlib.sha256(content).hexdigest()]
