"""The application: all routes behind the middleware, and the services that run as long as it does."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Protocol

from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from entrepot.errors import EntrepotError, Unavailable
from entrepot.hub.context import HubContext
from entrepot.hub.datasets import tables
from entrepot.hub.jobs import maintenance
from entrepot.hub.limits import shared_usage
from entrepot.hub.limits.rate_counts import RateCounts
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.server import api_description, git, health, hf, lfs, oauth, worker_metrics, xet
from entrepot.server.dispatch.route_table import RouteTable
from entrepot.server.handlers import AppState
from entrepot.server.hf.accounts import avatars
from entrepot.server.limits.rates import limited, shared_counts
from entrepot.server.metrics import GaugeValue, Metrics
from entrepot.server.middleware import Middleware
from entrepot.server.short_ids import short_routes
from entrepot.server.threads import Threads, settle

if TYPE_CHECKING:
    from entrepot.server.pages.routing import PageRoute

_FIRST_USE_S = 1.0
_TURNS_OF_A_FLUSH = 10
_SHARE_EVERY_S = 1.0


class BackgroundService(Protocol):
    """A service that runs beside the server in the same process, such as a job worker."""

    def start(self) -> None:
        """Start; return immediately."""

    def stop(self) -> None:
        """Stop, and return when running work has ended."""


def make_app(hub: HubContext, *, companions: Sequence[BackgroundService] = ()) -> ASGIApp:
    """Return the hub's HTTP application.

    Args:
        hub: to be closed by the caller after the application has shut down.
        companions: started and stopped with the application.
    """
    metrics = Metrics()
    threads = Threads(short=hub.settings.short_threads, transfers=hub.settings.transfer_threads)
    state = AppState(hub, threads, DownloadCounter())
    metrics.on_scrape(lambda: _readings(state))
    counts = shared_counts(hub.settings)

    @contextlib.asynccontextmanager
    async def lifespan(_router: Router) -> AsyncIterator[None]:
        for companion in companions:
            companion.start()
        flushing = [asyncio.create_task(_flush_often(state)), asyncio.create_task(_prepare(state))]
        if hub.settings.database or hub.settings.workers > 1:
            flushing.append(asyncio.create_task(_share_often(state, counts)))
        try:
            async with worker_metrics.answering(metrics.snapshot):
                yield
        finally:
            for task in flushing:
                task.cancel()
                await settle(task)
            for companion in companions:
                await threads.run_transfer(companion.stop)
            await threads.run_transfer(state.downloads.flush, hub)
            await threads.run_transfer(state.uses.flush, hub)
            await threads.run_transfer(state.latest.close)
            threads.close()

    router = RouteTable(
        _routes_before_pages(hub, metrics),
        later=lambda: threads.run_transfer(_page_routes),
        default=_answer_unserved,
        lifespan=lifespan,
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["app"] = state
        await router(scope, receive, send)

    return Middleware(limited(app, hub, counts), metrics=metrics, settings=hub.settings)


def build_handlers(hub: HubContext) -> list[BaseRoute]:
    """Return every route of the application except those of short ids, which are derived from them."""
    return [*_api_handlers(hub, None), *(route for route in _page_routes() if not route.is_short)]


def _routes_before_pages(hub: HubContext, metrics: Metrics | None) -> list[BaseRoute]:
    found = _api_handlers(hub, metrics)
    short = short_routes(found)
    return [*short.before, *found, *short.after]


def _page_routes() -> list[PageRoute]:
    """Return the routes of pages, whose modules are imported at the first use: many hubs serve programs only."""
    from entrepot.server import pages

    return pages.routes()


async def _answer_unserved(scope: Scope, receive: Receive, send: Send) -> None:
    from entrepot.server.pages.routing import answer_unserved

    await answer_unserved(scope, receive, send)


def _api_handlers(hub: HubContext, metrics: Metrics | None) -> list[BaseRoute]:
    chunk_store = xet.routes(workers=hub.settings.workers)
    own = [*health.routes(metrics or Metrics()), *avatars.routes(), *api_description.routes()]
    return [*own, *chunk_store, *git.routes(), *hf.routes(), *lfs.routes(), *oauth.routes()]


async def _prepare(state: AppState) -> None:
    with contextlib.suppress(Unavailable):  # the first page will take longer
        await state.threads.run_short(tables.prepare, state.hub)


async def _flush_often(state: AppState) -> None:
    """Write downloads and uses of tokens now and then, the first use of a token within a second or two."""
    for turn in itertools.count(1):
        await asyncio.sleep(_FIRST_USE_S)
        is_due = turn % _TURNS_OF_A_FLUSH == 0
        due = [state.downloads.flush] if is_due else []
        if is_due or state.uses.has_first:
            due.append(state.uses.flush)
        for flush in due:
            with contextlib.suppress(Unavailable):  # kept, and written at a later turn
                await state.threads.run_short(flush, state.hub)


async def _share_often(state: AppState, counts: RateCounts | None) -> None:
    """Share the counts of this process with the others of the hub."""
    while True:
        await asyncio.sleep(_SHARE_EVERY_S)
        for share in (shared_usage.share, *([] if counts is None else [counts.flush])):
            with contextlib.suppress(EntrepotError):  # shared at the next turn
                await state.threads.run_short(share, state.hub)


def _readings(state: AppState) -> list[GaugeValue]:
    found = state.readiness.look()
    readings = [
        GaugeValue("ready", "1 if load balancers should send requests to this server.", found.refusal is None),
        GaugeValue("database_reachable", "1 if the database responds.", found.database.reason is None),
        GaugeValue("store_reachable", "1 if the store of large files responds.", found.store.reason is None),
    ]
    with contextlib.suppress(Unavailable):  # the database was just lost, or is away
        sizes = {} if found.database.reason is not None else maintenance.sizes(state.hub)
        readings += [GaugeValue(name, f"Number of {name.replace('_', ' ')}.", size) for name, size in sizes.items()]
    return readings
