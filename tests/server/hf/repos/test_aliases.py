from collections.abc import Iterator

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from tests.support import hub_work
from tests.support.site import Site


@pytest.fixture
def admin(site: Site) -> Iterator[httpx2.Client]:
    if not any(user.name == "root-user" for user, _ in hub_work.list_users(site.hub)):
        accounts.create_user(site.hub, "root-user", is_admin=True)
    with site.client(accounts.create_token(site.hub, "root-user", role="write").secret) as client:
        yield client


def test_an_administrator_sets_shows_lists_and_removes_aliases(site: Site, admin: httpx2.Client) -> None:
    repo = site.new_repo()
    facts = {"name": "gpt2", "type": "model", "repo": repo}
    assert admin.put("/api/admin/aliases/models/gpt2", json={"repo": repo}).json() == facts
    assert admin.get("/api/admin/aliases/model/GPT2").json() == facts
    assert admin.get("/api/admin/aliases").json() == [facts]
    assert admin.get("/api/admin/aliases/datasets").json() == []
    assert admin.get("/api/models/gpt2", follow_redirects=True).json()["id"] == repo
    assert admin.delete("/api/admin/aliases/models/gpt2").status_code == 204
    assert admin.delete("/api/admin/aliases/models/gpt2").status_code == 404
    assert admin.get("/api/models/gpt2").headers["x-error-code"] == "RepoNotFound"


def test_others_neither_see_nor_change_aliases(site: Site, alice: httpx2.Client, anonymous: httpx2.Client) -> None:
    for client, status in ((alice, 403), (anonymous, 401)):
        assert client.get("/api/admin/aliases").status_code == status
        assert client.get("/api/admin/aliases/models/gpt2").status_code == status
        assert client.put("/api/admin/aliases/models/gpt2", json={"repo": "alice/x"}).status_code == status
        assert client.delete("/api/admin/aliases/models/gpt2").status_code == status
