from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from entrepot.names import RepoType
from entrepot.server.hf.type_routes import each_kind


async def say_kind(_request: Request, kind: RepoType) -> Response:
    return PlainTextResponse(kind.value)


def test_every_type_gets_a_route_whose_handler_is_reported_the_type() -> None:
    routes = [route for route in each_kind("/api/{T}/{name}", say_kind) if isinstance(route, Route)]
    assert [route.path for route in routes] == ["/api/models/{name}", "/api/datasets/{name}", "/api/spaces/{name}"]
    assert all(route.methods == {"GET", "HEAD"} for route in routes)
    answers = [asyncio.run(route.endpoint(Request({"type": "http"}))).body for route in routes]
    assert answers == [b"model", b"dataset", b"space"]


def test_types_can_be_chosen() -> None:
    [route] = each_kind("/api/{T}-x", say_kind, [RepoType.DATASET])
    assert isinstance(route, Route)
    assert route.path == "/api/datasets-x"
