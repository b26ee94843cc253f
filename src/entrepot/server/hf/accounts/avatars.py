"""Avatars of accounts: a pattern generated from the name.

Every valid account name has a picture, whether the account exists or not;
the route therefore reveals nothing.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.names import parse_account
from entrepot.server.handlers import base_url
from entrepot.server.raw_path import decode_segment

_CELLS = 5
_HEADERS = {
    "Cache-Control": "public, max-age=86400",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [Route("/-/avatars/{name}.svg", show)]


async def show(request: Request) -> Response:
    """Serve ``GET /-/avatars/{name}.svg``, the picture of a name.

    Raises:
        InvalidName: no account can have this name.
    """
    name = parse_account(decode_segment(request.path_params["name"]))
    return Response(render(name), 200, _HEADERS, "image/svg+xml")


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
