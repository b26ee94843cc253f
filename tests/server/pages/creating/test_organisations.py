from __future__ import annotations

import pathlib

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.server.pages.creating.organisations import build_new_org
from entrepot.server.pages.forms import FRESH
from entrepot.settings import Settings
from tests.server.pages.conftest import field_of, send_form
from tests.support.served_hub import ServedHub

PAGE = "/organizations/new"


def test_an_organisation_is_created_and_shown(site: ServedHub, signed_in: httpx2.Client) -> None:
    answer = send_form(signed_in, PAGE, {"name": "coast-lab", "fullname": "Coast Lab", "visibility": "private"})
    assert answer.status_code == 200, answer.text
    assert answer.url.path == "/coast-lab"
    assert "Created." in answer.text
    assert "Coast Lab" in answer.text
    made = send_form(signed_in, "/new", {"name": "first", "owner": "coast-lab", "visibility": ""})
    assert made.url.path == "/coast-lab/first"
    assert "Private" in made.text


@pytest.mark.parametrize(("name", "status"), [("a", 400), ("admin", 400), ("alice", 409), ("a.b", 400), ("", 400)])
def test_a_name_that_cannot_be_used_shows_the_form_again(signed_in: httpx2.Client, name: str, status: int) -> None:
    answer = send_form(signed_in, PAGE, {"name": name, "fullname": "<Coast>"})
    assert answer.status_code == status
    assert field_of(answer.text, "fullname") == "<Coast>"


def test_only_who_has_signed_in_sees_the_form(browser: httpx2.Client) -> None:
    assert browser.get(PAGE).status_code == 401


def test_a_hub_may_leave_it_to_administrators(tmp_path: pathlib.Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data", users_create_orgs=False, run_jobs=False), fsync=False)
    try:
        for name, is_admin in (("alice", False), ("chief", True)):
            accounts.create_user(hub, name, is_admin=is_admin)
            caller = hub.identify(accounts.create_token(hub, name, role="write").secret)
            assert build_new_org(hub, caller, FRESH).values["may_create"] is is_admin
    finally:
        hub.close()
