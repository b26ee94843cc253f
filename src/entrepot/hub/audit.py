"""The audit log: records of changes to access, visibility and tokens, and of deletions.

Each row carries a hash of itself and of the previous row, and the newest hash is
stored apart from the rows: changing, inserting or deleting a row breaks the
chain. If a copy of the newest hash is kept elsewhere, a rewrite of the whole
log can be detected too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Read, Write, audit
from entrepot.catalog.accounts import accounts
from entrepot.catalog.audit import AuditFilter as AuditFilter
from entrepot.catalog.audit import AuditRow as AuditRow
from entrepot.errors import NotAllowed
from entrepot.hub.callers import MaybeCaller, require_login
from entrepot.hub.context import HubContext
from entrepot.names import RepoType, Uid

START = "00" * 32
"""Stands for the hash of the row before the first one."""

CONSOLE = "(console)"
"""The actor of commands that run on the server's machine."""

_BATCH = 1000
_IN_NAMESPACES = frozenset({*(kind.value for kind in RepoType), "collection", "organisation", "user", "namespace"})

Detail = str | int | bool | None
"""Type of a value in the details of a row."""


@attrs.frozen
class ChainCheck:
    """The result of checking the chain.

    ``broken_at``: id of the first row that does not fit, or None; ``head``:
    the chain value to keep elsewhere; ``is_intact``: no row was changed, and
    none is missing at the end; ``knows_kept``: the chain contains the value that
    was kept elsewhere.
    """

    rows: int
    broken_at: int | None
    head: str
    is_intact: bool
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
        caller: the actor; a text for actors without an account (:data:`CONSOLE`).
        action: ``noun.verb``, such as ``repo.delete``, at most 40 characters.
        subject: the changed thing, such as ``model alice/gpt``.
        details: further facts; never a secret.
    """
    actor, token = _actor(caller)
    before = audit.head(tx)
    text = json.dumps(dict(details or {}), sort_keys=True, separators=(",", ":"))
    row = AuditRow(0, hub.now_ms(), actor, token, action, subject, text, "", _namespace(tx, subject))
    audit.append(tx, attrs.evolve(row, chain=link(before or START, row)), is_first=before is None)


def verify(hub: HubContext, kept: str | None = None) -> ChainCheck:
    """Check the whole chain, a thousand rows at a time, in one snapshot.

    Args:
        kept: an earlier ``head``; a log that was rewritten does not contain it.
    """
    count, last, chain = 0, 0, START
    is_known = kept in (None, START)
    with hub.read() as tx:
        head = audit.head(tx) or START
        while rows := audit.after(tx, last, _BATCH):
            for row in rows:
                chain = link(chain, row)
                if chain != row.chain:
                    return ChainCheck(count, row.id, head, is_intact=False, knows_kept=is_known)
                is_known = is_known or chain == kept
                count, last = count + 1, row.id
    return ChainCheck(count, None, head, is_intact=chain == head, knows_kept=is_known)


def list_rows(
    hub: HubContext, caller: MaybeCaller, wanted: AuditFilter, *, before: int | None = None, limit: int = 100
) -> Sequence[AuditRow]:
    """Search as :func:`search` does, for administrators of the hub.

    Raises:
        LoginRequired, NotAllowed: the caller is not one, or uses a fine-grained token.
    """
    if not require_login(caller).sees_all:
        raise NotAllowed("The audit log is for administrators of the hub")
    return search(hub, wanted, before=before, limit=limit)


def search(hub: HubContext, wanted: AuditFilter, *, before: int | None = None, limit: int = 100) -> Sequence[AuditRow]:
    """Return matching rows, newest first; ``before`` is the last id of the previous page."""
    with hub.read() as tx:
        return audit.search(tx, wanted, before=before, limit=limit)


def link(before: str, row: AuditRow) -> str:
    """Return the chain value of a row: SHA-256 over the previous chain value and the values of the row."""
    values = [row.at_ms, row.actor, row.token, row.action, row.subject, row.details, row.namespace]
    text = json.dumps([before, *values], separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _namespace(tx: Read, subject: str) -> Uid | None:
    """Return the permanent id of the account that a subject belongs to now: of a folder, its owner."""
    kind, _, name = subject.partition(" ")
    if kind not in _IN_NAMESPACES:
        return None
    owner = name.removeprefix("folder ").partition("/")[0].partition(".")[0]
    found = accounts.find(tx, owner)
    return None if found is None else found.uid


def _actor(caller: MaybeCaller | str) -> tuple[str, str | None]:
    if caller is None:
        return "(anonymous)", None
    if isinstance(caller, str):
        return caller, None
    return caller.account.name, caller.token.uid
