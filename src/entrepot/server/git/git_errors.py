"""Shared by the git routes: the repository in the path, and error responses that git displays.

Git prints the body of an error response if it is plain text, and looks for
credentials only after a challenge.
Source: git, ``remote-curl.c`` (show_http_message); gitprotocol-http.adoc, "Authentication".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from entrepot.errors import ClientGone, Damaged, EntrepotError, RepoMoved
from entrepot.names import RepoRef, RepoType
from entrepot.server.error_responses import error_response_to
from entrepot.server.handlers import repo_of

Handler = Callable[[Request, RepoRef], Awaitable[ASGIApp]]

_CHALLENGE = 'Basic realm="entrepot", charset="UTF-8"'
_REPLACED = (b"content-type", b"content-length")


def with_text_errors(handler: Handler, kind: RepoType) -> Callable[[Request], Awaitable[ASGIApp]]:
    """Return the endpoint for one repository type, with errors as plain text and a challenge in every 401.

    Raises:
        ClientGone, Damaged, RepoMoved: left to the middleware, which logs or redirects.
    """

    async def endpoint(request: Request) -> ASGIApp:
        request.scope["state"]["challenge"] = _CHALLENGE
        try:
            return await handler(request, _repo_of(request, kind))
        except (ClientGone, Damaged, RepoMoved):
            raise
        except EntrepotError as error:
            return text_error_response(request, error)

    return endpoint


def text_error_response(request: Request, error: EntrepotError, *, cure: str = "") -> Response:
    """Return the response for an error as text that git displays; ``cure`` is appended to the message."""
    base = error_response_to(request, error)
    response = Response(f"{error.message}{cure}\n", base.status, media_type="text/plain")
    response.raw_headers += [header for header in base.headers if header[0] not in _REPLACED]
    return response


def _repo_of(request: Request, kind: RepoType) -> RepoRef:
    name = request.path_params["name"]
    request.scope["path_params"] = {**request.path_params, "name": name.removesuffix(".git")}
    return repo_of(request, kind)
