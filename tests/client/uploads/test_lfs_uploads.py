from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from entrepot import testing
from entrepot.client.calls import repos
from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.hubs import Hub
from entrepot.client.operations import AddStored
from entrepot.client.paths import read_paths
from entrepot.client.sources import BytesSource, ObjectSource, PathSource, Source
from entrepot.client.uploads import lfs_uploads
from entrepot.client.uploads.publishing import publish
from entrepot.errors import Forbidden, Refused, SourceChanged, Unavailable
from entrepot.names import RepoPath, RepoRef, RepoType, parse_repo_id

if TYPE_CHECKING:
    from pathlib import Path

    from entrepot.testing.hubs import RunningHub
    from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse
    from tests.support.uploader import Uploader

MIB = 1 << 20


class Count:
    """A meter that adds up."""

    total = 0

    def advance(self, amount: int) -> None:
        self.total += amount

    def finish(self) -> None:
        pass


def send(hub: Hub, repo: RepoRef, *sources: Source) -> int:
    meter = Count()
    lfs_uploads.send(hub, CommitTarget(repo), sources, Digests(None), meter)
    return meter.total


def commit(hub: Hub, repo: RepoRef, content: bytes) -> None:
    stored = AddStored(RepoPath("file.bin"), Digests(None).sha256(BytesSource(content)), len(content))
    publish(hub, CommitTarget(repo), [stored], CommitMessage("commit"))


def test_contents_of_every_kind_arrive(uploader: Uploader) -> None:
    repo, contents = uploader.repo(), [os.urandom(3 * MIB + 1), os.urandom(5), b"the same", b"the same"]
    (uploader.folder / "a").write_bytes(contents[0])
    sources: list[Source] = [
        PathSource.at(uploader.folder / "a"),
        ObjectSource(io.BytesIO(contents[1])),
        *map(BytesSource, contents[2:]),
    ]
    assert send(uploader.hub, repo, *sources) == sum(map(len, contents[:3]))
    commit(uploader.hub, repo, contents[0])
    assert uploader.content(repo, "file.bin") == contents[0]


def test_files_on_the_hub_are_not_sent_again(uploader: Uploader, relay: Relay) -> None:
    repo, hub, content = uploader.repo(), uploader.through(relay.url), os.urandom(MIB)
    assert send(hub, repo, BytesSource(content)) == MIB
    assert relay.count("PUT", "") == 1
    assert send(hub, repo, BytesSource(content)) == MIB  # counted as done
    assert relay.count("PUT", "") == 1
    assert lfs_uploads.missing(hub, CommitTarget(repo), [BytesSource(content)], Digests(None)) == []


def test_an_unavailable_hub_is_retried(uploader: Uploader, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    left: list[Any] = [503, 500, "lost"]

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        if asked.method == "PUT" and left:
            failure = left.pop()
            told = go_on(asked) if failure == "lost" else go_on(type(asked)("GET", "/healthz", {}, b""))
            lost = failure == "lost"
            return type(told)(200 if lost else failure, {}, b"", is_lost=lost)
        return go_on(asked)

    relay.rule = rule
    repo, content = uploader.repo(), os.urandom(MIB)
    assert send(uploader.through(relay.url), repo, BytesSource(content)) == MIB
    commit(uploader.hub, repo, content)
    assert uploader.content(repo, "file.bin") == content


def test_a_hub_that_never_responds_raises(uploader: Uploader, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        told = go_on(asked)
        return type(told)(503) if asked.method == "PUT" else told

    relay.rule = rule
    with pytest.raises(Unavailable, match="failed with 503"):
        send(uploader.through(relay.url), uploader.repo(), BytesSource(b"content"))
    assert relay.count("PUT", "") == 5


def test_an_expired_upload_url_is_requested_again(uploader: Uploader, relay: Relay) -> None:
    is_first = [True]

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        if asked.method == "PUT" and is_first and is_first.pop():
            asked.path = asked.path.replace("sig", "gis")
        return go_on(asked)

    relay.rule = rule
    assert send(uploader.through(relay.url), uploader.repo(), BytesSource(b"content")) == 7
    assert (relay.count("PUT", ""), relay.count("POST", "/batch")) == (2, 2)


def test_the_token_is_not_sent_to_a_signed_link(uploader: Uploader, relay: Relay) -> None:
    send(uploader.through(relay.url), uploader.repo(), BytesSource(b"content"))
    (put,) = [asked for asked in relay.seen if asked.method == "PUT"]
    assert "authorization" not in {name.lower() for name in put.headers}


def test_a_file_that_changes_during_the_upload_is_refused(uploader: Uploader, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")
    source = PathSource.at(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"after, and longer")
    with pytest.raises(SourceChanged):
        send(uploader.hub, uploader.repo(), source)


def test_a_reader_may_not_send(uploader: Uploader) -> None:
    hub = uploader.through(uploader.server.url, ENTREPOT_TOKEN=uploader.server.user("tester", "read").token)
    with pytest.raises(Forbidden):
        send(hub, uploader.repo(), BytesSource(b"content"))


@pytest.fixture(scope="module")
def small_parts() -> Iterator[RunningHub]:
    with testing.hub(multipart_threshold=5 * MIB, part_size=5 * MIB, max_file=40 * MIB) as server:
        yield server


@pytest.fixture
def parted(small_parts: RunningHub, tmp_path: Path) -> Iterator[Hub]:
    given = {"ENTREPOT_ENDPOINT": small_parts.url, "ENTREPOT_TOKEN": small_parts.token, "ENTREPOT_HOME": str(tmp_path)}
    hub = Hub(read_paths(given))
    yield hub
    hub.close()


def made(hub: Hub, name: str) -> RepoRef:
    repo = RepoRef(RepoType.MODEL, parse_repo_id(f"tester/{name}"))
    hub.send(repos.create(repo))
    return repo


def test_a_file_is_sent_in_parts_if_the_hub_asks_for_parts(parted: Hub, tmp_path: Path) -> None:
    repo, content = made(parted, "parts"), os.urandom(17 * MIB + 11)
    (tmp_path / "a").write_bytes(content)
    assert send(parted, repo, PathSource.at(tmp_path / "a"), BytesSource(b"small")) == len(content) + 5
    commit(parted, repo, content)
    sha256 = hashlib.sha256(content).hexdigest()
    assert lfs_uploads.missing(parted, CommitTarget(repo), [BytesSource(content)], Digests(None)) == []
    assert sha256 == Digests(None).sha256(PathSource.at(tmp_path / "a"))


def test_the_error_names_a_file_that_is_too_large(parted: Hub) -> None:
    with pytest.raises(Refused, match=r"refuses my\.bin: "):
        send(parted, made(parted, "too-large"), BytesSource(bytes(41 * MIB), "my.bin"))
