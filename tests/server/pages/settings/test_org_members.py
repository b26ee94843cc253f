from __future__ import annotations

import re

import httpx2

from entrepot.hub.accounts import accounts, invitations, orgs
from entrepot.hub.callers import Role
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from tests.server.pages.settings.conftest import Send
from tests.support.served_hub import ServedHub

EVIL = "<script>alert(1)</script>"


def make(site: ServedHub, name: str, *members: str) -> str:
    """Create an organisation of alice with members; return the address of its settings."""
    accounts.create_org(site.hub, name, admin="alice")
    for member in members:
        accounts.create_user(site.hub, member, fullname=EVIL)
        accounts.set_member(site.hub, name, member, Role.READ)
    return f"/organizations/{name}/settings"


def test_a_role_is_changed_and_a_member_removed(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    base = make(site, "roles", "role-member")
    page = signed_in.get(f"{base}/members").text
    assert EVIL not in page
    done = send(f"{base}/members/role", {"user": "role-member", "role": "write"})
    assert "Saved." in done.text
    assert re.search(r'Role of role-member.*?value="write" selected', done.text, re.DOTALL)
    assert send(f"{base}/members/role", {"user": "role-member", "role": "king"}).status_code == 400
    assert send(f"{base}/members/role", {"user": "bob", "role": "read"}).status_code == 404
    gone = send(f"{base}/members/remove", {"user": "role-member"})
    assert "Removed." in gone.text
    assert "role-member" not in gone.text


def test_the_last_administrator_stays(site: ServedHub, send: Send) -> None:
    base = make(site, "lasting")
    for path, fields in (("role", {"user": "alice", "role": "read"}), ("remove", {"user": "alice"})):
        refused = send(f"{base}/members/{path}", fields)
        assert refused.status_code == 409
        assert "the only administrator" in refused.text


def test_an_administrator_leaves(site: ServedHub, send: Send) -> None:
    base = make(site, "leaving-org", "successor")
    accounts.set_member(site.hub, "leaving-org", "successor", Role.ADMIN)
    done = send(f"{base}/members/remove", {"user": "alice"})
    assert done.url.path == "/settings/account"
    assert "You have left the organisation." in done.text


def test_a_user_is_invited_and_the_invitation_cancelled(site: ServedHub, send: Send) -> None:
    base = make(site, "inviting")
    done = send(f"{base}/invitations", {"user": " bob ", "role": "contributor"})
    assert "The invitation was sent and is waiting for an answer." in done.text
    assert "as <b>contributor</b>" in done.text
    [offer] = invitations.of_org(site.hub, site.caller(), "inviting").items
    for fields, status in (
        ({"user": "nobody-here", "role": "read"}, 404),
        ({"user": "alice", "role": "read"}, 409),
        ({"user": "bob", "role": "king"}, 400),
    ):
        answer = send(f"{base}/invitations", fields)
        assert answer.status_code == status
        assert f'value="{fields["user"]}"' in answer.text
    assert "Removed." in send(f"{base}/invitations/cancel", {"invitation": offer.invitation.uid}).text
    assert send(f"{base}/invitations/cancel", {"invitation": offer.invitation.uid}).status_code == 404


def test_storage_is_shown(site: ServedHub, signed_in: httpx2.Client) -> None:
    base = make(site, "storing")
    assert "Repositories" in signed_in.get(f"{base}/quota").text


def test_the_profile_is_changed_and_the_organisation_deleted_by_name(site: ServedHub, send: Send) -> None:
    base = make(site, "profiled")
    done = send(f"{base}/general", {"fullname": f"The {EVIL}", "details": "One\r\nTwo", "visibility": "private"})
    assert "Saved." in done.text
    assert EVIL not in done.text
    org = orgs.settings(site.hub, site.caller(), "profiled")
    assert (org.details, org.default_visibility) == ("One\nTwo", "private")
    assert send(f"{base}/general", {"fullname": "", "visibility": "private"}).status_code == 400
    assert send(f"{base}/delete", {"confirm": "other"}).status_code == 400
    repositories.create(site.hub, site.caller(), NewRepo(RepoType.MODEL, "kept", "profiled"))
    owning = send(f"{base}/delete", {"confirm": "profiled"})
    assert owning.status_code == 409
    assert "still owns" in owning.text
    send("/profiled/kept/settings/delete", {"confirm": "profiled/kept"})
    assert send(f"{base}/delete", {"confirm": "profiled"}).url.path == "/settings/account"
