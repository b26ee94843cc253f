from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from tests.support.site import Site

SENT = "/api/organizations/Club/invitations"
RECEIVED = "/api/settings/invitations"


@pytest.fixture(scope="module", autouse=True)
def club(site: Site) -> None:
    accounts.create_org(site.hub, "Club", admin="alice")


def test_an_invitation_is_sent_seen_and_accepted(alice: httpx2.Client, stranger: httpx2.Client) -> None:
    sent = alice.post(SENT, json={"user": "bob", "role": "write"}).json()
    assert set(sent) == {"id", "org", "user", "role", "invitedBy", "createdAt", "expiresAt"}
    assert (sent["org"], sent["user"], sent["role"], sent["invitedBy"]) == ("Club", "bob", "write", "alice")
    assert alice.get(SENT).json() == stranger.get(RECEIVED).json() == [sent]
    assert stranger.post(f"{RECEIVED}/{sent['id']}/accept").json() == sent
    assert stranger.post(f"{RECEIVED}/{sent['id']}/accept").status_code == 404
    assert [item["role"] for item in alice.get("/api/organizations/Club/members").json()] == ["admin", "write"]
    assert stranger.delete("/api/organizations/Club/members/bob").status_code == 200


def test_an_invitation_is_declined_or_taken_back(alice: httpx2.Client, stranger: httpx2.Client) -> None:
    first = alice.post(SENT, json={"user": "bob"}).json()
    assert first["role"] == "read"
    assert stranger.post(f"{RECEIVED}/{first['id']}/decline").status_code == 200
    second = alice.post(SENT, json={"user": "bob"}).json()
    assert alice.delete(f"{SENT}/{second['id']}").status_code == 200
    assert alice.get(SENT).json() == stranger.get(RECEIVED).json() == []


def test_only_administrators_invite(stranger: httpx2.Client, anonymous: httpx2.Client) -> None:
    for client, status in ((stranger, 403), (anonymous, 401)):
        assert client.post(SENT, json={"user": "bob"}).status_code == status
        assert client.get(SENT).status_code == status
        assert client.delete(f"{SENT}/x").status_code == status
    assert anonymous.get(RECEIVED).status_code == 401
