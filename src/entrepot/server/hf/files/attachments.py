"""Images for discussions. Source: docs/protocols/hf_api.md, section 1B.1 (``POST /uploads``)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.files import attachments
from entrepot.hub.files.attachments import MAX_IMAGE, OpenImage
from entrepot.server.bodies import read_small
from entrepot.server.files import FileResponse, kept_open, open_content
from entrepot.server.handlers import app_state, base_url, call_hub
from entrepot.server.threads import line_of

_FOREVER = "public, max-age=31536000, immutable"


def routes() -> list[BaseRoute]:
    """Return the routes of images."""
    return [
        Route("/uploads", receive, methods=["POST"]),
        Route("/uploads/{image}", show, methods=["GET"]),
    ]


async def receive(request: Request) -> Response:
    """Handle ``POST /uploads``: store the image in the body and return its absolute URL as plain text."""
    await call_hub(request, attachments.check)  # before a body of megabytes is received
    data = await read_small(request, MAX_IMAGE)
    kept = await call_hub(request, attachments.add, data)
    return PlainTextResponse(f"{base_url(request)}/uploads/{kept.uid}")


async def show(request: Request) -> FileResponse:
    """Serve ``GET /uploads/{id}``: an image, to anyone who knows its URL."""
    state, uid = app_state(request), request.path_params["image"]
    with kept_open() as opened:

        def find() -> OpenImage:
            image = attachments.find(state.hub, uid)
            opened.append(open_content(image.content, image.attachment.sha256, image.attachment.media_type))
            return image

        image = await state.threads.run_short(find, line=line_of(request.scope))
        headers = [("Cache-Control", _FOREVER)]
        return FileResponse(
            opened[0], f"{uid}.{image.attachment.media_type.rpartition('/')[2]}", state.threads, headers
        )
