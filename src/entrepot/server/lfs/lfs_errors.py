"""Errors as git-lfs shows them: the same answer as everywhere, with its sentence under ``message`` too.

Source: git-lfs, docs/api/batch.md, "Response Errors"; docs/api/authentication.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import ClientGone, Damaged, EntrepotError
from entrepot.server.error_responses import error_response
from entrepot.server.files import FileResponse
from entrepot.wire.files.lfs import MEDIA_TYPE, Failure, encode

Handler = Callable[[Request], Awaitable[Response | FileResponse]]

_CHALLENGE = 'Basic realm="entrepot", charset="UTF-8"'
_REPLACED = (b"content-type", b"content-length")


def explained(handler: Handler, *, challenges: bool = False) -> Handler:
    """The handler, its errors in a body that git-lfs understands.

    Args:
        challenges: a 401 asks for Basic credentials, which is when git-lfs
            looks for them.

    Raises:
        ClientGone, Damaged: left to the edge, which logs them.
    """

    async def handle(request: Request) -> Response | FileResponse:
        if challenges:
            request.scope["state"]["challenge"] = _CHALLENGE
        try:
            return await handler(request)
        except (ClientGone, Damaged):
            raise
        except EntrepotError as error:
            return _explain(request, error)

    return handle


def _explain(request: Request, error: EntrepotError) -> Response:
    answer = error_response(error, raw_path=request.scope["path"], query=request.scope["query_string"])
    response = Response(encode(Failure(error.message, error.message)), answer.status, media_type=MEDIA_TYPE)
    response.raw_headers += [header for header in answer.headers if header[0] not in _REPLACED]
    return response
