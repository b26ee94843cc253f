"""Lists of the audit log: of the whole hub for its administrators, of an organisation for its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request

from entrepot.hub.audit import AuditFilter, AuditRow

SHOWN = 100
"""Rows on a page."""

_FIELDS = ("actor", "action", "subject")


def read_filter(request: Request) -> AuditFilter:
    """Return the filter of a page of the audit log; empty fields match everything."""
    actor, action, subject = (request.query_params.get(key, "").strip() for key in _FIELDS)
    return AuditFilter(actor or None, action or None, subject or None)


def audit_values(rows: Sequence[AuditRow], wanted: AuditFilter) -> Mapping[str, object]:
    """Return the values of :data:`SHOWN` rows for the template; one row more means that there is another page."""
    shown = rows[:SHOWN]
    return {
        "rows": shown,
        "more": shown[-1].id if len(rows) > SHOWN else 0,
        "fields": [(key, getattr(wanted, key) or "") for key in _FIELDS],
    }
