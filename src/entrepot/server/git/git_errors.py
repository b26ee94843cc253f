"""What git doors share: the repository in the path, and errors that git shows to people.

Git prints the body of an answer that is an error if it is plain text, and
looks for credentials only when it was asked for them.
Source: git, ``remote-curl.c`` (show_http_message); gitprotocol-http.adoc, "Authentication".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from entrepot.errors import ClientGone, Damaged, EntrepotError, RepoMoved
from entrepot.names import RepoRef, RepoType
from entrepot.server.error_responses import error_response
from entrepot.server.handlers import repo_of

Handler = Callable[[Request, RepoRef], Awaitable[ASGIApp]]

_CHALLENGE = 'Basic realm="entrepot", charset="UTF-8"'
_REPLACED = (b"content-type", b"content-length")


def spoken(handler: Handler, kind: RepoType) -> Callable[[Request], Awaitable[ASGIApp]]:
    """The door of one repository type, its errors as text and its 401 a question.

    Raises:
        ClientGone, Damaged, RepoMoved: left to the edge, which logs or redirects.
    """

    async def endpoint(request: Request) -> ASGIApp:
        request.scope["state"]["challenge"] = _CHALLENGE
        try:
            return await handler(request, _repo_of(request, kind))
        except (ClientGone, Damaged, RepoMoved):
            raise
        except EntrepotError as error:
            return explain(request, error)

    return endpoint


def explain(request: Request, error: EntrepotError, *, cure: str = "") -> Response:
    """The answer for an error, in words that git shows; ``cure`` is what more there is to say."""
    answer = error_response(error, raw_path=request.scope["path"], query=request.scope["query_string"])
    response = Response(f"{error.message}{cure}\n", answer.status, media_type="text/plain")
    response.raw_headers += [header for header in answer.headers if header[0] not in _REPLACED]
    return response


def _repo_of(request: Request, kind: RepoType) -> RepoRef:
    name = request.path_params["name"]
    request.scope["path_params"] = {**request.path_params, "name": name.removesuffix(".git")}
    return repo_of(request, kind)
