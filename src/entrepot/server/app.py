"""The application: all doors behind the edge, and what lives as long as it does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from entrepot.errors import Unavailable
from entrepot.hub import upkeep
from entrepot.hub.downloads import DownloadCounter
from entrepot.hub.house import Hub
from entrepot.server import avatars, git, health, hf, lfs, worker_metrics, xet
from entrepot.server.doors import House
from entrepot.server.edge import Edge
from entrepot.server.metrics import Metrics, Reading
from entrepot.server.rates import limited
from entrepot.server.short_ids import short_routes
from entrepot.server.threads import Threads, settle

_FLUSH_EVERY_S = 10.0


class Companion(Protocol):
    """Something that runs beside the server in the same process, such as a worker."""

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self) -> None:
        """End what is under way and return when it has ended."""


def make_app(hub: Hub, *, companions: Sequence[Companion] = ()) -> ASGIApp:
    """The hub's HTTP application.

    Args:
        hub: closed by the caller after the application has shut down.
        companions: started and stopped with the application.
    """
    metrics = Metrics()
    metrics.on_scrape(lambda: _readings(hub))
    threads = Threads(short=hub.settings.short_threads, transfers=hub.settings.transfer_threads)
    house = House(hub, threads, DownloadCounter())

    @contextlib.asynccontextmanager
    async def lifespan(_router: Router) -> AsyncIterator[None]:
        for companion in companions:
            companion.start()
        flushing = asyncio.create_task(_flush_often(house))
        try:
            async with worker_metrics.answering(metrics.snapshot):
                yield
        finally:
            flushing.cancel()
            await settle(flushing)
            for companion in companions:
                await threads.run_transfer(companion.stop)
            await threads.run_transfer(house.downloads.flush, hub)
            await threads.run_transfer(house.uses.flush, hub)
            threads.close()

    router = Router(routes_of(hub, metrics), redirect_slashes=False, lifespan=lifespan)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["house"] = house
        await router(scope, receive, send)

    return Edge(limited(app, hub.settings), metrics=metrics, settings=hub.settings)


def routes_of(hub: Hub, metrics: Metrics | None = None) -> list[BaseRoute]:
    """Return every route of the application, those of short ids included, in the order in which they are tried."""
    found = doors_of(hub, metrics)
    short = short_routes(found)
    return [*short.before, *found, *short.after]


def doors_of(hub: Hub, metrics: Metrics | None = None) -> list[BaseRoute]:
    """Return every route of the application but those of short ids, which are made from them."""
    chunk_store = xet.routes(workers=hub.settings.workers)
    own = [*health.routes(metrics or Metrics()), *avatars.routes()]
    return [*own, *chunk_store, *git.routes(), *hf.routes(), *lfs.routes()]


async def _flush_often(house: House) -> None:
    while True:
        await asyncio.sleep(_FLUSH_EVERY_S)
        with contextlib.suppress(Unavailable):  # counted again at the next turn
            await house.threads.run_short(house.downloads.flush, house.hub)
            await house.threads.run_short(house.uses.flush, house.hub)


def _readings(hub: Hub) -> list[Reading]:
    return [Reading(name, f"Number of {name.replace('_', ' ')}.", value) for name, value in upkeep.sizes(hub).items()]
