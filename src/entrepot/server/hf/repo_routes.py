"""Routes of actions on repositories: ``/api/{type}/{namespace}/{name}/…``, once for each type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType
from entrepot.server.dispatch.answer_memory import Reusable
from entrepot.server.handlers import repo_of
from entrepot.server.raw_path import decode_segment

RepoHandler = Callable[[Request, RepoRef], Awaitable[Reusable]]
"""A handler for one repository."""


def repo_routes(method: str, action: str, handler: RepoHandler) -> list[BaseRoute]:
    """Return the routes of one action for models, datasets and spaces.

    Args:
        method: HTTP method; GET includes HEAD.
        action: the path after the repository, such as ``refs`` or
            ``tree/{tail:path}``.
    """
    return [
        Route(f"/api/{kind.plural}/{{namespace}}/{{name}}/{action}", _bound(handler, kind), methods=[method])
        for kind in VERSIONED_TYPES
    ]


def tail_of(request: Request) -> str:
    """Return the decoded tail of the path, for actions that end in one name; its slashes may be encoded or not.

    Raises:
        Malformed: the encoding is invalid.
    """
    return decode_segment(request.path_params["tail"])


def _bound(handler: RepoHandler, kind: RepoType) -> Callable[[Request], Awaitable[Reusable]]:
    async def endpoint(request: Request) -> Reusable:
        return await handler(request, repo_of(request, kind))

    return endpoint
