"""Doors for those who watch the hub: is it alive, is it ready, what has it counted."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entrepot.hub import upkeep
from entrepot.server.client_addresses import is_local
from entrepot.server.doors import ask, house_of, json_answer
from entrepot.server.metrics import CONTENT_TYPE, Metrics
from entrepot.server.worker_metrics import ask_others

_FRESH = {"cache-control": "no-store"}


def routes(metrics: Metrics) -> list[Route]:
    """Return ``/healthz`` and ``/readyz``, open to everyone who can reach the port, and ``/metrics``, which is not.

    Args:
        metrics: what ``/metrics`` shows.
    """

    async def show_metrics(request: Request) -> Response:
        house = house_of(request)
        if not (house.hub.settings.public_metrics or is_local(request.scope)):
            await ask(request, upkeep.check_may_watch)
        text = await house.threads.run_short(metrics.render, await ask_others())
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
