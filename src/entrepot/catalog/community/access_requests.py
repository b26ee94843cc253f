"""Queries on requests for access to gated repositories: at most one for each repository and user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import slices
from entrepot.names import Uid

PENDING, ACCEPTED, REJECTED = "pending", "accepted", "rejected"


@attrs.frozen
class AccessRequest:
    """An access request and the decision about it.

    ``fields``: the answers to the repository's form; None if access was granted
    without a request. ``reason``: why the request was rejected.
    """

    id: int
    uid: Uid
    repo_id: int
    user_id: int
    status: str
    fields: Mapping[str, Any] | None
    reason: str | None
    requested_ms: int
    handled_ms: int | None = None
    handler_id: int | None = None


_A = community_tables.access_requests
_COLUMNS = [_A.c[field.name] for field in attrs.fields(AccessRequest)]
# Built once: this statement runs before every read of a gated repository.
_STATUS = sa.select(_A.c.status).where((_A.c.repo_id == sa.bindparam("repo")) & (_A.c.user_id == sa.bindparam("asker")))
_FIND = sa.select(*_COLUMNS).where((_A.c.repo_id == sa.bindparam("repo")) & (_A.c.user_id == sa.bindparam("asker")))


def status_of(tx: Read, repo_id: int, user_id: int) -> str | None:
    """Return the status of a user's request, or None if there is no request."""
    return tx.sql.execute(_STATUS, {"repo": repo_id, "asker": user_id}).scalar()


def find(tx: Read, repo_id: int, user_id: int) -> AccessRequest | None:
    """Return a user's request, or None."""
    row = tx.sql.execute(_FIND, {"repo": repo_id, "asker": user_id}).first()
    return AccessRequest(*row) if row else None


def by_uid(tx: Read, repo_id: int, uid: str) -> AccessRequest | None:
    """Return the request with this id if it is for this repository, else None."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where((_A.c.repo_id == repo_id) & (_A.c.uid == uid))).first()
    return AccessRequest(*row) if row else None


def page(
    tx: Read, repo_id: int, status: str, *, after: tuple[float, int] | None, limit: int
) -> list[tuple[AccessRequest, Account]]:
    """Return the requests with a status, and their users, newest first.

    Args:
        after: (time, row id) of the last request of the previous page.
    """
    query = (
        sa.select(*_COLUMNS)
        .where((_A.c.repo_id == repo_id) & (_A.c.status == status))
        .order_by(_A.c.requested_ms.desc(), _A.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(_A.c.requested_ms, _A.c.id) < sa.tuple_(*(sa.literal(it) for it in after)))
    return _with_people(tx, [AccessRequest(*row) for row in tx.sql.execute(query)])


def everything(tx: Read, repo_id: int) -> list[tuple[AccessRequest, Account]]:
    """Return all requests for a repository, and their users, oldest first."""
    query = sa.select(*_COLUMNS).where(_A.c.repo_id == repo_id).order_by(_A.c.requested_ms, _A.c.id)
    return _with_people(tx, [AccessRequest(*row) for row in tx.sql.execute(query)])


def add(tx: Write, request: AccessRequest) -> AccessRequest:
    """Insert a request (its ``id`` is ignored) and return it with its id.

    The caller must have checked within the same transaction that the user has no request.
    """
    key = tx.sql.execute(
        sa.insert(_A).values(attrs.asdict(request, filter=attrs.filters.exclude("id")))
    ).inserted_primary_key
    assert key is not None
    return attrs.evolve(request, id=key[0])


def decide(tx: Write, decided: AccessRequest) -> None:
    """Store the decision about a request: its status, the reason, who decided, and when."""
    tx.sql.execute(
        sa.update(_A)
        .where(_A.c.id == decided.id)
        .values(
            status=decided.status,
            reason=decided.reason,
            handled_ms=decided.handled_ms,
            handler_id=decided.handler_id,
        )
    )


def remove(tx: Write, request_id: int) -> None:
    """Delete a request."""
    tx.sql.execute(sa.delete(_A).where(_A.c.id == request_id))


def _with_people(tx: Read, found: Sequence[AccessRequest]) -> list[tuple[AccessRequest, Account]]:
    people: dict[int, Account] = {}
    ids = sorted({request.user_id for request in found})
    for batch in slices(ids, _BATCH):
        people |= accounts.by_ids(tx, batch)
    return [(request, people[request.user_id]) for request in found]


_BATCH = 1000
