from __future__ import annotations

import httpx2
import pytest
from starlette.routing import Match

from entrepot.hub import aliases
from entrepot.hub.repos import repositories
from entrepot.names import VERSIONED_TYPES, RepoId, RepoRef, RepoType
from entrepot.server import pages
from entrepot.server.pages.routing import PageRoute
from tests.support.served_hub import ServedHub

NOT_FOUND = {"error": "Not Found"}


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
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("path", ["/", "/models", "/alice", "/alice/tern", "/alice/tern/tree/main"])
def test_pages_have_no_other_methods(site: ServedHub, path: str) -> None:
    with site.client() as client:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = client.request(method, path)
            assert (answer.status_code, answer.json()) == (404, NOT_FOUND), method


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
