"""Queries on the reservations of pushers: while one lasts, other writers of the repository wait."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import dialects, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.prepared import Prepared

_T = tables.push_reservations
_ENDS = Prepared(sa.select(sa.func.max(_T.c.until_ms).label("until_ms")).where(_T.c.repo_id == sa.bindparam("repo")))
_ENDS_OF_OTHERS = Prepared(
    sa.select(sa.func.max(_T.c.until_ms)).where(
        (_T.c.repo_id == sa.bindparam("repo")) & (_T.c.account_id != sa.bindparam("account"))
    )
)
_FIND = sa.select(_T.c.tried_ms, _T.c.began_ms, _T.c.until_ms).where(
    (_T.c.repo_id == sa.bindparam("repo")) & (_T.c.account_id == sa.bindparam("account"))
)


@attrs.frozen
class PushReservation:
    """When an account last tried to push without success; when its reservation began and ends, or has ended.

    0: it has not tried since its last push, has no reservation that began, or has had none.
    """

    tried_ms: int
    began_ms: int = 0
    until_ms: int = 0


def find(tx: Read, repo_id: int, account_id: int) -> PushReservation | None:
    """Return the reservation of an account, or None if it has not tried to push."""
    row = tx.sql.execute(_FIND, {"repo": repo_id, "account": account_id}).first()
    return PushReservation(*row) if row else None


def end_of(tx: Read, repo_id: int) -> int:
    """Return when the last reservation in a repository ends, in ms; 0 if there is none."""
    return int(_ENDS.scalar(tx, {"repo": repo_id}) or 0)


def ask_ahead(tx: Read, repo_id: int) -> None:
    """Announce that :func:`end_of` will be called."""
    _ENDS.ask_ahead(tx, {"repo": repo_id})


def end_of_others(tx: Read, repo_id: int, account_id: int) -> int:
    """Return when the last reservation in a repository of another account ends or has ended, in ms; 0: never."""
    return int(_ENDS_OF_OTHERS.scalar(tx, {"repo": repo_id, "account": account_id}) or 0)


def put(tx: Write, repo_id: int, account_id: int, reservation: PushReservation) -> None:
    """Set the reservation of an account."""
    insert = dialects.of(tx.sql).insert(_T).values(repo_id=repo_id, account_id=account_id, **attrs.asdict(reservation))
    refreshed = {column: insert.excluded[column] for column in ("tried_ms", "began_ms", "until_ms")}
    tx.sql.execute(insert.on_conflict_do_update(index_elements=["repo_id", "account_id"], set_=refreshed))


def forget(tx: Write, repo_id: int, before_ms: int) -> None:
    """Delete the reservations in a repository that ended before a time, of accounts that have not tried since."""
    is_old = (_T.c.tried_ms < before_ms) & (_T.c.until_ms < before_ms)
    tx.sql.execute(sa.delete(_T).where((_T.c.repo_id == repo_id) & is_old))
