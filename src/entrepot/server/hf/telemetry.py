"""Requests that client libraries send automatically; nothing of them is stored.

Source: docs/protocols/hf_api.md, sections 1C and 4.7.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.server.handlers import json_response
from entrepot.wire.harnesses import Harnesses


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/telemetry/{tail:path}", ignore, methods=["HEAD"]),
        Route("/api/agent-harnesses", list_harnesses),
    ]


async def ignore(_request: Request) -> Response:
    """Discard telemetry about the use of a library (a ``HEAD`` request)."""
    return Response()


async def list_harnesses(_request: Request) -> Response:
    """Serve an empty list of agent harnesses, which clients use to recognise the agent they run in."""
    return json_response(Harnesses())
