from __future__ import annotations

import httpx2
import pytest

from entrepot.hub import audit
from entrepot.hub.accounts import accounts, sign_ins
from entrepot.hub.limits.attempts import PER_ACCOUNT
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import sender
from tests.support.served_hub import ServedHub

NEW = "a longer horse"


@pytest.fixture
def user(site: ServedHub, request: pytest.FixtureRequest) -> str:
    """A user with a password, for this test only."""
    name = f"pw-{abs(hash(request.node.name)) % 10**8}"
    accounts.create_user(site.hub, name, password=PASSWORD)
    return name


def enter(client: httpx2.Client, name: str, password: str = PASSWORD) -> int:
    return client.post("/login", data={"name": name, "password": password}).status_code


def test_a_new_password_ends_all_other_sessions(site: ServedHub, user: str) -> None:
    with browse(site) as client, browse(site) as other:
        assert (enter(client, user), enter(other, user)) == (200, 200)
        answer = sender(client)("/settings/password", {"present": PASSWORD, "wanted": NEW, "again": NEW})
        assert "All other sessions have ended." in answer.text
        assert client.get("/settings/profile").status_code == 200
        assert other.get("/settings/profile").status_code == 401
    with browse(site) as client:
        assert enter(client, user) == 401
        assert enter(client, user, NEW) == 200


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"present": "wrong horse", "wanted": NEW, "again": NEW}, 403, "The current password is wrong."),
        ({"present": PASSWORD, "wanted": NEW, "again": NEW + "x"}, 400, "the two fields differ"),
        ({"present": PASSWORD, "wanted": "short", "again": "short"}, 400, "use 8 to 1,000 characters"),
        ({"wanted": NEW, "again": NEW}, 403, "The current password is wrong."),
    ],
)
def test_a_mistake_changes_nothing_and_shows_no_password(
    site: ServedHub, fields: dict[str, str], status: int, words: str
) -> None:
    name = f"mistaken-{status}-{len(fields)}-{len(fields['again'])}"
    accounts.create_user(site.hub, name, password=PASSWORD)
    with browse(site) as client:
        enter(client, name)
        answer = sender(client)("/settings/password", fields)
        assert answer.status_code == status
        assert words in answer.text
        assert NEW not in answer.text
        assert PASSWORD not in answer.text
    with browse(site) as client:
        assert enter(client, name) == 200


def test_who_came_with_a_one_time_link_needs_no_present_password(site: ServedHub, user: str) -> None:
    code = sign_ins.issue_code(site.hub, audit.CONSOLE, user, 600).code
    with browse(site) as client:
        client.post("/login", data={"code": code})
        assert "Current password" not in client.get("/settings/password").text
        answer = sender(client)("/settings/password", {"wanted": NEW, "again": NEW})
        assert "The password is changed." in answer.text
    with browse(site) as client:
        assert enter(client, user, NEW) == 200


def test_guesses_at_the_present_password_wait(site: ServedHub, user: str) -> None:
    with browse(site) as client:
        enter(client, user)
        client.headers["x-forwarded-for"] = "198.51.100.77"
        send = sender(client)
        wrong = {"present": "wrong horse", "wanted": NEW, "again": NEW}
        for _ in range(PER_ACCOUNT):
            assert send("/settings/password", wrong).status_code == 403
        answer = send("/settings/password", {**wrong, "present": PASSWORD})
        assert answer.status_code == 429
        assert "Too many attempts." in answer.text
        assert user in answer.text
