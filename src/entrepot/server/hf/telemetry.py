"""What client libraries send and fetch of their own accord; answered fast, kept never.

Source: docs/protocols/hf_api.md, sections 1C and 4.7.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.server.handlers import json_response


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return [
        Route("/api/telemetry/{tail:path}", ignore, methods=["HEAD"]),
        Route("/api/agent-harnesses", list_harnesses),
    ]


async def ignore(_request: Request) -> Response:
    """HEAD: a note about the use of a library."""
    return Response()


async def list_harnesses(_request: Request) -> Response:
    """GET: how clients recognise the agents they run in; none are known here."""
    return json_response({"standardEnvVars": [], "harnesses": {}})
