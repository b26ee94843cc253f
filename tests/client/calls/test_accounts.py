from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.client.calls import accounts
from entrepot.client.hubs import Hub
from entrepot.errors import NotFound
from entrepot.names import RepoRef
from entrepot.testing.hubs import RunningHub


def test_who_asks(hub: Hub) -> None:
    me = hub.send(accounts.whoami())
    assert (me.name, me.auth.access_token.role) == ("tester", "write")
    assert hub.send(accounts.whoami_document())["name"] == "tester"


def test_a_user_and_an_organisation(hub: Hub, entrepot_hub: RunningHub) -> None:
    entrepot_hub.org("calls-org", members={"calls-member": "read"})
    assert hub.send(accounts.user("tester")).user == "tester"
    assert hub.send(accounts.org("calls-org")).num_users == 2
    assert {person.user for person in hub.pages(accounts.members("calls-org"))} == {"tester", "calls-member"}
    assert list(hub.pages(accounts.org_followers("calls-org"))) == []
    assert list(hub.pages(accounts.following("tester"))) == []


@pytest.mark.parametrize("name", ["nobody-here", "a/../b", "x?y#z"])
def test_nobody_of_this_name(hub: Hub, name: str) -> None:
    with pytest.raises(NotFound):
        hub.send(accounts.user(name))


def test_the_storage_of_each_repository_is_listed(
    hub: Hub, fresh_repo: Callable[..., RepoRef], entrepot_hub: RunningHub
) -> None:
    ref = fresh_repo()
    found = {repo.id: repo for repo in hub.pages(accounts.storage())}
    assert found[str(ref.id)].type == "model"
    entrepot_hub.org("calls-storage")
    assert list(hub.pages(accounts.storage("calls-storage"))) == []


def test_tags_by_kind(hub: Hub) -> None:
    assert "license" in hub.send(accounts.tags_by_type("models"))
