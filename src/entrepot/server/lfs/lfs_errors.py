"""Errors for git-lfs: the usual error response, with its message also under ``message``.

Source: git-lfs, docs/api/batch.md, "Response Errors"; docs/api/authentication.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import ClientGone, Damaged, EntrepotError
from entrepot.server.error_responses import error_response
from entrepot.server.files import FileResponse
from entrepot.server.lfs.lfs_responses import lfs_response
from entrepot.wire.files.lfs import Failure

Handler = Callable[[Request], Awaitable[Response | FileResponse]]

_CHALLENGE = 'Basic realm="entrepot", charset="UTF-8"'
_REPLACED = (b"content-type", b"content-length")


def with_lfs_errors(handler: Handler, *, challenges: bool = False) -> Handler:
    """Wrap a handler to render its errors in a body that git-lfs understands.

    Args:
        challenges: add a Basic challenge to every 401, without which git-lfs
            does not look for credentials.

    Raises:
        ClientGone, Damaged: left to the middleware, which logs them.
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
    base = error_response(error, raw_path=request.scope["path"], query=request.scope["query_string"])
    response = lfs_response(Failure(error.message, error.message), base.status)
    response.raw_headers += [header for header in base.headers if header[0] not in _REPLACED]
    return response
