"""Queries on namespaces (users, organisations, folders) and memberships."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import cascades, tables
from entrepot.catalog.accounts import oauth_grants
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded
from entrepot.catalog.prepared import Prepared
from entrepot.catalog.repos import name_parts, repositories
from entrepot.errors import AlreadyExists
from entrepot.names import Uid, new_uid


@attrs.frozen
class Account:
    """A user, an organisation, or (kind ``folder``) the namespace of folders, which belongs to one of those."""

    id: int
    uid: Uid
    name: str
    kind: str
    fullname: str
    email: str | None
    password_hash: str | None
    is_admin: bool
    default_visibility: str | None
    created_ms: int
    # The profile text.
    details: str | None = None
    # When the account was suspended; None: it is not.
    suspended_ms: int | None = None
    # Folders only: the account that owns them.
    parent_id: int | None = None

    @property
    def is_user(self) -> bool:
        """Whether the account is a user (a person or a machine), not an organisation."""
        return self.kind == "user"

    @property
    def is_suspended(self) -> bool:
        """Whether an administrator of the hub has suspended the account."""
        return self.suspended_ms is not None

    @property
    def is_org(self) -> bool:
        """Whether the account is an organisation."""
        return self.kind == "org"

    @property
    def owner_id(self) -> int:
        """Row id of the user or organisation that owns the namespace: its own, except for folders."""
        return self.id if self.parent_id is None else self.parent_id

    @property
    def owner(self) -> str:
        """The name of the user or organisation that owns the namespace: names of accounts have no dot."""
        return self.name if self.parent_id is None else self.name.partition(".")[0]


@attrs.frozen
class Membership:
    """A user's role in an organisation."""

    org: Account
    role: str


@attrs.frozen
class Member:
    """A user in an organisation."""

    user: Account
    role: str


_NS = tables.namespaces
ACCOUNT_NAMES = (
    *("id", "uid", "name", "kind", "fullname", "email", "password_hash", "is_admin"),
    *("default_visibility", "created_ms", "details", "suspended_ms", "parent_id"),
)
_ACCOUNT = [_NS.c[name] for name in ACCOUNT_NAMES]

# Statements are built once: building one costs more than running it on cached pages.
_BY_ID = Prepared(sa.select(*_ACCOUNT).where(_NS.c.id == sa.bindparam("namespace")))
_BY_NAME = Prepared(sa.select(*_ACCOUNT).where(_NS.c.name_key == sa.bindparam("owner")))
_ROLE = Prepared(
    sa.select(tables.memberships.c.role).where(
        (tables.memberships.c.org_id == sa.bindparam("org")) & (tables.memberships.c.user_id == sa.bindparam("member"))
    )
)
_MEMBERSHIPS = Prepared(
    sa.select(*_ACCOUNT, tables.memberships.c.role)
    .join(tables.memberships, tables.memberships.c.org_id == _NS.c.id)
    .where(tables.memberships.c.user_id == sa.bindparam("member"))
    .order_by(_NS.c.name_key)
)
_SEARCHED = ("user", "org")
_MAX_NAMED = 5_000
"""Accounts whose names may have a term, and which are therefore read one by one."""


def add(tx: Write, account: Account) -> Account:
    """Insert an account (its ``id`` is ignored) and return it with its id.

    Raises:
        AlreadyExists: the name is taken, in any case.
    """
    if find(tx, account.name) is not None:
        raise AlreadyExists(f"an account called {account.name!r} already exists")
    values = attrs.asdict(account, filter=attrs.filters.exclude("id")) | {"name_key": account.name.lower()}
    key = tx.sql.execute(sa.insert(_NS).values(values)).inserted_primary_key
    assert key is not None
    if account.kind in _SEARCHED:
        name_parts.put_accounts(tx, {key[0]: account.name})
    return attrs.evolve(account, id=key[0])


def find(tx: Read, name: str) -> Account | None:
    """Return the account with this name, ignoring case, or None."""
    row = _BY_NAME.first(tx, {"owner": name.lower()})
    return Account(*row) if row else None


def find_by_id(tx: Read, account_id: int) -> Account | None:
    """Return the account with this row id, or None."""
    row = _BY_ID.first(tx, {"namespace": account_id})
    return Account(*row) if row else None


def by_ids(tx: Read, ids: Sequence[int]) -> dict[int, Account]:
    """Return the accounts with these row ids."""
    rows = tx.sql.execute(sa.select(*_ACCOUNT).where(_NS.c.id.in_(bounded(ids))))
    return {row[0]: Account(*row) for row in rows}


def by_uids(tx: Read, uids: Sequence[str]) -> list[Account]:
    """Return the accounts with these permanent ids, in no particular order."""
    return [Account(*row) for row in tx.sql.execute(sa.select(*_ACCOUNT).where(_NS.c.uid.in_(bounded(uids))))]


def page_of_kind(tx: Read, kind: str, *, after: str = "", limit: int) -> list[Account]:
    """Return accounts of a kind, by name; ``after`` is the last name of the previous page."""
    return named_like(tx, kind, (), limit, after=after)


def count_kind(tx: Read, kind: str) -> int:
    """Return the number of accounts of a kind."""
    return int(tx.sql.execute(sa.select(sa.func.count()).select_from(_NS).where(_NS.c.kind == kind)).scalar_one())


def named_like(tx: Read, kind: str, terms: Sequence[str], limit: int, *, after: str = "") -> list[Account]:
    """Return the accounts of a kind whose names contain every one of the terms, by name.

    Args:
        after: the last name of the previous page.
    """
    return named_like_each(tx, [kind], terms, limit, after=after)[kind]


def named_like_each(
    tx: Read, kinds: Sequence[str], terms: Sequence[str], limit: int, *, after: str = ""
) -> dict[str, list[Account]]:
    """Return what :func:`named_like` returns for each of several kinds; the index of names is asked once."""
    words = [term.lower() for term in terms]
    few = name_parts.find_accounts(tx, words, most=_MAX_NAMED)
    return {kind: _named_like(tx, kind, words, few, limit, after) for kind in kinds}


def _named_like(
    tx: Read, kind: str, words: Sequence[str], few: sa.ColumnElement[bool] | None, limit: int, after: str
) -> list[Account]:
    # Of terms that many names have, the index of names is scanned until there are enough; only matching rows are read
    # from the table. Of others, functions keep SQLite from scanning that index.
    name, its_kind = (_NS.c.name_key, _NS.c.kind) if few is None else map(sa.func.lower, (_NS.c.name_key, _NS.c.kind))
    here = (its_kind == kind) & (name > after.lower()) & (sa.true() if few is None else few)
    found = sa.select(_NS.c.id).where(here).order_by(name).limit(limit)
    for word in words:
        found = found.where(_NS.c.name_key.contains(word, autoescape=True))
    query = sa.select(*_ACCOUNT).where(_NS.c.id.in_(found)).order_by(_NS.c.name_key)
    return [Account(*row) for row in tx.sql.execute(query)]


def count(tx: Read) -> int:
    """Return the number of accounts of any kind."""
    return tx.sql.execute(sa.select(sa.func.count()).select_from(_NS)).scalar_one()


def update(tx: Write, account_id: int, **values: object) -> None:
    """Set columns of an account."""
    tx.sql.execute(sa.update(_NS).where(_NS.c.id == account_id).values(**values))


def remove(tx: Write, account_id: int) -> None:
    """Delete an account that owns no repositories, with its tokens, memberships, folders and locks on files.

    Repositories it has deleted, but which the sweeper has not erased yet, go with it.
    """
    cascades.erase_around_account(tx, account_id)
    cascades.forget_activity(tx, account_id)
    members = tables.memberships
    folders = sa.select(_NS.c.id).where(_NS.c.parent_id == account_id)
    inside = (tables.repos.c.namespace_id == account_id) | tables.repos.c.namespace_id.in_(folders)
    owned = inside & tables.repos.c.deleted_ms.is_not(None)
    for repo_id in tx.sql.execute(sa.select(tables.repos.c.id).where(owned)).scalars().all():
        repositories.erase(tx, repo_id)
    oauth_grants.remove_of(tx, account_id)
    sign_in = ("tokens", "sign_in_codes", "sessions", "trusted_publishers", "sso_identities")
    for name in (*sign_in, "second_factors", "recovery_codes", "passkeys"):
        own = tables.metadata.tables[name]
        tx.sql.execute(sa.delete(own).where(own.c.user_id == account_id))
    tx.sql.execute(sa.delete(tables.lfs_locks).where(tables.lfs_locks.c.owner_id == account_id))
    tx.sql.execute(sa.delete(tables.push_reservations).where(tables.push_reservations.c.account_id == account_id))
    tx.sql.execute(sa.delete(members).where((members.c.user_id == account_id) | (members.c.org_id == account_id)))
    tx.sql.execute(sa.delete(_NS).where(_NS.c.parent_id == account_id))
    for name in tx.sql.execute(sa.select(_NS.c.name).where(_NS.c.id == account_id)).scalars().all():
        name_parts.remove_account(tx, account_id, name)
    tx.sql.execute(sa.delete(_NS).where(_NS.c.id == account_id))


def join_org(tx: Write, org_id: int, user_id: int, role: str) -> None:
    """Give a user a role in an organisation, replacing an earlier one."""
    members = tables.memberships
    tx.sql.execute(sa.delete(members).where((members.c.org_id == org_id) & (members.c.user_id == user_id)))
    tx.sql.execute(sa.insert(members).values(org_id=org_id, user_id=user_id, role=role))


def leave_org(tx: Write, org_id: int, user_id: int) -> None:
    """Remove a user from an organisation."""
    members = tables.memberships
    tx.sql.execute(sa.delete(members).where((members.c.org_id == org_id) & (members.c.user_id == user_id)))


def orgs_of(tx: Read, user_id: int, *, after: str = "", limit: int) -> list[Account]:
    """Return the organisations a user belongs to, by name; ``after`` is the last name of the previous page."""
    joined = tables.memberships
    query = (
        sa.select(*_ACCOUNT)
        .join(joined, joined.c.org_id == _NS.c.id)
        .where((joined.c.user_id == user_id) & (_NS.c.name_key > after.lower()))
        .order_by(_NS.c.name_key)
        .limit(limit)
    )
    return [Account(*row) for row in tx.sql.execute(query)]


def memberships(tx: Read, user_id: int) -> list[Membership]:
    """Return the organisations a user belongs to, by name."""
    return [Membership(Account(*row[:-1]), row[-1]) for row in _MEMBERSHIPS.all(tx, {"member": user_id})]


def role_of(tx: Read, org_id: int, user_id: int) -> str | None:
    """Return a user's role in an organisation, or None if they are not a member."""
    found: str | None = _ROLE.scalar(tx, {"org": org_id, "member": user_id})
    return found


def members(tx: Read, org_id: int, *, after: str = "", limit: int) -> list[Member]:
    """Return the users of an organisation, by name; ``after`` is the last name of the previous page."""
    joined = tables.memberships
    query = (
        sa.select(*_ACCOUNT, joined.c.role)
        .join(joined, joined.c.user_id == _NS.c.id)
        .where((joined.c.org_id == org_id) & (_NS.c.name_key > after.lower()))
        .order_by(_NS.c.name_key)
        .limit(limit)
    )
    return [Member(Account(*row[:-1]), row[-1]) for row in tx.sql.execute(query)]


def members_with(tx: Read, org_id: int, roles: Sequence[str], *, limit: int) -> list[int]:
    """Return the row ids of members of an organisation who have one of some roles, in ascending order."""
    joined = tables.memberships
    query = sa.select(joined.c.user_id).where((joined.c.org_id == org_id) & joined.c.role.in_(bounded(roles)))
    return [row[0] for row in tx.sql.execute(query.order_by(joined.c.user_id).limit(limit))]


def count_members(tx: Read, org_id: int) -> int:
    """Return the number of members of an organisation."""
    joined = tables.memberships
    return tx.sql.execute(sa.select(sa.func.count()).where(joined.c.org_id == org_id)).scalar_one()


def hub_admins(tx: Read) -> int:
    """Return the number of hub administrators who can sign in, that is, who are not suspended."""
    active = _NS.c.is_admin & (_NS.c.kind == "user") & _NS.c.suspended_ms.is_(None)
    return tx.sql.execute(sa.select(sa.func.count()).select_from(_NS).where(active)).scalar_one()


def sole_admin_of(tx: Read, user_id: int) -> list[str]:
    """Return the names of the organisations whose only administrator is this user."""
    mine, others = tables.memberships.alias(), tables.memberships.alias()
    other_admin = sa.exists().where(
        (others.c.org_id == mine.c.org_id) & (others.c.role == "admin") & (others.c.user_id != user_id)
    )
    query = (
        sa.select(_NS.c.name)
        .join(mine, mine.c.org_id == _NS.c.id)
        .where((mine.c.user_id == user_id) & (mine.c.role == "admin") & ~other_admin)
    )
    return list(tx.sql.execute(query).scalars())


def fresh(name: str, kind: str, now_ms: int, *, fullname: str | None = None, email: str | None = None) -> Account:
    """Return a new account value, ready for :func:`add`."""
    return Account(0, new_uid(), name, kind, fullname or name, email, None, False, None, now_ms)
