"""The table of routes finds the same route as trying all in turn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Message, Scope

from entrepot.hub.context import open_hub
from entrepot.server.dispatch.route_table import MAX_SHAPES, RouteTable
from entrepot.settings import Settings
from tests.support.app_routes import routes_of


def scope_of(path: str, method: str = "GET") -> Scope:
    scope: Scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": [], "app": None}
    return scope


def first_of(routes: list[BaseRoute], scope: Scope) -> tuple[BaseRoute | None, Match]:
    """Return the route that starlette's router takes."""
    half = None
    for route in routes:
        match, _ = route.matches(scope)
        if match is Match.FULL:
            return route, match
        half = half or (route if match is Match.PARTIAL else None)
    return half, Match.PARTIAL if half is not None else Match.NONE


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> RouteTable:
    hub = open_hub(Settings(data=tmp_path_factory.mktemp("hub") / "data"), fsync=False)
    routes = routes_of(hub)
    hub.close()
    return RouteTable(routes)


def paths_of(routes: list[BaseRoute]) -> list[str]:
    """Return paths of every route, with names that are literals elsewhere, and paths near to them."""
    dice = random.Random(7)
    words = sorted({part for route in routes for part in getattr(route, "path", "").split("/") if "{" not in part})
    found = ["", "/", "//", "/a", "/a/b", "/a/b/c", "/" + "/".join("abcdefghijklmnop"), "/api", "/api/"]
    for route in routes:
        parts = getattr(route, "path", "").split("/")
        for _ in range(2):
            made = [dice.choice((*words, "alice", "x.git", "a%2Fb", "")) if "{" in part else part for part in parts]
            if dice.random() < 0.3:
                made.insert(dice.randrange(1, len(made) + 1), dice.choice(words))
            if dice.random() < 0.2:
                made.append("more/and/more")
            found.append("/".join(made))
    return found


def test_every_path_finds_the_route_that_trying_all_finds(table: RouteTable) -> None:
    routes = list(table.routes)
    matched = 0
    paths = random.Random(8).sample(paths_of(routes), 500)
    for number, path in enumerate(paths):
        scope = scope_of(path, ("GET", "POST", "DELETE")[number % 3])
        expected = first_of(routes, scope)
        assert first_of(list(table.candidates(path)), scope) == expected, path
        matched += expected[0] is not None
    assert matched > len(paths) / 3


def test_few_routes_are_tried(table: RouteTable) -> None:
    for path in ("/api/whoami-v2", "/healthz", "/api/models/alice/m", "/alice/m/resolve/main/a/b/c"):
        assert 1 <= len(list(table.candidates(path))) <= 30


def test_the_table_is_bounded(table: RouteTable) -> None:
    words = sorted({part for route in table.routes for part in getattr(route, "path", "").split("/")})[:70]
    for first in words:
        for second in words:
            table.candidates(f"/api/{first}/{second}/{first}/{second}")
    assert len(table._found) <= MAX_SHAPES


def send(table: RouteTable, path: str, method: str = "GET") -> bytes:
    sent: list[Message] = []

    async def keep(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    asyncio.run(table(scope_of(path, method), receive, keep))
    body: bytes = sent[-1]["body"]
    return body


class Plain:
    """An application that is no function."""

    async def __call__(self, scope: Scope, _receive: object, send: object) -> None:
        await Response(f"plain {scope['path_params']['name']}")(scope, None, send)  # type: ignore[arg-type]


async def show(request: Request) -> Response:
    return Response(f"{request.path_params}")


def blocking(_request: Request) -> Response:
    return Response("in a thread")


def test_handlers_of_every_kind_are_called() -> None:
    table = RouteTable([Route("/a/{name}", show), Route("/b", blocking), Route("/c/{name}", Plain())])
    assert send(table, "/a/x") == b"{'name': 'x'}"
    assert send(table, "/b") == b"in a thread"
    assert send(table, "/c/y") == b"plain y"


def test_what_no_route_matches_is_refused_as_by_starlette() -> None:
    table = RouteTable([Route("/a", show, methods=["POST"])])
    with pytest.raises(HTTPException) as missing:
        send(table, "/b")
    with pytest.raises(HTTPException) as refused:
        send(table, "/a")
    assert (missing.value.status_code, refused.value.status_code) == (404, 405)
    assert refused.value.headers == {"Allow": "POST"}


class Later:
    """Routes that are asked for when they are needed, and fail at first."""

    def __init__(self, routes: Sequence[BaseRoute], *, failures: int = 0) -> None:
        self.routes, self.failures, self.calls = routes, failures, 0

    async def __call__(self) -> Sequence[BaseRoute]:
        self.calls += 1
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is away")
        return self.routes


def test_later_routes_are_loaded_once_for_the_first_request_that_needs_them() -> None:
    later = Later([Route("/a", blocking), Route("/b/{name}", show), Route("/c", show)])
    table = RouteTable([Route("/a", show), Route("/c", show, methods=["POST"])], later=later)
    assert (send(table, "/a"), later.calls) == (b"{}", 0)
    assert send(table, "/b/x") == b"{'name': 'x'}"
    assert send(table, "/a") == b"{}", "earlier routes still match first"
    assert send(table, "/c") == b"{}", "a later route for the method beats an earlier one for another"
    with pytest.raises(HTTPException):
        send(table, "/none")
    assert later.calls == 1


def test_a_failure_to_load_later_routes_is_of_one_request() -> None:
    later = Later([Route("/b", show)], failures=1)
    table = RouteTable([Route("/a", show)], later=later)
    with pytest.raises(OSError, match="away"):
        send(table, "/b")
    assert (send(table, "/a"), send(table, "/b"), later.calls) == (b"{}", b"{}", 2)


def test_requests_that_need_later_routes_at_the_same_time_load_them_once() -> None:
    later = Later([Route("/b", show)])
    table = RouteTable([], later=later)

    async def ask(sent: list[Message]) -> None:
        async def receive() -> Message:
            return {"type": "http.request"}

        async def keep(message: Message) -> None:
            sent.append(message)

        await table(scope_of("/b"), receive, keep)

    async def ask_together() -> list[list[Message]]:
        answers: list[list[Message]] = [[] for _ in range(5)]
        await asyncio.gather(*(ask(answer) for answer in answers))
        return answers

    assert [answer[-1]["body"] for answer in asyncio.run(ask_together())] == [b"{}"] * 5
    assert later.calls == 1
