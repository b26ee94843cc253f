from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from entrepot.hub.repos import push_reservations, repo_rights
from entrepot.names import RepoRef, RepoType, parse_repo_id
from tests.support.site import Committer, Site

_SOMEONE = 1 << 40


def reserve(site: Site, name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Reserve a repository of alice for an account of which no more is known; return what ends that."""
    for setting in ("PATIENCE_S", "PUSH_PATIENCE_S"):
        monkeypatch.setattr(push_reservations, setting, 120.0)
    for setting in ("SIGN_MS", "LONGEST_MS"):
        monkeypatch.setattr(push_reservations, setting, 120_000)
    repo_id = repo_rights.of(
        site.hub, site.hub.identify(site.alice), RepoRef(RepoType.MODEL, parse_repo_id(name))
    ).row.id
    push_reservations.note_loss(site.hub, repo_id, _SOMEONE)

    def end() -> None:
        with site.hub.write() as tx:
            push_reservations.end(tx, repo_id, _SOMEONE, site.hub.now_ms())

    return end


def test_writers_who_wait_for_a_push_keep_no_thread_from_other_requests(
    site: Site, alice: httpx2.Client, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = site.new_repo(), site.new_repo()
    end = reserve(site, held, monkeypatch)
    with ThreadPoolExecutor(site.hub.settings.transfer_threads + 2) as writers:
        writing = [
            writers.submit(committer.write, held, {f"{number}": b"1"})
            for number in range(site.hub.settings.transfer_threads + 2)
        ]
        for number in range(5):
            committer.write(free, {f"{number}": b"1"})
        assert not any(it.done() for it in writing)
        end()
        assert len({it.result() for it in writing}) == len(writing)
    found = alice.get(f"/api/models/{held}").json()["siblings"]
    assert len(found) == len(writing) + 1  # .gitattributes


def test_others_who_push_wait_for_their_turn_and_keep_no_thread(
    site: Site, alice: httpx2.Client, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = site.new_repo(), site.new_repo()
    end = reserve(site, held, monkeypatch)
    number = site.hub.settings.short_threads + 2
    with ThreadPoolExecutor(number) as pushers:
        asking = [pushers.submit(alice.get, f"/{held}/info/refs?service=git-receive-pack") for _ in range(number)]
        committer.write(free, {"a": b"1"})
        assert not any(it.done() for it in asking)
        end()
        assert {it.result().status_code for it in asking} == {200}
