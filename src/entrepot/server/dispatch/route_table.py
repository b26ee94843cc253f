"""A router that looks routes up in a table, instead of trying several hundred patterns in turn.

Path segments that are a literal in no route at their position are equivalent for routing. With them
replaced by a placeholder, a path becomes its shape; the table knows the few routes that can match a
shape, and tries them in order. The result is the same as that of trying all routes.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import attrs
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

Shape = tuple[str | None, ...]
"""The segments of a path; None stands for any that is a literal in no route at its position."""

MAX_SHAPES = 4096
"""Shapes that the table keeps; a client could send many more."""


@attrs.frozen
class _Pattern:
    """The path of a route: its literals by position, and whether more segments may follow."""

    segments: tuple[str | None, ...]
    is_open: bool

    def may_match(self, shape: Shape) -> bool:
        if len(shape) != len(self.segments) and not (self.is_open and len(shape) > len(self.segments)):
            return False
        return all(own is None or own == given for own, given in zip(self.segments, shape, strict=False))


class RouteTable(Router):
    """A router without redirects that finds routes by the shape of the path."""

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        *,
        later: Callable[[], Awaitable[Sequence[BaseRoute]]] | None = None,
        default: ASGIApp | None = None,
        lifespan: Any = None,  # noqa: ANN401 - as its base
    ) -> None:
        """Prepare the table; it fills with the shapes of the paths that are requested.

        Args:
            routes: in the order in which they match.
            later: returns routes that match after these; called for the first request that none of these matches.
            default, lifespan: as for starlette's router.
        """
        super().__init__(routes, redirect_slashes=False, default=default, lifespan=lifespan)
        self._later, self._loading = later, asyncio.Lock()
        self._prepare()

    def _prepare(self) -> None:
        self._patterns = [(route, _pattern_of(route)) for route in self.routes]
        depth = max((len(pattern.segments) for _, pattern in self._patterns), default=0)
        self._literals = [
            {pattern.segments[at] for _, pattern in self._patterns if at < len(pattern.segments)} - {None}
            for at in range(depth)
        ]
        firsts = self._literals[1] if depth > 1 else set[str | None]()
        self._by_first = {first: self._with_first(first) for first in {*firsts, None}}
        self._found: dict[Shape, tuple[BaseRoute, ...]] = {}
        self._endpoints = {id(route): endpoint for route in self.routes if (endpoint := _endpoint_of(route))}

    def candidates(self, path: str) -> Iterable[BaseRoute]:
        """Return the routes that can match a path, in their order; no other route matches it."""
        given, literals = path.split("/"), self._literals
        shape: Shape = tuple(
            [segment if segment in known else None for segment, known in zip(given, literals, strict=False)]
        )
        if len(given) > len(literals):
            shape = (*shape, None)  # as deep as no literal, and as any deeper path
        found = self._found.get(shape)
        if found is None:
            likely = self._by_first[shape[1] if len(shape) > 1 else None]
            found = tuple(route for route, pattern in likely if pattern.may_match(shape))
            if len(self._found) >= MAX_SHAPES:
                self._found.clear()
            self._found[shape] = found
        return found

    def _with_first(self, first: str | None) -> list[tuple[BaseRoute, _Pattern]]:
        """Return the routes whose first segment may be this one."""
        return [item for item in self._patterns if item[1].segments[1:2] in ((first,), (None,), ())]

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the first route that matches; if there is none, the first that would match another method."""
        if scope["type"] != "http":
            await super().app(scope, receive, send)
            return
        scope.setdefault("router", self)
        match, route, found = self._match(scope)
        if match is not Match.FULL and self._later is not None:
            await self._load()
            match, route, found = self._match(scope)
        if route is None:
            await self.default(scope, receive, send)
            return
        scope["route"] = route
        scope.update(found)
        endpoint = self._endpoints.get(id(route)) if match is Match.FULL else None
        if endpoint is None:
            await route.handle(scope, receive, send)
            return
        # What starlette wraps around handlers only looks for error handlers, and there are none.
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    def _match(self, scope: Scope) -> tuple[Match, BaseRoute | None, Scope]:
        half: tuple[Match, BaseRoute | None, Scope] = (Match.NONE, None, {})
        for route in self.candidates(scope["path"]):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return match, route, found
            if match is Match.PARTIAL and half[1] is None:
                half = match, route, found
        return half

    async def _load(self) -> None:
        """Add the later routes, once; a request that fails here leaves it to the next one."""
        async with self._loading:
            if self._later is not None:
                self.routes = [*self.routes, *await self._later()]
                self._prepare()
                self._later = None


def _pattern_of(route: BaseRoute) -> _Pattern:
    """Return the pattern of a route; what it does not understand may match every path."""
    if not isinstance(route, Route):
        path = getattr(route, "path", "")
        return _Pattern(_segments(path), is_open=True)
    head, is_open = _until_tail(route.path)
    return _Pattern(_segments(head), is_open)


def _until_tail(path: str) -> tuple[str, bool]:
    """Return a path up to the segment with its first parameter that takes slashes, and whether it has one."""
    kept: list[str] = []
    for segment in path.split("/"):
        if ":path}" in segment:
            return "/".join([*kept, "{}"]), True
        kept.append(segment)
    return path, False


def _segments(path: str) -> tuple[str | None, ...]:
    return tuple(None if "{" in segment else segment for segment in path.split("/"))


def _endpoint_of(route: BaseRoute) -> Callable[[Request], Awaitable[Any]] | None:
    """Return the handler of a route if it is a coroutine function, which needs nothing around it."""
    if isinstance(route, Route) and inspect.iscoroutinefunction(route.endpoint):
        return route.endpoint
    return None
