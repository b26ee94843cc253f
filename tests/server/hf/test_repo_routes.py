from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Router

from entrepot.names import RepoRef
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.server.metrics import Metrics
from entrepot.server.middleware import Middleware
from tests.support.running_apps import running


async def tell(request: Request, ref: RepoRef) -> Response:
    return PlainTextResponse(f"{ref} {tail_of(request)}")


@pytest.fixture(scope="module")
def site() -> Iterator[httpx2.Client]:
    app = Middleware(Router(repo_routes("POST", "act/{tail:path}", tell)), metrics=Metrics())
    with running(app) as address, httpx2.Client(base_url=f"http://{address.ip}:{address.port}") as client:
        yield client


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_an_action_has_a_route_for_each_type(site: httpx2.Client, kind: str) -> None:
    assert site.post(f"/api/{kind}s/alice/r/act/x").text == f"{kind} alice/r x"


@pytest.mark.parametrize("tail", ["feature%2Fx", "feature/x"])
def test_a_slash_in_the_tail_may_be_encoded(site: httpx2.Client, tail: str) -> None:
    assert site.post(f"/api/models/alice/r/act/{tail}").text == "model alice/r feature/x"


def test_a_name_that_no_repository_can_have_reaches_the_handler_as_the_id_of_none(site: httpx2.Client) -> None:
    assert site.post("/api/models/alice/-r-/act/x").text == "model  x"


def test_another_method_is_not_allowed(site: httpx2.Client) -> None:
    assert site.delete("/api/models/alice/r/act/x").status_code == 405
