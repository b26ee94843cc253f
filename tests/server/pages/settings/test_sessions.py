from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from entrepot.hub.accounts import accounts
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import Send, sender
from tests.support.served_hub import ServedHub

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"


@contextmanager
def enter(site: ServedHub, name: str, **headers: str) -> Iterator[httpx2.Client]:
    with browse(site) as client:
        client.headers.update({key.replace("_", "-"): value for key, value in headers.items()})
        assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 200
        yield client


def ids(page: str) -> list[str]:
    return re.findall(r'name="session" value="([0-9a-f]{24})"', page)


def test_sessions_are_listed_with_browser_and_network_and_ended_one_by_one(site: ServedHub) -> None:
    accounts.create_user(site.hub, "sessionist", password=PASSWORD)
    with (
        enter(site, "sessionist", user_agent=FIREFOX, x_forwarded_for="203.0.113.77") as one,
        enter(site, "sessionist") as two,
    ):
        page = one.get("/settings/sessions").text
        assert "Firefox on Linux" in page
        assert "203.0.113.0/24" in page
        assert "203.0.113.77" not in page
        assert page.count("This session") == 1
        other = next(uid for uid in ids(page) if uid not in page.partition("This session")[2].partition("</tr>")[0])
        answer = sender(one)("/settings/sessions/end", {"session": other})
        assert "The sessions have ended." in answer.text
        assert two.get("/settings/sessions").status_code == 401
        assert one.get("/settings/sessions").status_code == 200


def test_signing_out_everywhere_ends_this_session_too(site: ServedHub) -> None:
    accounts.create_user(site.hub, "leaver", password=PASSWORD)
    with enter(site, "leaver") as one, enter(site, "leaver") as two:
        answer = sender(one)("/settings/sessions/end-all")
        assert answer.url.path == "/"
        assert not one.cookies
        assert [client.get("/settings/sessions").status_code for client in (one, two)] == [401, 401]


def test_sessions_of_others_cannot_be_ended_and_are_not_distinguished_from_none(site: ServedHub, send: Send) -> None:
    accounts.create_user(site.hub, "victim", password=PASSWORD)
    with enter(site, "victim") as other:
        [uid] = ids(other.get("/settings/sessions").text)
        refused, missing = (send("/settings/sessions/end", {"session": key}) for key in (uid, "f" * 24))
        assert (refused.status_code, missing.status_code) == (404, 404)
        assert other.get("/settings/sessions").status_code == 200
