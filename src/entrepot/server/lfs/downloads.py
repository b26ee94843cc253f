"""Downloads of large files over signed URLs."""

from __future__ import annotations

from starlette.requests import Request

from entrepot.hub.files import lfs
from entrepot.server.files import BINARY, FileResponse, describe_content, kept_open, open_content
from entrepot.server.handlers import AppState, app_state
from entrepot.server.responders import Content
from entrepot.server.threads import line_of


async def fetch(request: Request) -> FileResponse:
    """Serve ``GET`` and ``HEAD /_lfs/objects/{oid}``, authorised by the signed URL alone."""
    state = app_state(request)
    with kept_open() as opened:
        await state.threads.run_short(lambda: opened.append(_open(state, request)), line=line_of(request.scope))
        return FileResponse(
            opened[0], request.path_params["oid"], state.threads, [("cache-control", "private, no-store")]
        )


def _open(state: AppState, request: Request) -> Content:
    oid = request.path_params["oid"]
    stored = lfs.fetch(state.hub, oid, dict(request.query_params))
    if request.method == "HEAD":
        stored.close()
        return describe_content(stored.size, oid, BINARY)
    return open_content(stored, oid, BINARY)
