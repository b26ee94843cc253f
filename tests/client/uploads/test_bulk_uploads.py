from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.operations import AddStored
from entrepot.client.progress import Silent
from entrepot.client.sources import BytesSource, PathSource, Source
from entrepot.client.uploads import large_files
from entrepot.client.uploads.bulk_uploads import SMALL_BYTES, send
from entrepot.client.uploads.folder_uploads import additions
from entrepot.client.uploads.publishing import publish
from entrepot.errors import Forbidden, SourceChanged, Unauthenticated
from entrepot.names import RepoPath
from entrepot.wire.files.bulk_uploads import MAX_FILES

if TYPE_CHECKING:
    from entrepot.client.hubs import Hub
    from entrepot.names import RepoRef
    from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse
    from tests.support.uploader import Uploader

SMALL = 5000


class Counter:
    """A meter that adds up."""

    total = 0

    def advance(self, amount: int) -> None:
        self.total += amount

    def finish(self) -> None:
        """Do nothing."""


def contents(count: int, size: int = SMALL) -> list[Source]:
    return [BytesSource(os.urandom(size)) for _ in range(count)]


def sent(hub: Hub, repo: RepoRef, sources: list[Source], digests: Digests | None = None) -> list[Source]:
    """Return the contents that must be sent in another way."""
    return send(hub, CommitTarget(repo), sources, digests or Digests(None), Counter())


def commit(uploader: Uploader, repo: RepoRef, sources: list[Source], digests: Digests) -> None:
    stored = [
        AddStored(RepoPath(f"{number}.bin"), digests.sha256(source), source.size)
        for number, source in enumerate(sources)
    ]
    publish(uploader.hub, CommitTarget(repo), stored, CommitMessage("commit"))


def test_small_files_are_sent_in_one_request_and_committed(uploader: Uploader, relay: Relay) -> None:
    repo, digests, sources = uploader.repo(), Digests(None), contents(40)
    assert sent(uploader.through(relay.url), repo, sources, digests) == []
    assert len(relay.seen) == 1
    assert [digests.find_sha256(source) for source in sources] == [Digests(None).sha256(each) for each in sources]
    commit(uploader, repo, sources, digests)
    assert [uploader.content(repo, f"{number}.bin") for number in range(40)] == [source.read() for source in sources]


def test_files_that_are_large_or_empty_are_left(uploader: Uploader, relay: Relay) -> None:
    others: list[Source] = [BytesSource(b""), BytesSource(b"x" * (SMALL_BYTES + 1))]
    hub, repo = uploader.through(relay.url), uploader.repo()
    assert sent(hub, repo, others) == others
    assert relay.seen == []
    assert sent(hub, repo, [*others, BytesSource(b"x" * SMALL_BYTES)]) == others


def test_files_are_downloaded_with_several_bulk_requests(uploader: Uploader, relay: Relay) -> None:
    assert sent(uploader.through(relay.url), uploader.repo(), contents(MAX_FILES + 1, 8)) == []
    assert relay.count("POST", "/files/main") == 2


def test_equal_files_are_sent_once(uploader: Uploader, relay: Relay) -> None:
    source = BytesSource(os.urandom(SMALL))
    meter = Counter()
    send(
        uploader.through(relay.url),
        CommitTarget(uploader.repo()),
        [source, BytesSource(source.data)],
        Digests(None),
        meter,
    )
    assert len(relay.seen[0].body) < 2 * SMALL
    assert meter.total == 2 * SMALL


@pytest.mark.parametrize("status", [404, 405, 413, 400])
def test_a_hub_without_bulk_uploads_is_asked_once(uploader: Uploader, relay: Relay, status: int) -> None:
    def refuse(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        told = go_on(asked) if "/files/" not in asked.path else None
        return told or type(go_on(asked))(status, {}, b"")

    relay.rule = refuse
    repo, hub, digests, sources = uploader.repo(), uploader.through(relay.url), Digests(None), contents(3)
    large_files.send(hub, CommitTarget(repo), sources, digests, Silent())
    assert sent(hub, repo, contents(2)) != []
    assert relay.count("POST", "/files/main") == 1
    commit(uploader, repo, sources, digests)
    assert uploader.content(repo, "2.bin") == sources[2].read()


def test_a_response_that_lacks_a_file_is_refused(uploader: Uploader, relay: Relay) -> None:
    relay.rule = lambda asked, go_on: type(go_on(asked))(200, {}, b'{"stored":[]}')
    sources = contents(2)
    assert sent(uploader.through(relay.url), uploader.repo(), sources) == sources


def test_a_caller_without_write_access_is_refused(uploader: Uploader) -> None:
    repo = uploader.repo()
    stranger = uploader.through(uploader.server.url, ENTREPOT_TOKEN=uploader.server.user("stranger").token)
    with pytest.raises((Forbidden, Unauthenticated)):
        sent(stranger, repo, contents(1))


def test_a_file_that_changed_is_not_sent(uploader: Uploader, relay: Relay) -> None:
    path = uploader.folder / "a.bin"
    path.write_bytes(b"\0before")
    source = PathSource.at(path)
    path.write_bytes(b"\0after it was found")
    with pytest.raises(SourceChanged):
        sent(uploader.through(relay.url), uploader.repo(), [source])
    assert relay.seen == []


def test_a_folder_of_small_binaries_takes_few_requests(uploader: Uploader, relay: Relay) -> None:
    repo = uploader.repo()
    for number in range(300):
        (uploader.folder / f"{number}.bin").write_bytes(b"\0%d" % number)
    publish(
        uploader.through(relay.url), CommitTarget(repo), list(additions(uploader.folder, "x")), CommitMessage("folder")
    )
    assert len(relay.seen) <= 5
    assert uploader.content(repo, "x/77.bin") == b"\x0077"
    assert len(uploader.listing(repo)) == 300
