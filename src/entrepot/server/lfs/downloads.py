"""Large files on their way out, behind signed links."""

from __future__ import annotations

from starlette.requests import Request

from entrepot.hub import transfers
from entrepot.server.doors import House, house_of
from entrepot.server.files import BINARY, FileAnswer, describe_content, kept_open, open_content
from entrepot.server.responders import Content


async def fetch(request: Request) -> FileAnswer:
    """GET and HEAD /_lfs/objects/{oid}: the link says who may, no other credentials are looked at."""
    house = house_of(request)
    with kept_open() as opened:
        await house.threads.run_short(lambda: opened.append(_open(house, request)))
        return FileAnswer(
            opened[0], request.path_params["oid"], house.threads, [("cache-control", "private, no-store")]
        )


def _open(house: House, request: Request) -> Content:
    oid = request.path_params["oid"]
    stored = transfers.fetch(house.hub, oid, dict(request.query_params))
    if request.method == "HEAD":
        stored.close()
        return describe_content(stored.size, oid, BINARY)
    return open_content(stored, oid, BINARY)
