from __future__ import annotations

import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.accounts.attempts import PER_ACCOUNT
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import sender
from tests.support.served_hub import ServedHub


@pytest.mark.parametrize("path", ["/settings/confirm", "/settings/password"])
def test_wrong_passwords_of_a_session_wait_and_the_right_one_too(site: ServedHub, path: str) -> None:
    name = path.rpartition("/")[2] + "-attempts"
    accounts.create_user(site.hub, name, password=PASSWORD)
    new = {"wanted": "a longer horse", "again": "a longer horse"}
    with browse(site) as client:
        client.headers["x-forwarded-for"] = f"198.51.100.{100 + len(path)}"
        client.post("/login", data={"name": name, "password": PASSWORD})
        send = sender(client)
        for _ in range(PER_ACCOUNT):
            assert send(path, {"password": "wrong horse", "present": "wrong horse", **new}).status_code == 403
        refused = send(path, {"password": PASSWORD, "present": PASSWORD, **new})
        assert refused.status_code == 429
        assert "Too many attempts." in refused.text
        assert client.get("/settings/profile").status_code == 200
