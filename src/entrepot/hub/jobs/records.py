"""The background jobs and the audit log as administrators of the hub read them over HTTP and on its machine."""

from __future__ import annotations

import json
from collections.abc import Sequence

from entrepot.hub import audit
from entrepot.hub.accounts import orgs
from entrepot.hub.accounts.administration import Actor, require_reader
from entrepot.hub.audit import AuditFilter, AuditRow
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import overviews
from entrepot.hub.jobs.handlers import LANES, STATES, Job
from entrepot.wire.audits import AdminJob, AuditEntry, AuditQuery, AuditVerdict, OrgAuditEntry
from entrepot.wire.times import format_ms, parse_time


def list_audit(hub: HubContext, by: Actor, wanted: AuditQuery, before: int | None, limit: int) -> list[AuditEntry]:
    """Return entries of the audit log that match a query, newest first.

    Args:
        before: the id of the last entry of the previous page.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        Malformed: a time is malformed.
    """
    require_reader(by)
    return [render_entry(row) for row in audit.search(hub, filter_of(wanted), before=before, limit=limit)]


def list_org_audit(
    hub: HubContext, by: Actor, org: str, wanted: AuditQuery, before: int | None, limit: int
) -> list[OrgAuditEntry]:
    """Return entries of the audit log of an organisation that match a query, newest first.

    Args:
        before: the id of the last entry of the previous page.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the organisation.
        AccountNotFound: the organisation does not exist.
        Malformed: a time is malformed.
    """
    rows = orgs.list_audit(hub, by, org, filter_of(wanted), before=before, limit=limit)
    return [render_for_org(row) for row in rows]


def filter_of(wanted: AuditQuery) -> AuditFilter:
    """Return the filter that a query asks for.

    Raises:
        Malformed: a time is malformed.
    """
    since, until = (parse_time(text) if text else None for text in (wanted.since, wanted.until))
    return AuditFilter(wanted.actor or None, wanted.action or None, wanted.subject or None, since, until)


def verify_audit(hub: HubContext, by: Actor, expected: str | None) -> AuditVerdict:
    """Check the chain of the audit log.

    Args:
        expected: a head that was kept elsewhere, in hex digits of either case; None expects nothing.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    found = audit.verify(hub, expected.strip().lower() if expected else None)
    return AuditVerdict(
        rows=found.rows,
        broken_at=found.broken_at,
        is_intact=found.is_intact,
        knows_expected=found.knows_kept,
        head=found.head,
    )


def list_jobs(
    hub: HubContext, by: Actor, states: Sequence[str], lanes: Sequence[str], before: int | None, limit: int
) -> list[AdminJob]:
    """Return jobs in these states and lanes, newest first; no state or lane means all of them.

    Args:
        before: the id of the last job of the previous page.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        InvalidName: a state or lane is unknown.
    """
    found = overviews.list_jobs(hub, by, states or STATES, limit, lanes=lanes or LANES, before=before)
    return [render_job(job) for job in found]


def render_entry(row: AuditRow) -> AuditEntry:
    """Return the JSON value of an entry of the audit log."""
    return AuditEntry(
        id=row.id,
        at=format_ms(row.at_ms),
        actor=row.actor,
        token=row.token,
        action=row.action,
        subject=row.subject,
        details=json.loads(row.details),
        chain=row.chain,
    )


def render_job(job: Job) -> AdminJob:
    """Return the JSON value of a job."""
    return AdminJob(
        id=job.id,
        lane=job.lane,
        namespace=job.namespace_id or None,
        kind=job.kind,
        args=dict(job.args),
        state=job.state,
        attempts=job.attempts,
        run_at=format_ms(job.run_ms),
        error=job.error,
        created_at=format_ms(job.created_ms),
    )


def render_for_org(row: AuditRow) -> OrgAuditEntry:
    """Return a change as administrators of an organisation see it: without the token, and without the chain."""
    return OrgAuditEntry(
        id=row.id,
        at=format_ms(row.at_ms),
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        details=json.loads(row.details),
    )
