"""Doors for those who watch the hub: is it alive, is it ready, what has it counted."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entrepot.hub import upkeep
from entrepot.server.doors import house_of, json_answer
from entrepot.server.metrics import CONTENT_TYPE, Metrics

_FRESH = {"cache-control": "no-store"}


def routes(metrics: Metrics) -> list[Route]:
    """``/healthz``, ``/readyz`` and ``/metrics``, open to everybody who can reach the port.

    Args:
        metrics: what ``/metrics`` shows.
    """

    async def show_metrics(request: Request) -> Response:
        text = await house_of(request).threads.run_short(metrics.render)
        return Response(text, headers=_FRESH | {"content-type": CONTENT_TYPE})

    return [
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/readyz", _readyz, methods=["GET"]),
        Route("/-/healthz", _healthz, methods=["GET"]),
        Route("/-/readyz", _readyz, methods=["GET"]),
        Route("/metrics", show_metrics, methods=["GET"]),
    ]


async def _healthz(_request: Request) -> Response:
    """The process answers; nothing else is looked at, so that a slow disk is no reason to kill it."""
    return json_answer({"status": "ok"}, headers=_FRESH)


async def _readyz(request: Request) -> Response:
    """The database and the store can be used; else a 503 that says what cannot."""
    house = house_of(request)
    await house.threads.run_short(upkeep.check_ready, house.hub)
    return json_answer({"status": "ready"}, headers=_FRESH)
