"""Doors of the chunk store, for every version of its client.

They stand below ``/xet/{store}``, where the store's name changes whenever
clients must forget what they know. Source: docs/protocols/xet.md, sections 1 and 7.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router

from entrepot.server.fair_slots import FairSlots
from entrepot.server.xet import dedup, reconstructions, xorb_ranges
from entrepot.server.xet.shards import ShardHandler
from entrepot.server.xet.xorbs import XorbHandler

_POOLS = ("default", "default-merkledb")  # what clients send, and what the documents say
_VERSIONS = ("/v1", "", "/v2")

Handler = Callable[[Request], Awaitable[Response]]


def routes(*, workers: int = 1) -> list[BaseRoute]:
    """All routes of the chunk store and of its bytes.

    Args:
        workers: how many processes like this one share the machine's cores.
    """
    cores = max(1, (os.cpu_count() or 1) // workers)
    # Checking a shard may take seconds: its slots are not those of xorbs, and nobody holds all of them.
    shards, xorbs = FairSlots(max(2, cores), per_caller=1), FairSlots(cores)
    return [
        Mount("/xet/{store}", Router(_below_store(shards, xorbs), redirect_slashes=False)),
        Route(xorb_ranges.PATH, xorb_ranges.fetch, methods=["GET"]),  # and HEAD
    ]


def _below_store(shard_slots: FairSlots, xorb_slots: FairSlots) -> list[BaseRoute]:
    """What clients call, the most frequent first."""
    shards, receive_xorb = ShardHandler(shard_slots), XorbHandler(xorb_slots).receive
    return [
        *_pooled("GET", ("chunks", "chunk"), dedup.find_chunk),
        *_pooled("POST", ("xorb-grants",), dedup.find_xorb),
        *_pooled("POST", ("xorbs", "xorb"), receive_xorb),
        Route("/v2/reconstructions/{hash}", reconstructions.plan_v2),
        *[
            Route(f"{version}/{word}/{{hash}}", reconstructions.plan_v1)
            for version in ("/v1", "")
            for word in ("reconstructions", "reconstruction")
        ],
        Route("/v2/shards", shards.register_aloud, methods=["POST"]),
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
