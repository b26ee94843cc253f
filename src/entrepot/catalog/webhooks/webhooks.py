"""Queries on webhooks and on the subjects they watch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import slices
from entrepot.catalog.prepared import Prepared
from entrepot.names import RepoRef, RepoType, Uid

_W = community_tables.webhooks
_V = community_tables.webhook_watches
_D = community_tables.deliveries
_N = tables.namespaces
_R = tables.redirects
_M = tables.memberships
_O = sa.alias(_N, "owner")


@attrs.frozen
class WatchedSubject:
    """A subject of a webhook: ``kind`` is user, org, model, dataset or space; ``name`` need not exist."""

    kind: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """The kind and the case-folded name; a webhook watches each only once."""
        return self.kind, self.name.lower()


@attrs.frozen
class WebhookRow:
    """One webhook with its watched subjects."""

    id: int
    uid: Uid
    owner_id: int
    url: str
    secret: str | None = attrs.field(repr=False)
    domains: tuple[str, ...]
    is_disabled: bool
    created_ms: int
    watched: tuple[WatchedSubject, ...] = ()


@attrs.frozen
class Listener:
    """A webhook that may receive an event; ``is_insider``: its owner is a member, or has a grant."""

    webhook_id: int
    domains: tuple[str, ...]
    is_insider: bool
    owner_id: int = 0


_COLUMNS = [_W.c[name] for name in ("id", "uid", "owner_id", "url", "secret", "domains", "is_disabled", "created_ms")]
_NAMESPACE = sa.bindparam("namespace", type_=sa.BigInteger)
_TYPE = sa.bindparam("type", type_=sa.String)
_F, _G, _P = tables.folders, tables.folder_grants, tables.folder_redirects
# The namespace, and the owner of the folder if it is one.
_OWNERS = sa.select(_NAMESPACE).union_all(
    sa.select(_N.c.parent_id).where((_N.c.id == _NAMESPACE) & _N.c.parent_id.is_not(None))
)
_IS_MEMBER = sa.exists().where(_M.c.org_id.in_(_OWNERS) & (_M.c.user_id == _O.c.id))
# Correlated in so many words: nested twice, it would otherwise look at all accounts, not at the owner to judge.
_IS_GRANTED_ORG = sa.exists().where((_M.c.org_id == _G.c.subject_id) & (_M.c.user_id == _O.c.id)).correlate(_G, _O)
_IS_GRANTED = sa.exists().where(
    (_F.c.namespace_id == _NAMESPACE)
    & (_F.c.type == _TYPE)
    & (_G.c.folder_id == _F.c.id)
    & ((_G.c.subject_id == _O.c.id) | _IS_GRANTED_ORG)
)
_IS_INSIDER = _O.c.id.in_(_OWNERS) | _O.c.is_admin | _IS_MEMBER | _IS_GRANTED
# What leads to a repository: its own name, those it had before (unless another has them now), and its owner's.
_NAMES = sa.union_all(
    sa.select(_TYPE.label("kind"), sa.bindparam("key", type_=sa.String).label("key")),
    sa.select(_R.c.type, _R.c.path_key).where(_R.c.repo_id == sa.bindparam("repo", type_=sa.BigInteger)),
    sa.select(_P.c.type, _P.c.name_key + "/" + sa.bindparam("name", type_=sa.String))
    .join(_F, _F.c.id == _P.c.folder_id)
    .where((_F.c.namespace_id == _NAMESPACE) & (_F.c.type == _TYPE)),
    sa.select(_N.c.kind, _N.c.name_key).where(_N.c.id.in_(_OWNERS)),
).subquery()
_WATCHING = sa.select(_V.c.webhook_id).join(_NAMES, (_V.c.kind == _NAMES.c.kind) & (_V.c.name_key == _NAMES.c.key))
# Built once: this statement runs at every commit.
_LISTENERS = Prepared(
    sa.select(_W.c.id, _W.c.domains, _IS_INSIDER, _W.c.owner_id)
    .join(_O, _O.c.id == _W.c.owner_id)
    .where(_W.c.id.in_(_WATCHING) & _W.c.is_disabled.is_(False) & _O.c.suspended_ms.is_(None))
    .order_by(_W.c.id)
)
_INSIDER = sa.select(_IS_INSIDER).where((_O.c.id == sa.bindparam("user")) & _O.c.suspended_ms.is_(None))


def add(tx: Write, row: WebhookRow) -> WebhookRow:
    """Insert a webhook (its ``id`` is ignored) with its watches, and return it with its id."""
    values = attrs.asdict(row, filter=attrs.filters.exclude("id", "watched")) | {"domains": list(row.domains)}
    key = tx.sql.execute(sa.insert(_W).values(**values)).inserted_primary_key
    assert key is not None
    _put_watches(tx, key[0], row.watched)
    return attrs.evolve(row, id=key[0])


def of_owner(tx: Read, owner_id: int) -> Sequence[WebhookRow]:
    """Return the webhooks of a user, oldest first."""
    return _read(tx, sa.select(*_COLUMNS).where(_W.c.owner_id == owner_id).order_by(_W.c.id))


def find(tx: Read, uid: str) -> WebhookRow | None:
    """Return the webhook with this public id, or None."""
    found = _read(tx, sa.select(*_COLUMNS).where(_W.c.uid == uid))
    return found[0] if found else None


def by_id(tx: Read, webhook_id: int) -> WebhookRow | None:
    """Return the webhook with this row id, or None."""
    found = _read(tx, sa.select(*_COLUMNS).where(_W.c.id == webhook_id))
    return found[0] if found else None


def replace(tx: Write, row: WebhookRow) -> None:
    """Replace a webhook and its watches, and clear its failures."""
    tx.sql.execute(
        sa.update(_W)
        .where(_W.c.id == row.id)
        .values(url=row.url, secret=row.secret, domains=list(row.domains), is_disabled=row.is_disabled)
    )
    _end_pause(tx, row.id)
    tx.sql.execute(sa.delete(_V).where(_V.c.webhook_id == row.id))
    _put_watches(tx, row.id, row.watched)


def remove(tx: Write, webhook_id: int) -> None:
    """Delete a webhook with its watches and deliveries."""
    for table in (_V, _D):
        tx.sql.execute(sa.delete(table).where(table.c.webhook_id == webhook_id))
    _end_pause(tx, webhook_id)
    tx.sql.execute(sa.delete(_W).where(_W.c.id == webhook_id))


def listening(tx: Read, repo_id: int, namespace_id: int, ref: RepoRef) -> Sequence[Listener]:
    """Return the enabled webhooks that watch a repository, by its name or a former one, or its owner."""
    found = _LISTENERS.all(tx, _values_of(repo_id, namespace_id, ref))
    return [Listener(row[0], tuple(row[1]), bool(row[2]), row[3]) for row in found]


def ask_ahead_listening(tx: Read, repo_id: int, namespace_id: int, ref: RepoRef) -> None:
    """Announce that :func:`listening` will be called."""
    _LISTENERS.ask_ahead(tx, _values_of(repo_id, namespace_id, ref))


def _values_of(repo_id: int, namespace_id: int, ref: RepoRef) -> dict[str, object]:
    names = {"type": ref.type.value, "key": ref.id.key, "name": ref.id.name.lower()}
    return {"repo": repo_id, "namespace": namespace_id, **names}


def is_any_enabled(tx: Read) -> bool:
    """Return whether an enabled webhook exists."""
    return tx.sql.execute(sa.select(_W.c.id).where(_W.c.is_disabled.is_(False)).limit(1)).first() is not None


def is_insider(tx: Read, user_id: int, namespace_id: int, kind: RepoType) -> bool:
    """Return whether a user who is not suspended sees the private repositories of a type in a namespace."""
    names = {"user": user_id, "namespace": namespace_id, "type": kind.value}
    return bool(tx.sql.execute(_INSIDER, names).scalar())


def _end_pause(tx: Write, webhook_id: int) -> None:
    pauses = community_tables.delivery_pauses
    tx.sql.execute(sa.delete(pauses).where(pauses.c.key == f"webhook:{webhook_id}"))


def _put_watches(tx: Write, webhook_id: int, watched: Sequence[WatchedSubject]) -> None:
    rows = [{"webhook_id": webhook_id, "kind": it.kind, "name": it.name, "name_key": it.name.lower()} for it in watched]
    if rows:
        tx.sql.execute(sa.insert(_V), rows)


def _read(tx: Read, query: sa.Select[Any]) -> list[WebhookRow]:
    rows = [
        WebhookRow(
            row.id, row.uid, row.owner_id, row.url, row.secret, tuple(row.domains), row.is_disabled, row.created_ms
        )
        for row in tx.sql.execute(query)
    ]
    watched = _watches(tx, [row.id for row in rows])
    return [attrs.evolve(row, watched=tuple(watched.get(row.id, ()))) for row in rows]


def _watches(tx: Read, webhook_ids: Sequence[int]) -> dict[int, list[WatchedSubject]]:
    query = sa.select(_V.c.webhook_id, _V.c.kind, _V.c.name).order_by(_V.c.id)
    found: dict[int, list[WatchedSubject]] = {}
    for batch in slices(webhook_ids):
        for webhook_id, kind, name in tx.sql.execute(query.where(_V.c.webhook_id.in_(batch))):
            found.setdefault(webhook_id, []).append(WatchedSubject(kind, name))
    return found
