from __future__ import annotations

import http.client
from urllib.parse import quote

import httpx2
import pytest
from starlette.routing import Match

from entrepot.hub import aliases
from entrepot.hub.accounts import accounts
from entrepot.hub.repos import repositories
from entrepot.names import VERSIONED_TYPES, RepoId, RepoRef, RepoType
from entrepot.server import pages
from entrepot.server.pages.frames import POLICY
from entrepot.server.pages.routing import PageRoute
from tests.support.served_hub import ServedHub

NOT_FOUND = {"error": "nothing is served at this path"}


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/nothing/",
        "/api/x",
        "/api/x/y",
        "/api/models/a/b/c/d",
        "/v1/x",
        "/a/b/c/d",
        "/x",
        "/docs/a",
        "/a/b.git",
        "/none/y",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_addresses_without_a_page_get_the_answer_of_a_hub_without_pages(
    site: ServedHub, path: str, method: str
) -> None:
    with site.client() as client:
        answer = client.request(method, path)
    expected = {"error": f"{NOT_FOUND['error']}; leave out the slash at its end"} if path[-1] == "/" else NOT_FOUND
    assert (answer.status_code, answer.json()) == (404, expected)


def test_accounts_with_an_underscore_in_front_have_pages(site: ServedHub) -> None:
    accounts.create_user(site.hub, "_ann")
    token = accounts.create_token(site.hub, "_ann", role="write").secret
    with site.client(token) as client:
        client.post("/api/repos/create", json={"name": "tern"}).raise_for_status()
        for path in ("/_ann", "/_ann/tern", "/_ann/tern/tree/main", "/_ann/tern/commits/main"):
            answer = client.get(path, headers={"accept": "text/html"})
            assert (answer.status_code, "_ann" in answer.text) == (200, True), path


@pytest.mark.parametrize("path", ["/", "/models", "/alice", "/alice/tern", "/alice/tern/tree/main"])
def test_pages_have_no_other_methods(site: ServedHub, path: str) -> None:
    with site.client() as client:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = client.request(method, path)
            assert (answer.status_code, answer.json()) == (404, NOT_FOUND), method


UNSERVED = [
    "/nothing-here/",
    "/v1/x",
    "/a/b/c/d",
    "/docs/a",
    "/a/b.git",
    "/alice/tern/nothing",
    "/-/nothing",
    "/%zz/a/b/c",
]


@pytest.mark.parametrize("path", UNSERVED)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_browsers_get_a_page_for_addresses_that_nothing_serves(
    site: ServedHub, browser: httpx2.Client, method: str, path: str
) -> None:
    answer = browser.request(method, path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert "<h1>This page does not exist</h1>" in answer.text
    assert browser.head(path).content == b""


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/models/?search=a%20b&sort=likes", "/models?search=a%20b&sort=likes"),
        ("/alice/", "/alice"),
        ("/alice/tern//", "/alice/tern"),
        ("/alice/no-such-thing/", "/alice/no-such-thing"),
        ("/alice/hidden/", "/alice/hidden"),
        ("/datasets/alice/tides/discussions/", "/datasets/alice/tides/discussions"),
        ("/-/admin/users/", "/-/admin/users"),
        ("//evil.example/", "/evil.example"),
        ("/\\evil.example/", "/%5Cevil.example"),
        ("/%5Cevil.example/", "/%5Cevil.example"),
        ("/%2F%2Fevil.example/", "/%2F%2Fevil.example"),
    ],
)
def test_a_slash_at_the_end_leads_to_the_page(site: ServedHub, path: str, target: str) -> None:
    assert ask_raw(site, "GET", path) == (308, target)
    assert ask_raw(site, "HEAD", path) == (308, target)
    assert ask_raw(site, "GET", path, accept="*/*") == (404, None), "programs get what they got before"
    assert ask_raw(site, "POST", path)[1] is None


@pytest.mark.parametrize("path", ["/api/models/", "/api/models/alice/tern/", "/metrics/", "/a/b/c/d/", "/v1/x/", "/x/"])
def test_a_slash_at_the_end_of_what_is_no_page_changes_nothing(site: ServedHub, path: str) -> None:
    assert ask_raw(site, "GET", path) == (404, None)


def test_a_folder_may_end_with_a_slash(browser: httpx2.Client) -> None:
    for path in ("/alice/tern/tree/main/", "/alice/tern/tree/main/docs/", "/alice/tern/commits/main/"):
        assert browser.get(path).status_code == 200, path


def ask_raw(site: ServedHub, method: str, path: str, accept: str = "text/html") -> tuple[int, str | None]:
    """Send a path exactly as it is; return the status and the address of a redirect."""
    connection = http.client.HTTPConnection(site.url.partition("//")[2], timeout=240)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.putheader("accept", accept)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.getheader("location")
    finally:
        connection.close()


@pytest.mark.parametrize("who", ["browser", "signed_in"])
def test_unserved_addresses_and_pages_of_the_administration_are_the_same(
    site: ServedHub, request: pytest.FixtureRequest, who: str
) -> None:
    client: httpx2.Client = request.getfixturevalue(who)
    found = {asked: shape(client, asked) for asked in ("/-/admin/users", "/-/admin/none", "/-/lineage/x/alice/tern")}
    assert len(set(found.values())) == 1, found
    assert ('href="/alice"' in found["/-/admin/none"][1]) == (who == "signed_in")


def test_unserved_pages_of_a_private_repository_are_those_of_an_absent_one(
    site: ServedHub, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    headers = {"authorization": f"Bearer {site.bob}"}
    for action in ("/nothing", "/settings/nothing", "/-/x"):
        hidden, absent = (shape(browser, f"/alice/{name}{action}", headers) for name in ("hidden", "absent"))
        assert hidden == absent
        assert hidden[0] == 404
    assert shape(browser, "/alice/hidden", headers)[:2] == shape(browser, "/-/admin/none", headers)[:2]


def test_the_api_answers_json_to_browsers_too_and_a_wrong_token_is_told(browser: httpx2.Client) -> None:
    assert browser.get("/api/nothing").json() == NOT_FOUND
    assert browser.get("/api").json() == NOT_FOUND
    assert browser.get("/-/nothing", headers={"authorization": "Bearer wrong"}).status_code == 401


def shape(client: httpx2.Client, path: str, headers: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Return status, page and headers of an address, without the address and what differs between any two requests."""
    answer = client.get(path, headers=headers)
    text = answer.text.replace(answer.headers["x-request-id"], "ID").replace(quote(path, safe=""), "PATH")
    kept = {
        key: value for key, value in answer.headers.items() if key not in ("x-request-id", "date", "content-length")
    }
    return answer.status_code, text, repr(kept)


def test_clients_that_are_no_browsers_get_errors_as_from_the_api(site: ServedHub) -> None:
    with site.client() as client:
        answer = client.get("/alice/none")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-error-code"] == "RepoNotFound"
        assert client.get("/api/models/alice/none").content == answer.content


def test_aliases_and_moved_repositories_are_redirected(site: ServedHub, browser: httpx2.Client) -> None:
    aliases.put(site.hub, "gpt2", site.repo("named"))
    old = site.repo("old-name", "dataset")
    repositories.move(site.hub, site.caller(), old, RepoRef(RepoType.DATASET, RepoId("alice", "new-name")))
    for path, target in (
        ("/gpt2", "/alice/named"),
        ("/gpt2/tree/main", "/alice/named/tree/main"),
        ("/datasets/alice/old-name/commits/main?p=0", "/datasets/alice/new-name/commits/main?p=0"),
    ):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert str(answer.url) == site.url + target


def test_pages_of_datasets_are_matched_before_those_of_models() -> None:
    for path, wanted in (
        ("/datasets/alice/tides", "/datasets/{namespace}/{name}"),
        ("/datasets/alice/tides/tree/main", "/datasets/{namespace}/{name}/tree/{tail:path}"),
        ("/alice/tern/blob/main/a/b", "/{namespace}/{name}/blob/{tail:path}"),
        ("/spaces/demo", "/spaces/{name}"),
        ("/alice", "/{account}"),
    ):
        scope = {"type": "http", "method": "GET", "path": path, "root_path": ""}
        found = next(route for route in pages.routes() if route.matches(scope)[0] is Match.FULL)
        assert found.path == wanted
    assert {kind.plural for kind in VERSIONED_TYPES} <= {route.path[1:] for route in pages.routes()}
    assert all(isinstance(route, PageRoute) for route in pages.routes())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/login?next=//evil.example/", 200),
        ("GET", "/alice/nothing-here", 401),
        ("GET", "/settings/profile", 401),
        ("GET", "/-/admin", 404),
        ("GET", "/alice/tern/blob/main/none", 404),
        ("GET", "/alice/tern/tree/%ff", 400),
        ("GET", "/models?cursor=zz", 400),
        ("GET", "/alice/tern/compare?base=main&head=main", 303),
        ("POST", "/login", 403),
        ("POST", "/settings/profile", 403),
        ("PUT", "/login", 404),
    ],
)
def test_every_answer_of_a_page_forbids_frames_and_scripts_of_others(
    site: ServedHub, method: str, path: str, status: int
) -> None:
    with httpx2.Client(base_url=site.url, headers={"accept": "text/html"}, trust_env=False, timeout=240) as client:
        answer = client.request(method, path, data={"a": "b"} if method == "POST" else None)
    assert answer.status_code == status
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'sha256-" in policy or "script-src 'self'" in policy
    assert "unsafe-inline" not in policy


@pytest.mark.parametrize("name", ["entrepot_session", "__Host-entrepot"])
def test_a_session_that_somebody_else_has_chosen_is_not_taken_over(site: ServedHub, name: str) -> None:
    with httpx2.Client(base_url=site.url, headers={"accept": "text/html"}, trust_env=False, timeout=240) as client:
        client.cookies.set(name, "chosen-by-somebody-else")
        client.headers["sec-fetch-site"] = "same-origin"
        answer = client.post("/login", data={"name": "alice", "password": "correct horse"})
        assert answer.status_code == 303
        given = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
        assert given
        assert given != "chosen-by-somebody-else"
        headers = {"cookie": f"{name}=chosen-by-somebody-else", "sec-fetch-site": "same-origin"}
        with httpx2.Client(base_url=site.url, trust_env=False, timeout=240) as other:
            assert other.get("/settings/profile", headers=headers).status_code == 401
