"""Monitoring routes: liveness, readiness and metrics."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entrepot.errors import NotReady, ServerStopping
from entrepot.hub.jobs import maintenance
from entrepot.hub.jobs.readiness import Dependency
from entrepot.server.client_addresses import is_local
from entrepot.server.handlers import app_state, call_hub, json_response
from entrepot.server.metrics import CONTENT_TYPE, Metrics
from entrepot.server.threads import line_of
from entrepot.server.worker_metrics import ask_others
from entrepot.wire.readiness import DependencyCheck, ReadinessAnswer, ReadinessChecks
from entrepot.wire.times import format_ms

_FRESH = {"cache-control": "no-store"}


def routes(metrics: Metrics) -> list[Route]:
    """Return ``/healthz``, ``/readyz`` and ``/-/hub``, open to anyone, and ``/metrics``, which is restricted.

    Args:
        metrics: the counters that ``/metrics`` serves.
    """

    async def show_metrics(request: Request) -> Response:
        state = app_state(request)
        if not (state.hub.settings.public_metrics or is_local(request.scope)):
            await call_hub(request, maintenance.check_may_watch)
        text = await state.threads.run_short(metrics.render, await ask_others(), line=line_of(request.scope))
        return Response(text, headers=_FRESH | {"content-type": CONTENT_TYPE})

    return [
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/readyz", _readyz, methods=["GET"]),
        Route("/-/healthz", _healthz, methods=["GET"]),
        Route("/-/readyz", _readyz, methods=["GET"]),
        Route("/-/hub", _hub, methods=["GET"]),
        Route("/metrics", show_metrics, methods=["GET"]),
    ]


async def _healthz(_request: Request) -> Response:
    """Serve 200 while the process runs; nothing else is checked, so a slow disk does not get it killed."""
    return json_response({"status": "ok"}, headers=_FRESH)


async def _hub(_request: Request) -> Response:
    """Say what this server is, so that clients can tell a hub from other servers; the answer contains no version."""
    return json_response({"hub": "entrepot"})


async def _readyz(request: Request) -> Response:
    """Serve 200 if this server should get requests; else, and before the server stops, a 503 that says why.

    ``degraded``: it should, although the store of large files does not respond. Waits for 2 seconds at most, even if
    the database hangs and all threads for requests wait for it.
    """
    if request.scope["state"].get("is_draining"):
        raise NotReady(ServerStopping().message, {"status": "draining"})
    state = app_state(request)
    found = await state.threads.run_check(state.readiness.look)
    checks = ReadinessChecks(_check_of(found.database), _check_of(found.store))
    if found.refusal is not None:
        raise NotReady(found.refusal, {"status": "unready", "checks": checks})
    status = "ready" if found.store.reason is None else "degraded"
    return json_response(ReadinessAnswer(status=status, checks=checks), headers=_FRESH)


def _check_of(found: Dependency) -> DependencyCheck:
    if found.reason is None or found.since_ms is None:
        return DependencyCheck("reachable")
    return DependencyCheck("unavailable", found.reason, format_ms(found.since_ms))
