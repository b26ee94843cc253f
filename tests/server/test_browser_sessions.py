from __future__ import annotations

import pytest
from starlette.requests import Request

from entrepot.errors import NotAllowed
from entrepot.hub.accounts import accounts, sessions
from entrepot.hub.context import HubContext
from entrepot.server import browser_sessions
from entrepot.server.pages.frames import theme_of
from tests.support.served_hub import ServedHub
from tests.support.work import ends_within_processor_seconds


@pytest.fixture(scope="module")
def hub(world: ServedHub) -> HubContext:
    accounts.reset_password(world.hub, "alice", "correct horse")
    return world.hub


def request(state: dict[str, object] | None = None, /, **headers: str) -> Request:
    raw = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "headers": raw,
        "state": {} if state is None else state,
    }
    return Request(scope)


def test_a_cookie_counts_only_where_the_route_says_so(hub: HubContext) -> None:
    secret = sessions.sign_in(hub, "alice", "correct horse").secret
    cookie = f"theme=dark; entrepot_session={secret}; other=1"
    assert browser_sessions.caller_of(request(cookie=cookie).scope, hub) is None
    state: dict[str, object] = {"takes_session": True}
    caller = browser_sessions.caller_of(request(state, cookie=cookie).scope, hub)
    assert caller is not None
    assert (caller.account.name, state["session"]) == ("alice", secret)


@pytest.mark.parametrize(
    "cookie", ["", "entrepot_session=", "entrepot_session=x", "__Host-entrepot=x", "=;=", "entrepot"]
)
def test_other_cookies_are_nobody(hub: HubContext, cookie: str) -> None:
    state: dict[str, object] = {"takes_session": True}
    assert browser_sessions.caller_of(request(state, cookie=cookie).scope, hub) is None
    assert "session" not in state


def test_the_value_of_a_cookie_is_what_the_browser_sent() -> None:
    scope = request(cookie='a=1; b=3; longb=2;b="x"', other="b=4").scope
    assert [browser_sessions.find_cookie(scope, name) for name in ("a", "b", "longb", "c")] == ["1", '"x"', "2", ""]
    scope["headers"].append((b"cookie", b"c = 5 "))  # HTTP/2 may send several
    assert browser_sessions.find_cookie(scope, "c") == "5"


def test_a_cookie_made_to_be_hard_takes_little_time(hub: HubContext) -> None:
    hard = '"' + chr(92) * 2_000_000 + '"'
    cookie = f"other={hard}; entrepot_session={hard}"
    with ends_within_processor_seconds():  # Python's reader of cookies would take an hour
        asked = request({"takes_session": True}, cookie=cookie)
        assert browser_sessions.caller_of(asked.scope, hub) is None
        assert theme_of(asked) == ""


def test_the_cookie_is_protected_and_over_https_bound_to_the_host(hub: HubContext) -> None:
    plain = browser_sessions.cookie_header(request().scope, hub, "s3cret")
    assert plain == "entrepot_session=s3cret; Path=/; Max-Age=5184000; HttpOnly; SameSite=Lax"
    https = request(x_forwarded_proto="https").scope | {"client": ("127.0.0.1", 1)}
    assert browser_sessions.cookie_header(https, hub, "s3cret").startswith("__Host-entrepot=s3cret; Path=/; ")
    assert browser_sessions.cookie_header(https, hub, "s3cret").endswith("; Secure")
    assert "Max-Age=0;" in browser_sessions.cookie_header(https, hub, None)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin"},
        {"origin": "http://localhost:8000", "host": "localhost:8000"},
    ],
)
def test_a_form_of_this_hub_is_taken(hub: HubContext, headers: dict[str, str]) -> None:
    browser_sessions.check_origin(request(**headers), hub)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "cross-site", "origin": "http://localhost:8000", "host": "localhost:8000"},
        {"origin": "http://localhost:9000", "host": "localhost:8000"},
        {"origin": "https://localhost:8000", "host": "localhost:8000"},
        {"origin": "null", "host": "localhost:8000"},
        {"host": "localhost:8000"},
    ],
)
def test_a_form_from_elsewhere_is_refused(hub: HubContext, headers: dict[str, str]) -> None:
    with pytest.raises(NotAllowed):
        browser_sessions.check_origin(request(**headers), hub)


OTHERS = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"origin": "http://evil.example", "host": "localhost:8000"},
    {"origin": "null", "host": "localhost:8000"},
]
OWN = [
    {},
    {"sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "none"},
    {"origin": "http://localhost:8000", "host": "localhost:8000"},
]
FORMS = ["", "text/plain", "Text/Plain; charset=UTF-8", "multipart/form-data; boundary=x"]
FORMS += ["application/x-www-form-urlencoded"]


@pytest.mark.parametrize("kind", FORMS)
def test_credentials_that_a_browser_keeps_do_not_count_in_forms_of_other_sites(hub: HubContext, kind: str) -> None:
    typed = {"content_type": kind} if kind else {}
    for headers in OTHERS:
        with pytest.raises(NotAllowed):
            browser_sessions.check_basic(request(**headers, **typed), hub)
    for headers in OWN:
        browser_sessions.check_basic(request(**headers, **typed), hub)


@pytest.mark.parametrize("kind", ["application/json", "application/x-git-receive-pack-request"])
@pytest.mark.parametrize("headers", OTHERS)
def test_what_a_page_must_ask_for_it_has_sent_itself(hub: HubContext, headers: dict[str, str], kind: str) -> None:
    browser_sessions.check_basic(request(**headers, content_type=kind), hub)
    asked = request(**headers)
    asked.scope["method"] = "DELETE"
    browser_sessions.check_basic(asked, hub)


def test_the_token_of_a_form_belongs_to_one_session(hub: HubContext) -> None:
    browser_sessions.check_form_token(request(cookie="entrepot_session=a"), hub, browser_sessions.csrf_token("a"))
    for cookie, given in (
        ("entrepot_session=b", browser_sessions.csrf_token("a")),
        ("", ""),
        ("entrepot_session=a", "é"),
    ):
        with pytest.raises(NotAllowed):
            browser_sessions.check_form_token(request(cookie=cookie), hub, given)
    assert browser_sessions.csrf_token(None) == ""


@pytest.mark.parametrize(
    ("site", "is_own"), [("same-origin", True), ("none", True), ("cross-site", False), ("", False)]
)
def test_downloads_of_pages_are_told_by_their_site(site: str, is_own: bool) -> None:
    assert browser_sessions.is_own_request(request(sec_fetch_site=site)) is is_own
