from __future__ import annotations

import re

import httpx2
import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, sign_ins
from entrepot.hub.limits.attempts import PER_ACCOUNT
from entrepot.server.pages.forms import safe_target
from tests.server.pages.conftest import PASSWORD, browse
from tests.support.served_hub import ServedHub

FORM = {"name": "alice", "password": PASSWORD}


def test_signing_in_shows_private_repositories_until_signing_out(browser: httpx2.Client) -> None:
    assert browser.get("/alice/hidden").status_code == 401
    answer = browser.post("/login", data={**FORM, "next": "/alice/hidden"})
    assert answer.status_code == 200
    assert answer.url.path == "/alice/hidden"
    assert "Secret" in answer.text
    token = re.search(r'name="csrf" value="([0-9a-f]{64})"', answer.text)
    assert token is not None
    left = browser.post("/logout", data={"csrf": token[1]})
    assert left.url.path == "/"
    assert browser.get("/alice/hidden").status_code == 401
    assert not browser.cookies


def test_signing_out_again_in_another_tab_leads_to_the_first_page(signed_in: httpx2.Client) -> None:
    token = re.search(r'name="csrf" value="([0-9a-f]{64})"', signed_in.get("/").text)
    assert token is not None
    for _ in range(2):
        left = signed_in.post("/logout", data={"csrf": token[1]})
        assert (left.status_code, left.url.path) == (200, "/")


def test_a_session_that_was_signed_out_is_gone_also_for_a_copy_of_the_cookie(site: ServedHub) -> None:
    with browse(site) as client:
        text = client.post("/login", data=FORM).text
        copy = dict(client.cookies)
        token = re.search(r'name="csrf" value="([0-9a-f]{64})"', text)
        assert token is not None
        client.post("/logout", data={"csrf": token[1]})
    with browse(site) as client:
        client.cookies.update(copy)
        assert client.get("/alice/hidden").status_code == 401


def test_the_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites(site: ServedHub) -> None:
    with browse(site) as client:
        answer = client.post("/login", data=FORM, follow_redirects=False)
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"]
        assert re.fullmatch(r"entrepot_session=[\w-]{43}; Path=/; Max-Age=5184000; HttpOnly; SameSite=Lax", cookie)
        assert answer.headers["cache-control"] == "no-store"
        https = client.post(
            "/login",
            data=FORM,
            follow_redirects=False,
            headers={"x-forwarded-proto": "https", "x-forwarded-host": "hub.example"},
        )
        assert re.fullmatch(r"__Host-entrepot=[\w-]{43}; Path=/; .*SameSite=Lax; Secure", https.headers["set-cookie"])


def test_wrong_passwords_are_refused_and_then_wait(site: ServedHub) -> None:
    accounts.create_user(site.hub, "throttled", password=PASSWORD)
    with browse(site) as client:
        client.headers["x-forwarded-for"] = "198.51.100.7"
        for _ in range(PER_ACCOUNT):
            answer = client.post("/login", data={"name": "throttled", "password": "wrong horse"})
            assert answer.status_code == 401
            assert "Name or password is wrong." in answer.text
            assert "wrong horse" not in answer.text
        answer = client.post("/login", data={"name": "throttled", "password": PASSWORD})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) in range(1, 61)
        assert not client.cookies
        client.headers["x-forwarded-for"] = "198.51.100.8"
        assert client.post("/login", data={"name": "throttled", "password": PASSWORD}).status_code == 200


def test_a_one_time_link_signs_in_once_and_only_by_its_button(site: ServedHub) -> None:
    code = sign_ins.issue_code(site.hub, audit.CONSOLE, "bob", 600).code
    with browse(site) as client:
        for _ in range(2):  # programs that look at links use up nothing
            assert f'name="code" value="{code}"' in client.get(f"/login?code={code}").text
        assert "bob" in client.post("/login", data={"code": code}).text
    with browse(site) as client:
        answer = client.post("/login", data={"code": code})
        assert answer.status_code == 401
        assert "ask an administrator" in answer.text


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "", "origin": "https://evil.example"}]
)
def test_a_form_from_another_site_is_refused_before_it_is_read(
    signed_in: httpx2.Client, path: str, headers: dict[str, str]
) -> None:
    answer = signed_in.post(path, headers=headers, content=b"\xff" * 100)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert signed_in.get("/alice/hidden").status_code == 200


def test_signing_out_needs_the_token_of_the_session(signed_in: httpx2.Client) -> None:
    for data in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        assert signed_in.post("/logout", data=data).status_code == 403
    assert signed_in.get("/alice/hidden").status_code == 200


def test_a_session_that_an_attacker_chose_is_never_used(site: ServedHub) -> None:
    with browse(site) as client:
        client.cookies.set("entrepot_session", "chosen")
        answer = client.post("/login", data=FORM, follow_redirects=False)
        assert "chosen" not in answer.headers["set-cookie"]
    with browse(site) as client:
        client.cookies.set("entrepot_session", "chosen")
        assert client.get("/alice/hidden").status_code == 401


def test_the_api_git_and_lfs_ignore_cookies(site: ServedHub, signed_in: httpx2.Client) -> None:
    for path in (
        "/api/whoami-v2",
        "/api/models/alice/hidden",
        "/api/settings/tokens",
        "/alice/hidden/info/refs?service=git-upload-pack",
        "/alice/hidden.git/info/lfs/locks",
    ):
        assert signed_in.get(path).status_code == 401, path
    made = signed_in.post("/api/repos/create", json={"name": "by-cookie"})
    assert made.status_code == 401
    assert all(item["id"] != "alice/hidden" for item in signed_in.get("/api/models").json())


@pytest.mark.parametrize("body", [b"\xff", b"a=%ff", b"a&" * 200, "é".encode()])
def test_a_body_that_is_no_form_is_refused(browser: httpx2.Client, body: bytes) -> None:
    assert browser.post("/login", content=body).status_code in (400, 401)
    assert browser.post("/login", content=b"a" * 70_000).status_code == 413


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/a\r\nset-cookie: x", "/a\\b", "", "/é", "///evil.example", "/\t/evil.example", "http:/evil.example", "//[",
    ],
)  # fmt: skip
def test_only_paths_of_this_hub_are_returned_to(target: str, browser: httpx2.Client) -> None:
    assert safe_target(target, "") == "/"
    answer = browser.post("/login", data={**FORM, "next": target}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_paths_of_this_hub_are_kept_with_their_query() -> None:
    assert safe_target("/alice/tern/tree/main?cursor=a%2Fb", "") == "/alice/tern/tree/main?cursor=a%2Fb"
    assert safe_target("/hub/alice", "/hub") == "/hub/alice"
    assert safe_target("/other", "/hub") == "/hub/"


def test_signing_in_and_out_is_in_the_audit_log(site: ServedHub) -> None:
    with browse(site) as client:
        text = client.post("/login", data=FORM).text
        token = re.search(r'name="csrf" value="([0-9a-f]{64})"', text)
        assert token is not None
        client.post("/logout", data={"csrf": token[1]})
    newest = audit.search(site.hub, AuditFilter(), limit=2)
    assert [(row.actor, row.action) for row in newest] == [("alice", "user.sign_out"), ("alice", "user.sign_in")]
