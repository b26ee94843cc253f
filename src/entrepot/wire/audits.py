"""JSON of the audit log, an extension of this hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One audited change.

    ``token``: id of the token that made the change; ``details``: names to texts,
    numbers and booleans; ``chain``: 64 hex digits that bind the row to those before.
    """

    id: int
    at: str
    actor: str
    token: str | None
    action: str
    subject: str
    details: Mapping[str, Any]
    chain: str


class OrgAuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One audited change of an organisation, as its administrators see it."""

    id: int
    at: str
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]


class AuditVerdict(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The result of checking the chain of the audit log.

    ``broken_at``: id of the first entry that does not fit those before it, or
    None; ``is_intact``: no entry was changed, and none is missing at the end;
    ``knows_expected``: the chain contains the head that was asked for; ``head``:
    the value to keep elsewhere.
    """

    rows: int
    broken_at: int | None
    is_intact: bool
    knows_expected: bool
    head: str


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a list of audited changes; None matches everything.

    ``actor``, ``action`` and ``subject`` match exactly; ``since`` (not before it)
    and ``until`` (before it) are times.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: str | None = None
    until: str | None = None


class AdminJob(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A background job; ``namespace`` is the number of an account, None for jobs of the whole hub."""

    id: int
    lane: str
    namespace: int | None
    kind: str
    args: Mapping[str, Any]
    state: str
    attempts: int
    run_at: str
    error: str | None
    created_at: str
