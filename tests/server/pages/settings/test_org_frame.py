from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import Send, sender
from tests.support.served_hub import ServedHub

FORMS = ["members/role", "members/remove", "invitations", "invitations/cancel", "general", "delete"]


@pytest.fixture(scope="module")
def guild(site: ServedHub) -> str:
    """An organisation of alice, with the member ``guild-reader``."""
    accounts.create_org(site.hub, "guild", admin="alice")
    accounts.create_user(site.hub, "guild-reader", password=PASSWORD)
    accounts.set_member(site.hub, "guild", "guild-reader", Role.READ)
    accounts.reset_password(site.hub, "bob", PASSWORD)
    return "guild"


@pytest.fixture
def reader(site: ServedHub, guild: str) -> Iterator[httpx2.Client]:
    """A browser of a member who may only read."""
    with browse(site) as client:
        client.post("/login", data={"name": f"{guild}-reader", "password": PASSWORD})
        yield client


@pytest.mark.parametrize("page", ["members", "quota", "invitations", "general"])
def test_pages_are_for_members_and_some_for_administrators(
    site: ServedHub, guild: str, browser: httpx2.Client, signed_in: httpx2.Client, reader: httpx2.Client, page: str
) -> None:
    path = f"/organizations/{guild}/settings/{page}"
    assert browser.get(path).status_code == 401
    assert reader.get(path).status_code == (200 if page in ("members", "quota") else 403)
    shown = signed_in.get(path)
    assert shown.status_code == 200
    assert f'href="{path}" aria-current="page"' in shown.text
    with browse(site) as stranger:
        stranger.post("/login", data={"name": "bob", "password": PASSWORD})
        assert stranger.get(path).status_code == 403
    assert signed_in.get(f"/organizations/no-such-guild/settings/{page}").status_code == 404


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_others_change_nothing(guild: str, reader: httpx2.Client, signed_in: httpx2.Client, form: str) -> None:
    path = f"/organizations/{guild}/settings/{form}"
    fields = {"user": "alice", "role": "read", "confirm": guild, "fullname": "Taken", "visibility": "public"}
    assert sender(reader)(path, fields).status_code == 403
    assert signed_in.post(path, data={**fields, "csrf": "x"}).status_code == 403
    assert signed_in.post(path, data=fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    page = signed_in.get(f"/organizations/{guild}/settings/general").text
    assert "Taken" not in page


def test_who_may_not_change_anything_sees_no_forms_but_leaving(guild: str, reader: httpx2.Client, send: Send) -> None:
    page = reader.get(f"/organizations/{guild}/settings/members").text
    assert "members/role" not in page
    assert page.count("members/remove") == 1
    assert f'href="/organizations/{guild}/settings/invitations"' not in page
