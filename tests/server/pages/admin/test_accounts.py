from __future__ import annotations

import re
from collections.abc import Callable

import httpx2

from entrepot.catalog import Lock
from entrepot.catalog.accounts import sessions
from entrepot.hub.accounts import accounts
from entrepot.hub.buckets import buckets
from entrepot.hub.callers import Caller, hash_secret
from tests.server.pages.admin.conftest import CHIEF
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import Send, sender
from tests.support.second_factors import add_app
from tests.support.served_hub import ServedHub

EVIL = "<script>alert(1)</script>"


def code_in(text: str) -> str:
    [found] = re.findall(r"/login\?code=(code_[\w-]+)", text)
    return str(found)


def test_a_user_is_created_and_signs_in_with_the_link(site: ServedHub, send_admin: Send, admin: httpx2.Client) -> None:
    fields = {"name": "fresh-one", "fullname": EVIL, "email": "fresh@example.org"}
    made = send_admin("/-/admin/users", fields)
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    assert EVIL not in made.text
    assert "fresh@example.org" in made.text
    code = code_in(made.text)
    assert code not in admin.get("/-/admin/users").text
    with browse(site) as client:
        client.post("/login", data={"code": code})
        send = sender(client)
        assert "changed" in send("/settings/password", {"wanted": "a new horse", "again": "a new horse"}).text


def test_a_mistake_creates_nobody_and_keeps_what_was_typed(send_admin: Send, admin: httpx2.Client) -> None:
    for fields, status in (
        ({"name": "alice", "fullname": "typed"}, 409),
        ({"name": "a.b", "fullname": "typed"}, 400),
        ({"name": "fine-name", "email": "no-address", "fullname": "typed"}, 400),
    ):
        answer = send_admin("/-/admin/users", fields)
        assert answer.status_code == status
        assert 'value="typed"' in answer.text
    assert "fine-name" not in admin.get("/-/admin/users?search=fine").text


def test_a_user_is_suspended_appointed_and_gets_a_new_link(
    site: ServedHub, send_admin: Send, chief: Callable[[], Caller]
) -> None:
    accounts.create_user(site.hub, "changed-one")
    user = {"user": "changed-one"}
    assert "Suspended" in send_admin("/-/admin/users/change", {**user, "change": "suspend"}).text
    assert send_admin("/-/admin/users/link", user).status_code == 403
    assert "Suspended" not in send_admin("/-/admin/users/change", {**user, "change": "unsuspend"}).text
    assert code_in(send_admin("/-/admin/users/link", user).text)
    appointed = send_admin("/-/admin/users/change", {**user, "change": "appoint"}).text
    assert appointed.count("badge info") == 2
    assert send_admin("/-/admin/users/change", {**user, "change": "dismiss"}).status_code == 200
    last = send_admin("/-/admin/users/change", {"user": CHIEF, "change": "dismiss"})
    assert last.status_code == 409
    assert "the only administrator of the hub" in last.text
    assert send_admin("/-/admin/users/change", {**user, "change": "promote"}).status_code == 400
    assert send_admin("/-/admin/users/change", {"user": "nobody-here", "change": "suspend"}).status_code == 404
    assert chief().account.is_admin


def test_users_are_found_by_a_part_of_the_name(admin: httpx2.Client) -> None:
    assert 'href="/alice"' in admin.get("/-/admin/users?search=lic").text
    assert "No user has such a name." in admin.get("/-/admin/users?search=%25%3Cb%3E").text


def test_an_organisation_is_created_with_its_administrator(send_admin: Send, admin: httpx2.Client) -> None:
    made = send_admin("/-/admin/orgs", {"name": "new-guild", "admin": "alice", "fullname": "The guild"})
    assert "Created." in made.text
    assert "The guild" in admin.get("/-/admin/orgs?search=guild").text
    refused = send_admin("/-/admin/orgs", {"name": "next-guild", "admin": "nobody-here"})
    assert refused.status_code == 404
    assert 'value="next-guild"' in refused.text


def test_buckets_are_listed_without_settings(site: ServedHub, admin: httpx2.Client) -> None:
    buckets.create(site.hub, site.caller(), None, "logs", "private")
    page = admin.get("/-/admin/repos")
    assert page.status_code == 200
    assert 'href="/buckets/alice/logs"' in page.text
    assert "/buckets/alice/logs/settings" not in page.text


def test_all_repositories_are_listed_also_private_ones(admin: httpx2.Client) -> None:
    page = admin.get("/-/admin/repos").text
    assert 'href="/alice/hidden"' in page
    assert 'href="/datasets/alice/tides/settings"' in page
    assert 'href="/alice/hidden"' in admin.get("/-/admin/repos?namespace=alice").text
    assert admin.get("/-/admin/repos?namespace=nobody-here").status_code == 404
    assert admin.get("/alice/hidden/settings").status_code == 200


def test_two_step_sign_in_is_reset(site: ServedHub, send_admin: Send, admin: httpx2.Client) -> None:
    accounts.create_user(site.hub, "without-phone", password=PASSWORD)
    assert "Reset two-step" not in admin.get("/-/admin/users?search=without-phone").text
    add_app(site.hub, "without-phone", PASSWORD)
    assert "Reset two-step" in admin.get("/-/admin/users?search=without-phone").text
    assert send_admin("/-/admin/users/reset-2fa", {"user": "without-phone"}).status_code == 200
    assert "Reset two-step" not in admin.get("/-/admin/users?search=without-phone").text


def test_what_opens_or_deletes_accounts_needs_a_recent_sign_in(
    site: ServedHub, send_admin: Send, admin: httpx2.Client
) -> None:
    accounts.create_user(site.hub, "kept-one")
    with site.hub.write(Lock.hub()) as tx:
        sessions.confirm(tx, hash_secret(admin.cookies["entrepot_session"]), 0)
    admin.headers["referer"] = f"{site.url}/-/admin/users?search=kept"
    user = {"user": "kept-one"}
    for path, fields in (
        ("/-/admin/users", {"name": "never-made"}),
        ("/-/admin/users/link", user),
        ("/-/admin/users/reset-2fa", user),
        ("/-/admin/users/change", {**user, "change": "appoint"}),
        ("/-/admin/namespaces/kept-one/delete", {"confirm": "kept-one", "repos": "none"}),
        ("/settings/tokens", {"role": "write", "days": "30"}),
    ):
        answer = send_admin(path, fields)
        assert answer.status_code == 403, path
        assert 'href="/settings/confirm?next=%2F-%2Fadmin%2Fusers%3Fsearch%3Dkept"' in answer.text
    assert "never-made" not in admin.get("/-/admin/users").text
    assert send_admin("/settings/confirm", {"password": PASSWORD, "next": "/-/admin/users"}).status_code == 200
    assert code_in(send_admin("/-/admin/users/link", user).text)
