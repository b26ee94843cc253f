"""Avatars of accounts: a picture that was uploaded, else a pattern generated from the name.

Every valid account name has a picture, whether the account exists or not.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import avatars
from entrepot.names import parse_account
from entrepot.previews.avatar_images import MAX_BYTES
from entrepot.server.bodies import read_small
from entrepot.server.handlers import base_url, call_hub, call_hub_briefly
from entrepot.server.raw_path import decode_segment

_CELLS = 5
_HEADERS = {
    "Cache-Control": "public, max-age=300",  # a new picture is seen by everyone within five minutes
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [Route("/-/avatars/{name}.svg", show)]


def api_routes() -> list[BaseRoute]:
    """Return the routes that change pictures."""
    return [
        Route("/api/settings/avatar", change_own, methods=["PUT"]),
        Route("/api/settings/avatar", remove_own, methods=["DELETE"]),
        Route("/api/organizations/{account}/avatar", change_of_org, methods=["PUT"]),
        Route("/api/organizations/{account}/avatar", remove_of_org, methods=["DELETE"]),
    ]


async def show(request: Request) -> Response:
    """Serve ``GET /-/avatars/{name}.svg``, the picture of a name.

    Raises:
        InvalidName: no account can have this name.
    """
    name = parse_account(decode_segment(request.path_params["name"]))
    found = await call_hub_briefly(request, avatars.find, name)
    data, kind = (render(name), "image/svg+xml") if found is None else (found.data, found.media_type)
    headers = {**_HEADERS, "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(data, 200, headers, kind)


async def change_own(request: Request) -> Response:
    """Handle ``PUT /api/settings/avatar``: the body, a PNG or JPEG picture, becomes that of the caller."""
    return await _change(request, None)


async def remove_own(request: Request) -> Response:
    """Handle ``DELETE /api/settings/avatar``: the caller has the generated picture again."""
    await call_hub(request, avatars.remove, None)
    return Response(status_code=204)


async def change_of_org(request: Request) -> Response:
    """Handle ``PUT /api/organizations/{account}/avatar``, for its administrators."""
    return await _change(request, decode_segment(request.path_params["account"]))


async def remove_of_org(request: Request) -> Response:
    """Handle ``DELETE /api/organizations/{account}/avatar``, for its administrators."""
    await call_hub(request, avatars.remove, decode_segment(request.path_params["account"]))
    return Response(status_code=204)


async def _change(request: Request, org: str | None) -> Response:
    await call_hub(request, avatars.check, org)  # before a picture is received
    await call_hub(request, avatars.change, org, await read_small(request, MAX_BYTES))
    return Response(status_code=204)


def url_of(request: Request, name: str) -> str:
    """Return the absolute URL of the picture of an account."""
    return f"{base_url(request)}/-/avatars/{quote(name)}.svg"


def render(name: str) -> bytes:
    """Return a symmetric SVG picture of five by five cells, independent of the case of the name."""
    digest = hashlib.sha256(name.lower().encode()).digest()
    hue = int.from_bytes(digest[:2]) % 360
    half = -(-_CELLS // 2)
    cells = [
        (column, row)
        for row in range(_CELLS)
        for column in range(_CELLS)
        if digest[2 + row * half + min(column, _CELLS - 1 - column)] & 1
    ]
    path = "".join(f"M{column + 1} {row + 1}h1v1h-1z" for column, row in cells)
    side = _CELLS + 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">'
        f'<rect width="{side}" height="{side}" fill="#f0f0f0"/><path d="{path}" fill="hsl({hue},55%,45%)"/></svg>'
    ).encode()
