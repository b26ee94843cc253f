"""Images for discussions. Source: hf_api, section 1B.1 (``POST /uploads``)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.hub import attachments
from entrepot.hub.attachments import MAX_IMAGE, OpenImage
from entrepot.server.bodies import read_small
from entrepot.server.doors import ask, base_url, house_of
from entrepot.server.files import FileAnswer, kept_open, open_content

_FOREVER = "public, max-age=31536000, immutable"


def routes() -> list[BaseRoute]:
    """The routes of images."""
    return [
        Route("/uploads", receive, methods=["POST"]),
        Route("/uploads/{image}", show, methods=["GET"]),
    ]


async def receive(request: Request) -> Response:
    """``POST /uploads``: keep the body, an image; its absolute URL as plain text."""
    data = await read_small(request, MAX_IMAGE)
    kept = await ask(request, attachments.add, data)
    return PlainTextResponse(f"{base_url(request)}/uploads/{kept.uid}")


async def show(request: Request) -> FileAnswer:
    """``GET /uploads/{id}``: the image, for whoever knows the address."""
    house, uid = house_of(request), request.path_params["image"]
    with kept_open() as opened:

        def find() -> OpenImage:
            image = attachments.find(house.hub, uid)
            opened.append(open_content(image.content, image.attachment.sha256, image.attachment.media_type))
            return image

        image = await house.threads.run_short(find)
        headers = [("Cache-Control", _FOREVER)]
        return FileAnswer(opened[0], f"{uid}.{image.attachment.media_type.rpartition('/')[2]}", house.threads, headers)
