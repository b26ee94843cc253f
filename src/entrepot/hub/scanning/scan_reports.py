"""What scanners found on the whole hub, by repository, for administrators of the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Lock
from entrepot.catalog.files import scan_summaries
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import InvalidName, Refused, RepoNotFound
from entrepot.hub import access, audit
from entrepot.hub.accounts.administration import Actor, require_admin, require_reader
from entrepot.hub.context import HubContext
from entrepot.hub.scanning.scan_jobs import scan_job
from entrepot.names import RepoRef

WORST = ("unsafe", "suspicious", "caution", "error", "safe")
"""The worst statuses that a repository can have, the worst first."""

MAX_COUNTED = 1_000
"""Maximum of the number of repositories that is counted for each worst status."""


@attrs.frozen
class RepoFinding:
    """A file that a scanner did not call safe; ``commit``: the head at which it was found."""

    status: str
    commit: str
    path: str


@attrs.frozen
class RepoReport:
    """What the last scan of a repository found.

    ``counts``: how many contents have each status that is not safe; ``findings``: the first of them, the worst first;
    ``is_waiting``: another scan waits or runs.
    """

    repo: RepoRow
    worst: str
    counts: Mapping[str, int]
    findings: Sequence[RepoFinding]
    scanned_ms: int
    is_waiting: bool


def list_reports(hub: HubContext, by: Actor, worst: str, *, before: int | None = None, limit: int) -> list[RepoReport]:
    """Return the findings of the last scans of repositories with this worst status, the newest repositories first.

    Args:
        before: the row id of the last repository of the previous page.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        InvalidName: the status is unknown.
    """
    require_reader(by)
    if worst not in WORST:
        raise InvalidName("status of a scan", worst, f"expected {', '.join(WORST)}")
    with hub.read() as tx:
        found = scan_summaries.page(tx, worst, before=before, limit=limit)
        rows = repositories.by_ids(tx, [summary.repo_id for summary in found])
        return [
            RepoReport(
                rows[summary.repo_id],
                summary.worst,
                summary.counts,
                [RepoFinding(*finding) for finding in summary.findings],
                summary.scanned_ms,
                jobs.is_pending(tx, scan_job(summary.repo_id)),
            )
            for summary in found
            if summary.repo_id in rows
        ]


def count_reports(hub: HubContext, by: Actor) -> dict[str, int]:
    """Return the number of repositories by worst status, each at most :data:`MAX_COUNTED`.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    with hub.read() as tx:
        return {worst: scan_summaries.count(tx, worst, MAX_COUNTED) for worst in WORST}


def request_scan(hub: HubContext, by: Actor, ref: RepoRef) -> None:
    """Queue a scan of the files at the heads of a repository that have no valid result; one that waits begins now.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub, or the token may only read.
        RepoNotFound: the repository does not exist.
        Refused: scanning is off.
    """
    actor = require_admin(by)
    if hub.settings.scanning == "off":
        raise Refused("scanning is off on this hub: set scanning to warn, hide or refuse first")
    with hub.write(Lock.repo_at(ref), Lock.audit(), by=by) as tx:
        row = repositories.find(tx, ref)
        if row is None:
            raise RepoNotFound
        jobs.enqueue(tx, "scan", {"repo": row.id}, hub.now_ms(), dedup_key=scan_job(row.id), hastens=True)
        audit.record(hub, tx, actor, "scan.request", access.subject(row))
    hub.job_added.set()
