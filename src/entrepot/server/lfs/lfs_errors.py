"""Errors for git-lfs: the usual error response, with its message also under ``message``.

Source: git-lfs, docs/api/batch.md, "Response Errors"; docs/api/authentication.md.
"""

from __future__ import annotations

from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import EntrepotError
from entrepot.server import error_responses
from entrepot.server.error_responses import ErrorResponse
from entrepot.server.files import FileResponse
from entrepot.server.lfs.lfs_responses import lfs_response
from entrepot.wire.files.lfs import Failure

Handler: TypeAlias = error_responses.Handler[Response | FileResponse]

_CHALLENGE = 'Basic realm="entrepot", charset="UTF-8"'
_REPLACED = (b"content-type", b"content-length")


def with_lfs_errors(handler: Handler, *, challenges: bool = False) -> Handler:
    """Wrap a handler to render its errors in a body that git-lfs understands.

    Args:
        challenges: add a Basic challenge to every 401, without which git-lfs
            does not look for credentials.
    """

    async def challenging(request: Request) -> Response | FileResponse:
        request.scope["state"]["challenge"] = _CHALLENGE
        return await handler(request)

    return error_responses.with_errors(challenging if challenges else handler, _explain)


def _explain(error: EntrepotError, base: ErrorResponse) -> Response:
    response = lfs_response(Failure(error.public_message, error.public_message), base.status)
    response.raw_headers += [header for header in base.headers if header[0] not in _REPLACED]
    return response
