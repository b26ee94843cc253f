"""Routes that exist once for each type of repository: ``/api/models…``, ``/api/datasets…``, ``/api/spaces…``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from entrepot.names import VERSIONED_TYPES, RepoType
from entrepot.server.dispatch.answer_memory import Reusable

TypedHandler = Callable[[Request, RepoType], Awaitable[Reusable]]
"""A handler for one type of repositories."""


def each_kind(path: str, handler: TypedHandler, kinds: Iterable[RepoType] = VERSIONED_TYPES) -> list[BaseRoute]:
    """Return the GET (and HEAD) routes of a handler, one for each type.

    Args:
        path: ``{T}`` in it is replaced by the plural of the type; its parameters
            are matched against the raw path.
        kinds: for these types only.
    """
    return [Route(path.replace("{T}", kind.plural), _bound(handler, kind)) for kind in kinds]


def _bound(handler: TypedHandler, kind: RepoType) -> Callable[[Request], Awaitable[Reusable]]:
    async def endpoint(request: Request) -> Reusable:
        return await handler(request, kind)

    return endpoint
