"""What has had attention lately: made anew every hour, and at once where somebody likes something."""

from __future__ import annotations

from entrepot.catalog.community import trends
from entrepot.catalog.jobs import jobs
from entrepot.catalog.jobs.jobs import JobArgs
from entrepot.hub.context import HubContext

PAUSE_MS = 3_600_000


def refresh(hub: HubContext, _args: JobArgs) -> None:
    """Make every number that may have changed anew, and plan to do so again."""
    with hub.read() as tx:
        stale = trends.stale(tx, hub.now_ms())
    for at in range(0, len(stale), 500):
        with hub.write() as tx:
            trends.refresh(tx, stale[at : at + 500], hub.now_ms())
    plan(hub)


def plan(hub: HubContext) -> None:
    """Plan the next turn, unless one is planned already."""
    with hub.write() as tx:
        jobs.enqueue(tx, "trends", {}, hub.now_ms(), dedup_key="trends", delay_ms=PAUSE_MS)
