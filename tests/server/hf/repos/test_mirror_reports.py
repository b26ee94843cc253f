from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.catalog.repos import repositories
from entrepot.hub.accounts import accounts
from entrepot.names import RepoRef, RepoType, parse_repo_id
from tests.support.site import Site


@pytest.fixture(scope="module")
def chief(site: Site) -> Iterator[httpx2.Client]:
    accounts.create_user(site.hub, "mirror-chief", is_admin=True)
    with site.client(accounts.create_token(site.hub, "mirror-chief", role="write").secret) as client:
        yield client


def test_mirrors_are_listed_and_repacked(
    chief: httpx2.Client, alice: httpx2.Client, anonymous: httpx2.Client, site: Site
) -> None:
    repo = site.new_repo()
    with site.hub.read() as tx:
        row = repositories.find(tx, RepoRef(RepoType.MODEL, parse_repo_id(repo)))
    assert row is not None
    site.hub.mirrors.take(site.hub.store, site.hub.read, row).release()
    [found] = [item for item in chief.get("/api/admin/mirrors").json() if item["repo"] == repo]
    assert (found["type"], found["private"], found["packs"], found["error"]) == ("model", False, 1, None)
    assert (found["whole"], found["slow"]) == (True, False)
    assert found["usedAt"] >= found["checkedAt"][:10]
    assert chief.post(f"/api/admin/repos/model/{repo}/repack").status_code == 200
    assert chief.post("/api/admin/repos/model/no/one/repack").status_code == 404
    for client, status in ((alice, 403), (anonymous, 401)):
        assert client.get("/api/admin/mirrors").status_code == status
        assert client.post(f"/api/admin/repos/model/{repo}/repack").status_code == status
