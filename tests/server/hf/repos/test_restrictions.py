from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from tests.support.site import Site


@pytest.fixture(scope="module")
def chief(site: Site) -> Iterator[httpx2.Client]:
    accounts.create_user(site.hub, "warden", is_admin=True)
    with site.client(accounts.create_token(site.hub, "warden", role="write").secret) as client:
        yield client


def test_a_disabled_repository_is_closed_until_it_is_enabled(
    chief: httpx2.Client, alice: httpx2.Client, site: Site
) -> None:
    repo = site.new_repo()
    path = f"/api/admin/repos/model/{repo}"
    assert chief.post(f"{path}/disable", json={"reason": " "}).status_code == 400
    done = chief.post(f"{path}/disable", json={"reason": "reported"})
    assert done.json() == {"repo": repo, "type": "model", "disabled": True, "reason": "reported"}
    assert alice.get(f"/api/models/{repo}").status_code == 403
    assert chief.post(f"{path}/disable", json={"reason": "again"}).status_code == 409
    assert chief.post(f"{path}/enable").json()["disabled"] is False
    assert alice.get(f"/api/models/{repo}").status_code == 200


def test_branches_and_tags_are_protected(chief: httpx2.Client, site: Site) -> None:
    repo = site.new_repo()
    path = f"/api/admin/repos/models/{repo}/protections"
    changed = chief.patch(path, json={"protect": ["main"], "tags": True})
    assert changed.json() == {"repo": repo, "type": "model", "branches": ["main"], "tags": True}
    assert chief.get(path).json() == changed.json()
    assert chief.patch(path, json={"unprotectAll": True}).json()["branches"] == []
    assert chief.patch(path, json={"unprotect": ["dev"]}).status_code == 409


def test_no_one_else_learns_whether_a_repository_exists(
    alice: httpx2.Client, anonymous: httpx2.Client, site: Site
) -> None:
    for client, status in ((alice, 403), (anonymous, 401)):
        answers = [client.post(f"/api/admin/repos/model/{name}/enable") for name in (site.new_repo(), "nobody/none")]
        assert [answer.status_code for answer in answers] == [status, status]
        assert answers[0].content == answers[1].content


def test_an_absent_repository_is_not_found(chief: httpx2.Client) -> None:
    assert chief.get("/api/admin/repos/model/nobody/none/protections").status_code == 404
    assert chief.get("/api/admin/repos/thing/nobody/none/protections").status_code == 400
