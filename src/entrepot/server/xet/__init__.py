"""Routes of the chunk store (Xet), for all client versions.

They are below ``/xet/{store}``; the store's name changes when clients must
discard their caches. Source: docs/protocols/xet.md, sections 1 and 7.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from entrepot.server.error_responses import REPEATS_5XX
from entrepot.server.limits.fair_slots import FairSlots
from entrepot.server.xet import dedup, reconstructions, xorb_ranges
from entrepot.server.xet.dedup import QueryHandler
from entrepot.server.xet.shards import ShardHandler
from entrepot.server.xet.xorbs import XorbHandler

_POOLS = ("default", "default-merkledb")  # sent by clients, and documented
_VERSIONS = ("/v1", "", "/v2")

Handler = Callable[[Request], Awaitable[Response]]


def routes(*, workers: int = 1) -> list[BaseRoute]:
    """Return all routes of the chunk store, including those of signed URLs.

    Args:
        workers: number of server processes that share the machine's cores.
    """
    cores = max(1, (os.cpu_count() or 1) // workers)
    # Checking a shard may take seconds: shards have their own slots, and no caller can hold all of them.
    shards, xorbs = FairSlots(max(2, cores), per_caller=1), FairSlots(cores)
    return [
        Mount("/xet/{store}", _Store(_below_store(shards, xorbs), redirect_slashes=False)),
        Route(xorb_ranges.PATH, xorb_ranges.fetch, methods=["GET"]),  # and HEAD
    ]


class _Store(Router):
    """Routes whose client repeats a request after every 5xx, with pauses of up to four minutes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; a failure that lasts gets a 4xx."""
        scope["state"][REPEATS_5XX] = True
        await super().__call__(scope, receive, send)


def _below_store(shard_slots: FairSlots, xorb_slots: FairSlots) -> list[BaseRoute]:
    """Return the routes that clients call, most frequent first."""
    shards, receive_xorb, queries = ShardHandler(shard_slots), XorbHandler(xorb_slots).receive, QueryHandler()
    return [
        *_pooled("GET", ("chunks", "chunk"), queries.find_chunk),
        *_pooled("POST", ("xorb-grants",), queries.find_xorb),
        *_pooled("POST", ("xorbs", "xorb"), receive_xorb),
        Route("/v2/reconstructions/{hash}", reconstructions.plan_v2),
        *[
            Route(f"{version}/{word}/{{hash}}", reconstructions.plan_v1)
            for version in ("/v1", "")
            for word in ("reconstructions", "reconstruction")
        ],
        Route("/v2/shards", shards.register_streaming, methods=["POST"]),
        *[Route(f"{version}/shards", shards.register, methods=["POST"]) for version in ("/v1", "")],
        *_pooled("POST", ("shard",), shards.register),
        *[Route(f"{version}/telemetry", dedup.ignore, methods=["POST"]) for version in _VERSIONS],
    ]


def _pooled(method: str, words: tuple[str, ...], handler: Handler) -> list[BaseRoute]:
    return [
        Route(f"{version}/{word}/{pool}/{{hash}}", handler, methods=[method])
        for version in _VERSIONS
        for word in words
        for pool in _POOLS
    ]
