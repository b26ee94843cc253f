"""Queries on invitations into organisations: at most one for each organisation and user.

An invitation is open until it expires, as long as its inviter may still invite: an administrator of the organisation,
or of the hub, who is not suspended.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.names import Uid

_I, _N, _M = community_tables.invitations, tables.namespaces, tables.memberships


@attrs.frozen
class Invitation:
    """An organisation's offer of a role to a user; void from ``expires_ms`` on, or if the inviter may not invite."""

    id: int
    uid: Uid
    org_id: int
    user_id: int
    role: str
    inviter_id: int
    created_ms: int
    expires_ms: int


_COLUMNS = [_I.c[field.name] for field in attrs.fields(Invitation)]
# Correlated in so many words: nested twice, it would otherwise look at all invitations, not at the one to judge.
_IS_MANAGED = (
    sa.exists()
    .where((_M.c.org_id == _I.c.org_id) & (_M.c.user_id == _I.c.inviter_id) & (_M.c.role == "admin"))
    .correlate(_I)
)
_MAY_INVITE = sa.exists().where(
    (_N.c.id == _I.c.inviter_id) & _N.c.suspended_ms.is_(None) & (_N.c.is_admin.is_(True) | _IS_MANAGED)
)


def put(tx: Write, invitation: Invitation) -> Invitation:
    """Insert an invitation (its ``id`` is ignored), replacing an earlier one of the same user and organisation."""
    remove(tx, invitation.org_id, invitation.user_id)
    values = attrs.asdict(invitation, filter=attrs.filters.exclude("id"))
    key = tx.sql.execute(sa.insert(_I).values(values)).inserted_primary_key
    assert key is not None
    return attrs.evolve(invitation, id=key[0])


def by_uid(tx: Read, uid: str, now_ms: int) -> Invitation | None:
    """Return the invitation with this id, or None if it does not exist or is not open."""
    return _find(tx, (_I.c.uid == uid) & _is_open(now_ms))


def in_org(tx: Read, org_id: int, uid: str) -> Invitation | None:
    """Return the invitation of an organisation with this id, open or void, or None."""
    return _find(tx, (_I.c.uid == uid) & (_I.c.org_id == org_id))


def of_org(tx: Read, org_id: int, now_ms: int, *, after: int = 0, limit: int) -> Sequence[Invitation]:
    """Return a page of the open invitations of an organisation, oldest first; ``after`` is the last id before."""
    return _select(tx, (_I.c.org_id == org_id) & _is_open(now_ms), after, limit)


def of_user(tx: Read, user_id: int, now_ms: int, *, after: int = 0, limit: int) -> Sequence[Invitation]:
    """Return a page of a user's open invitations, as :func:`of_org`."""
    return _select(tx, (_I.c.user_id == user_id) & _is_open(now_ms), after, limit)


def count_of_org(tx: Read, org_id: int, now_ms: int) -> int:
    """Return the number of open invitations of an organisation."""
    query = sa.select(sa.func.count()).select_from(_I).where((_I.c.org_id == org_id) & _is_open(now_ms))
    return tx.sql.execute(query).scalar_one()


def remove(tx: Write, org_id: int, user_id: int) -> None:
    """Delete a user's invitation into an organisation, if it exists."""
    tx.sql.execute(sa.delete(_I).where((_I.c.org_id == org_id) & (_I.c.user_id == user_id)))


def forget_void(tx: Write, org_id: int, now_ms: int) -> None:
    """Delete the invitations of an organisation that are not open."""
    tx.sql.execute(sa.delete(_I).where((_I.c.org_id == org_id) & ~_is_open(now_ms)))


def _is_open(now_ms: int) -> sa.ColumnElement[bool]:
    return (_I.c.expires_ms > now_ms) & _MAY_INVITE


def _find(tx: Read, condition: sa.ColumnElement[bool]) -> Invitation | None:
    row = tx.sql.execute(sa.select(*_COLUMNS).where(condition)).first()
    return Invitation(*row) if row else None


def _select(tx: Read, condition: sa.ColumnElement[bool], after: int, limit: int) -> Sequence[Invitation]:
    query = sa.select(*_COLUMNS).where(condition & (_I.c.id > after)).order_by(_I.c.id).limit(limit)
    return [Invitation(*row) for row in tx.sql.execute(query)]
