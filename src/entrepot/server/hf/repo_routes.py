"""Where the actions of repositories are found: below ``/api/{type}/{namespace}/{name}``, once for each type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.names import RepoRef, RepoType
from entrepot.server.handlers import repo_of
from entrepot.server.raw_path import decode_segment

RepoHandler = Callable[[Request, RepoRef], Awaitable[Response]]
"""A door of one repository."""


def repo_routes(method: str, action: str, handler: RepoHandler) -> list[BaseRoute]:
    """The routes of one action, for models, datasets and spaces.

    Args:
        method: of HTTP; GET answers HEAD too.
        action: what follows the repository in the path, such as ``refs`` or
            ``tree/{tail:path}``.
    """
    return [
        Route(f"/api/{kind.plural}/{{namespace}}/{{name}}/{action}", _bound(handler, kind), methods=[method])
        for kind in RepoType
    ]


def tail_of(request: Request) -> str:
    """The decoded tail of the path, for actions that end in one name: a slash in it may be encoded or not.

    Raises:
        Malformed: its encoding is broken.
    """
    return decode_segment(request.path_params["tail"])


def _bound(handler: RepoHandler, kind: RepoType) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await handler(request, repo_of(request, kind))

    return endpoint
