from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from entrepot.hub.accounts import accounts, first_accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.server import app
from entrepot.settings import Settings
from tests.support import hub_work
from tests.support.running_apps import running

FIELDS = {"name": "ada", "password": "correct horse", "again": "correct horse", "email": ""}
OWN = {"sec-fetch-site": "same-origin", "accept": "text/html"}


@pytest.fixture
def new_hub(tmp_path: Path) -> Iterator[HubContext]:
    """A hub without accounts."""
    hub = open_hub(Settings(data=tmp_path / "data", port=0, run_jobs=False), fsync=False)
    yield hub
    hub.close()


@pytest.fixture
def client(new_hub: HubContext) -> Iterator[httpx2.Client]:
    with (
        running(app.make_app(new_hub)) as address,
        httpx2.Client(base_url=address.url, headers=OWN, trust_env=False, timeout=240, follow_redirects=True) as made,
    ):
        yield made


def test_the_link_makes_the_administrator_once(new_hub: HubContext, client: httpx2.Client) -> None:
    code = first_accounts.setup_code(new_hub)
    page = client.get("/-/setup", params={"code": code})
    assert page.status_code == 200
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    done = client.post("/-/setup", data={**FIELDS, "code": code})
    assert done.url.path == "/-/admin"
    assert "Overview" in done.text
    assert [user.name for user, _ in hub_work.list_users(new_hub)] == ["ada"]


def test_a_used_link_leads_to_signing_in_and_a_wrong_one_still_tells_nothing(
    new_hub: HubContext, client: httpx2.Client
) -> None:
    code = first_accounts.setup_code(new_hub)
    unused = client.get("/-/setup?code=made.up")
    client.post("/-/setup", data={**FIELDS, "code": code})
    client.cookies.clear()
    for used in (
        client.get("/-/setup", params={"code": code}),
        client.post("/-/setup", data={**FIELDS, "name": "eve", "code": code}),
    ):
        assert used.status_code == 410
        assert "<h1>This link has been used</h1>" in used.text
        assert 'href="/login?next=%2F"' in used.text
        assert code not in used.text
        assert used.headers["cache-control"] == "no-store"
    wrong = client.get("/-/setup?code=made.up")
    texts = [answer.text.replace(answer.headers["x-request-id"], "") for answer in (unused, wrong)]
    assert (wrong.status_code, texts[1]) == (404, texts[0])
    assert client.post("/-/setup", data={**FIELDS, "name": "eve", "code": "made.up"}).status_code == 404
    assert [user.name for user, _ in hub_work.list_users(new_hub)] == ["ada"]


def test_a_wrong_code_is_answered_as_a_missing_address(new_hub: HubContext, client: httpx2.Client) -> None:
    wrong = client.get("/-/setup?code=made.up")
    absent = client.get("/-/nothing-here?code=made.up")
    texts = [re.sub(rf'{answer.headers["x-request-id"]}|next=[^"]*', "", answer.text) for answer in (wrong, absent)]
    assert (wrong.status_code, texts[0]) == (absent.status_code, texts[1])
    assert client.post("/-/setup", data={**FIELDS, "code": "made.up"}).status_code == 404
    assert not accounts.has_accounts(new_hub)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"again": "another horse"}, "the two fields differ"),
        ({"name": "a.b"}, "must not contain a dot"),
        ({"name": "<b>"}, "use 2 to 42 letters"),
        ({"password": "short", "again": "short"}, "use 8 to 1,000 characters"),
        ({"email": "none"}, "expected name@host"),
    ],
)
def test_a_mistake_is_told_and_what_was_typed_stays_without_the_password(
    new_hub: HubContext, client: httpx2.Client, changed: dict[str, str], words: str
) -> None:
    code = first_accounts.setup_code(new_hub)
    answer = client.post("/-/setup", data={**FIELDS, "code": code, **changed})
    assert answer.status_code == 400
    assert words in answer.text
    assert "correct horse" not in answer.text
    assert "<b>" not in answer.text.partition('<form class="box"')[2]
    assert not accounts.has_accounts(new_hub)


def test_a_form_from_another_site_makes_nothing(new_hub: HubContext, client: httpx2.Client) -> None:
    code = first_accounts.setup_code(new_hub)
    answer = client.post("/-/setup", data={**FIELDS, "code": code}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert not accounts.has_accounts(new_hub)
