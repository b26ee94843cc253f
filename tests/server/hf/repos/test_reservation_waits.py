from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from entrepot.catalog.repos import push_reservations as rows
from entrepot.hub.repos import push_reservations, repositories
from entrepot.names import RepoRef, RepoType, parse_repo_id
from tests.support.site import Committer, Site


def test_writers_who_wait_for_a_push_keep_no_thread_from_other_requests(
    site: Site, alice: httpx2.Client, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_reservations, "PATIENCE_S", 120.0)
    monkeypatch.setattr(push_reservations, "SIGN_MS", 120_000)
    monkeypatch.setattr(push_reservations, "LONGEST_MS", 120_000)
    held, free = site.new_repo(), site.new_repo()
    caller = site.hub.identify(site.alice)
    assert caller is not None
    row = repositories.rights(site.hub, caller, RepoRef(RepoType.MODEL, parse_repo_id(held))).row
    push_reservations.note_loss(site.hub, row.id, caller.account.id)
    with ThreadPoolExecutor(site.hub.settings.transfer_threads + 2) as writers:
        writing = [
            writers.submit(committer.write, held, {f"{number}": b"1"})
            for number in range(site.hub.settings.transfer_threads + 2)
        ]
        for number in range(5):
            committer.write(free, {f"{number}": b"1"})
        assert not any(it.done() for it in writing)
        with site.hub.write() as tx:
            rows.remove(tx, row.id, caller.account.id)
        assert len({it.result() for it in writing}) == len(writing)
    found = alice.get(f"/api/models/{held}").json()["siblings"]
    assert len(found) == len(writing) + 1  # .gitattributes
