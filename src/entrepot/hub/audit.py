"""The audit log: who changed access, visibility, tokens, or deleted something, and when.

Each row carries a hash of itself and of the row before, and the newest hash is
kept apart from the rows: whoever changes, inserts or drops a row breaks the
chain. A copy of the newest hash kept elsewhere also shows that the log was
rewritten as a whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Write, audit
from entrepot.catalog.audit import AuditFilter as AuditFilter
from entrepot.catalog.audit import AuditRow as AuditRow
from entrepot.errors import NotAllowed
from entrepot.hub.callers import MaybeCaller, require_login
from entrepot.hub.context import HubContext

START = "00" * 32
"""What stands for the row before the first."""

CONSOLE = "(console)"
"""The actor of what an administrator does on the machine itself."""

_BATCH = 1000

Detail = str | int | bool | None
"""A value that a row may hold."""


@attrs.frozen
class ChainCheck:
    """What checking the chain found.

    ``broken_at``: id of the first row that does not fit, or None; ``head``:
    the chain value to keep elsewhere; ``is_whole``: nothing was changed, and
    nothing is missing at the end; ``knows_kept``: the value that was kept
    elsewhere is in the chain.
    """

    rows: int
    broken_at: int | None
    head: str
    is_whole: bool
    knows_kept: bool = True


def record(
    hub: HubContext,
    tx: Write,
    caller: MaybeCaller | str,
    action: str,
    subject: str,
    details: Mapping[str, Detail] | None = None,
) -> None:
    """Append a row, in the transaction that makes the change.

    Args:
        caller: who did it; a text for those without an account (:data:`CONSOLE`).
        action: ``noun.verb``, such as ``repo.delete``, at most 40 characters.
        subject: what it was done to, such as ``model alice/gpt``.
        details: what else is worth knowing; never a secret.
    """
    actor, token = _actor(caller)
    before = audit.head(tx)
    text = json.dumps(dict(details or {}), sort_keys=True, separators=(",", ":"))
    row = AuditRow(0, hub.now_ms(), actor, token, action, subject, text, "")
    audit.append(tx, attrs.evolve(row, chain=link(before or START, row)), is_first=before is None)


def verify(hub: HubContext, kept: str | None = None) -> ChainCheck:
    """Walk the whole chain, a thousand rows at a time, in one snapshot.

    Args:
        kept: a ``head`` of earlier; a log that was rewritten does not have it.
    """
    count, last, chain = 0, 0, START
    is_known = kept in (None, START)
    with hub.read() as tx:
        head = audit.head(tx) or START
        while rows := audit.after(tx, last, _BATCH):
            for row in rows:
                chain = link(chain, row)
                if chain != row.chain:
                    return ChainCheck(count, row.id, head, is_whole=False, knows_kept=is_known)
                is_known = is_known or chain == kept
                count, last = count + 1, row.id
    return ChainCheck(count, None, head, is_whole=chain == head, knows_kept=is_known)


def list_rows(
    hub: HubContext, caller: MaybeCaller, wanted: AuditFilter, *, before: int | None = None, limit: int = 100
) -> Sequence[AuditRow]:
    """As :func:`search`, for administrators of the hub.

    Raises:
        LoginRequired, NotAllowed: the caller is none, or has a fine-grained token.
    """
    if not require_login(caller).sees_all:
        raise NotAllowed("The audit log is for administrators of the hub")
    return search(hub, wanted, before=before, limit=limit)


def search(hub: HubContext, wanted: AuditFilter, *, before: int | None = None, limit: int = 100) -> Sequence[AuditRow]:
    """Rows that match, newest first; ``before`` is the id that the page before ended with."""
    with hub.read() as tx:
        return audit.search(tx, wanted, before=before, limit=limit)


def link(before: str, row: AuditRow) -> str:
    """The chain value of a row: SHA-256 over the chain value before it and the row's own values."""
    values = [row.at_ms, row.actor, row.token, row.action, row.subject, row.details]
    text = json.dumps([before, *values], separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _actor(caller: MaybeCaller | str) -> tuple[str, str | None]:
    if caller is None:
        return "(anonymous)", None
    if isinstance(caller, str):
        return caller, None
    return caller.account.name, caller.token.uid
