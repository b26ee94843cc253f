"""Trending scores of repositories: computed every hour, and immediately after a like."""

from __future__ import annotations

from entrepot.catalog import Lock
from entrepot.catalog.community import trends
from entrepot.catalog.jobs import jobs
from entrepot.catalog.jobs.jobs import JobArgs
from entrepot.hub.context import HubContext

PAUSE_MS = 3_600_000
_BATCH = 200


def refresh(hub: HubContext, _args: JobArgs) -> None:
    """Compute every score that may have changed, and schedule the next refresh."""
    with hub.read() as tx:
        stale = trends.stale(tx, hub.now_ms())
    for at in range(0, len(stale), _BATCH):
        batch = stale[at : at + _BATCH]
        with hub.write(*map(Lock.repo, batch)) as tx:
            trends.refresh(tx, batch, hub.now_ms())
    plan(hub)


def plan(hub: HubContext) -> None:
    """Schedule the next refresh, unless one is scheduled already."""
    with hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "trends", {}, hub.now_ms(), dedup_key="trends", delay_ms=PAUSE_MS)
