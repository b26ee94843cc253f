from __future__ import annotations

import re

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.server.pages.admin.guards import SECTIONS
from tests.server.pages.admin.conftest import CHIEF
from tests.server.pages.settings.conftest import sender
from tests.support.served_hub import ServedHub

FORMS = ["users", "users/link", "users/change", "orgs", "gc", "gc/run", "jobs/retry", "jobs/cancel"]


def same(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, re.sub(rf'{answer.headers["x-request-id"]}|next=[^"]*', "", answer.text)


@pytest.mark.parametrize("section", [key for key, _ in SECTIONS])
def test_for_all_but_administrators_the_pages_do_not_exist(
    browser: httpx2.Client, signed_in: httpx2.Client, admin: httpx2.Client, section: str
) -> None:
    shown = admin.get(f"/-/admin/{section}")
    assert shown.status_code == 200
    assert f'href="/-/admin/{section}" aria-current="page"' in shown.text
    for client in (browser, signed_in):
        absent = same(client.get("/-/admin/nothing-here"))
        assert absent[0] == 404
        assert same(client.get(f"/-/admin/{section}")) == absent


@pytest.mark.parametrize("query", ["repos?after=x", "audit?before=x"])
def test_a_wrong_parameter_tells_only_administrators(
    signed_in: httpx2.Client, admin: httpx2.Client, query: str
) -> None:
    assert admin.get(f"/-/admin/{query}").status_code == 400
    assert same(signed_in.get(f"/-/admin/{query}")) == same(signed_in.get("/-/admin/nothing-here"))


def test_the_first_page_is_the_overview(admin: httpx2.Client, signed_in: httpx2.Client) -> None:
    assert "Overview" in admin.get("/-/admin").text
    assert signed_in.get("/-/admin").status_code == 404


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_others_do_nothing(signed_in: httpx2.Client, admin: httpx2.Client, form: str) -> None:
    fields = {"name": "sneaked-in", "user": "bob", "change": "suspend", "admin": "yes", "job": "1"}
    assert sender(signed_in)(f"/-/admin/{form}", fields).status_code == 404
    for client in (signed_in, admin):
        assert client.post(f"/-/admin/{form}", data={**fields, "csrf": "x"}).status_code == 403
        cross = {"sec-fetch-site": "cross-site"}
        assert client.post(f"/-/admin/{form}", headers=cross, data=fields).status_code == 403
    page = admin.get("/-/admin/users").text
    assert "sneaked-in" not in page
    assert "Suspended" not in page


def test_a_token_sees_what_its_owner_may_see(site: ServedHub, admin: httpx2.Client) -> None:
    reading = accounts.create_token(site.hub, CHIEF, role="read").secret
    for token, status in ((site.alice, 404), (reading, 200)):
        with site.client(token) as client:
            assert client.get("/-/admin/users").status_code == status
