"""Queries on access tokens, and on the users to whom they belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.accounts.accounts import ACCOUNT_NAMES, Account, Membership
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded
from entrepot.catalog.prepared import Prepared
from entrepot.errors import AlreadyExists
from entrepot.names import Uid


@attrs.frozen
class Token:
    """An access token without its secret; the database stores only a hash of that."""

    uid: Uid
    user_id: int
    name: str
    role: str
    created_ms: int
    expires_ms: int | None
    # Fine-grained tokens only: rights and where they apply, in the format of entrepot.hub.scopes.
    scopes: Mapping[str, Any] | None = None
    # Accurate to an hour: after the first use, not every one is recorded.
    used_ms: int | None = None
    # Distinguishes a secret from the one that replaced it; empty for callers on the machine itself.
    secret_hash: str = attrs.field(default="", eq=False, repr=False)
    # The grant that it belongs to: a program was signed in, and renews it; None for other tokens.
    grant_uid: str | None = None


@attrs.frozen
class OwnedToken:
    """A token, expired or not, with its user and the user's memberships, in the order of the organisations' names."""

    token: Token
    account: Account
    memberships: Sequence[Membership]


_NS = tables.namespaces
_ORG = _NS.alias("org")
_ACCOUNT = [_NS.c[name] for name in ACCOUNT_NAMES]
_TK = tables.tokens
_TOKEN = [
    _TK.c[name]
    for name in (
        *("uid", "user_id", "name", "role", "created_ms", "expires_ms"),
        *("scopes", "used_ms", "secret_hash", "grant_uid"),
    )
]


def _select_owned() -> sa.Select[Any]:
    """Return a query for a token and its user, with one row for each organisation of the user, or one row without any.

    Long columns of token and user are in the first row only, because a user may be in many organisations.
    """
    mine = tables.memberships
    is_first = sa.func.row_number().over(order_by=_ORG.c.name_key) == 1
    once = [
        sa.case((is_first, column)).label(column.name) if column.name in ("scopes", "details") else column
        for column in (*_TOKEN, *_ACCOUNT)
    ]
    return (
        sa.select(*once, mine.c.role, *(_ORG.c[name] for name in ACCOUNT_NAMES))
        .select_from(_TK)
        .join(_NS, _NS.c.id == _TK.c.user_id)
        .outerjoin(mine, mine.c.user_id == _NS.c.id)
        .outerjoin(_ORG, _ORG.c.id == mine.c.org_id)
        .order_by(_ORG.c.name_key)
    )


_TOKEN_BY_HASH = Prepared(_select_owned().where(_TK.c.secret_hash == sa.bindparam("secret_hash")))
_TOKEN_BY_UID = Prepared(_select_owned().where(_TK.c.uid == sa.bindparam("uid")))


def add(tx: Write, token: Token, secret_hash: str) -> None:
    """Store a token under the hash of its secret.

    Raises:
        AlreadyExists: the same secret is already stored.
    """
    taken = tx.sql.execute(sa.select(_TK.c.id).where(_TK.c.secret_hash == secret_hash)).first()
    if taken:
        raise AlreadyExists("this token secret is already in use")
    tx.sql.execute(sa.insert(_TK).values(**attrs.asdict(token) | {"secret_hash": secret_hash}))


def find(tx: Read, secret_hash: str) -> OwnedToken | None:
    """Return the token whose secret has this hash, with its user; None if no token has it."""
    return _owned(_TOKEN_BY_HASH.all(tx, {"secret_hash": secret_hash}))


def find_sent(tx: Read, secret_hash: str) -> OwnedToken | None:
    """Return the token that came with a request, as :func:`find`; it may be older than what ``tx`` reads later.

    It is the first thing that a request reads, and often the only one.
    """
    return _owned(_TOKEN_BY_HASH.all_before(tx, {"secret_hash": secret_hash}))


def find_by_uid(tx: Read, uid: str) -> OwnedToken | None:
    """Return the token with this permanent id, with its user; None if no token has it."""
    return _owned(_TOKEN_BY_UID.all(tx, {"uid": uid}))


def ask_ahead_by_uid(tx: Read, uid: str) -> None:
    """Announce that :func:`find_by_uid` will look for this token."""
    _TOKEN_BY_UID.ask_ahead(tx, {"uid": uid})


def _owned(rows: Sequence[Any]) -> OwnedToken | None:
    if not rows:
        return None
    user, role = len(_TOKEN), len(_TOKEN) + len(_ACCOUNT)
    memberships = [Membership(Account(*row[role + 1 :]), row[role]) for row in rows if row[role] is not None]
    return OwnedToken(Token(*rows[0][:user]), Account(*rows[0][user:role]), memberships)


def of_user(tx: Read, user_id: int) -> list[Token]:
    """Return a user's tokens, oldest first."""
    return of_users(tx, [user_id])[user_id]


def of_users(tx: Read, user_ids: Sequence[int]) -> Mapping[int, list[Token]]:
    """Return the tokens of each given user, oldest first; an empty list for a user without tokens."""
    found: dict[int, list[Token]] = {user_id: [] for user_id in user_ids}
    query = sa.select(*_TOKEN).where(_TK.c.user_id.in_(bounded(user_ids))).order_by(_TK.c.id)
    for row in tx.sql.execute(query):
        found[row.user_id].append(Token(*row))
    return found


def update(tx: Write, uid: str, **values: object) -> None:
    """Set columns of a token; ``secret_hash`` replaces its secret.

    Raises:
        AlreadyExists: another token has this secret.
    """
    others = (_TK.c.secret_hash == values.get("secret_hash")) & (_TK.c.uid != uid)
    if "secret_hash" in values and tx.sql.execute(sa.select(_TK.c.id).where(others)).first():
        raise AlreadyExists("this token secret is already in use")
    tx.sql.execute(sa.update(_TK).where(_TK.c.uid == uid).values(**values))


def note_use(tx: Write, uid: str, now_ms: int, *, every_ms: int) -> None:
    """Record that a token is in use, unless a use was recorded less than ``every_ms`` ago."""
    is_due = _TK.c.used_ms.is_(None) | (_TK.c.used_ms <= now_ms - every_ms)
    tx.sql.execute(sa.update(_TK).where((_TK.c.uid == uid) & is_due).values(used_ms=now_ms))


def remove(tx: Write, uid: str) -> bool:
    """Delete a token; return False if it does not exist."""
    return bool(tx.sql.execute(sa.delete(_TK).where(_TK.c.uid == uid)).rowcount)


def remove_uploading(tx: Write, user_id: int) -> None:
    """Delete the tokens with which pages upload: they end when a session of their user is ended."""
    for token in of_user(tx, user_id):
        if token.scopes is not None and token.scopes.get("resumable"):
            remove(tx, token.uid)
