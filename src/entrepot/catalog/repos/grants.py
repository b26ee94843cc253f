"""Queries on grants: who may view or edit a folder of another owner."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.repos.folders import EVERYONE
from entrepot.names import RepoType

VIEW, EDIT = "view", "edit"
ROLES = (VIEW, EDIT)

FolderPlace = tuple[int, RepoType]
"""The folder of a repository: the row id of its namespace, and its type."""

_G = tables.folder_grants
_F = tables.folders
_N = tables.namespaces
_A = sa.alias(_N, "granter")


@attrs.frozen
class GrantRow:
    """One grant; ``subject`` is the name of the account, None: everyone. ``kind`` is user, org or public."""

    subject_id: int
    kind: str
    subject: str | None
    role: str
    granter: str | None
    granted_ms: int


@attrs.frozen
class GrantedRoles:
    """The permissions of an account in one folder: granted to it, to its organisations, or to everyone."""

    named: str | None = None
    public: str | None = None

    @property
    def highest(self) -> str | None:
        """The higher of both."""
        return EDIT if EDIT in (self.named, self.public) else self.named or self.public


NO_ROLES = GrantedRoles()
"""No grant."""

_ROLES = sa.select(_F.c.namespace_id, _F.c.type, _G.c.subject_id, _G.c.role).join(_G, _G.c.folder_id == _F.c.id)
# Statements are built once: this one runs in requests for repositories in folders of others.
_ROLES_AT = _ROLES.where(
    (_F.c.namespace_id == sa.bindparam("place"))
    & (_F.c.type == sa.bindparam("kind"))
    & _G.c.subject_id.in_(sa.bindparam("subjects", expanding=True))
)
_LIST = (
    sa.select(_G.c.subject_id, _N.c.kind, _N.c.name, _G.c.role, _A.c.name, _G.c.granted_ms)
    .outerjoin(_N, _N.c.id == _G.c.subject_id)
    .outerjoin(_A, _A.c.id == _G.c.granter_id)
    .where(_G.c.folder_id == sa.bindparam("folder"))
)


def roles_at(tx: Read, place: FolderPlace, subjects: Iterable[int]) -> GrantedRoles:
    """Return the permissions that grants give an account in one folder; ``subjects``: it and its organisations."""
    wanted = {"place": place[0], "kind": place[1].value, "subjects": [EVERYONE, *subjects]}
    return _roles(tx.sql.execute(_ROLES_AT, wanted).all()).get(place, NO_ROLES)


def roles_in(tx: Read, namespaces: Collection[int], subjects: Collection[int]) -> dict[FolderPlace, GrantedRoles]:
    """Return the permissions that grants give an account in these namespaces, without folders that give none."""
    found: dict[FolderPlace, GrantedRoles] = {}
    wanted = sorted(namespaces)
    for batch in slices(wanted):
        query = _ROLES.where(_F.c.namespace_id.in_(batch))
        found |= _roles(tx.sql.execute(query.where(_G.c.subject_id.in_(bounded([EVERYONE, *subjects])))).all())
    return found


def places_of(tx: Read, subjects: Iterable[int]) -> frozenset[FolderPlace]:
    """Return the folders that are granted to one of these accounts by name."""
    query = sa.select(_F.c.namespace_id, _F.c.type).join(_G, _G.c.folder_id == _F.c.id)
    rows = tx.sql.execute(query.where(_G.c.subject_id.in_(bounded(sorted(subjects)))))
    return frozenset((namespace_id, RepoType(kind)) for namespace_id, kind in rows)


def list_of(tx: Read, folder_id: int, *, after: int = -1, limit: int) -> list[GrantRow]:
    """Return one page of the grants of a folder; ``after``: the last subject of the previous page."""
    query = _LIST.where(_G.c.subject_id > after).order_by(_G.c.subject_id).limit(limit)
    rows = tx.sql.execute(query, {"folder": folder_id})
    return [GrantRow(row[0], row[1] or "public", *row[2:]) for row in rows]


def find(tx: Read, folder_id: int, subject_id: int) -> GrantRow | None:
    """Return the grant of a folder to a subject, or None."""
    row = tx.sql.execute(_LIST.where(_G.c.subject_id == subject_id), {"folder": folder_id}).first()
    return GrantRow(row[0], row[1] or "public", *row[2:]) if row else None


def count(tx: Read, folder_id: int) -> int:
    """Return the number of grants of a folder."""
    return tx.sql.execute(sa.select(sa.func.count()).where(_G.c.folder_id == folder_id)).scalar_one()


def put(tx: Write, folder_id: int, subject_id: int, role: str, granter_id: int, now_ms: int) -> None:
    """Grant a role in a folder, replacing an earlier grant to the same subject."""
    remove(tx, folder_id, subject_id)
    values = {"folder_id": folder_id, "subject_id": subject_id, "role": role}
    tx.sql.execute(sa.insert(_G).values(**values, granter_id=granter_id, granted_ms=now_ms))


def remove(tx: Write, folder_id: int, subject_id: int) -> bool:
    """Delete a grant; return whether it existed."""
    here = (_G.c.folder_id == folder_id) & (_G.c.subject_id == subject_id)
    return tx.sql.execute(sa.delete(_G).where(here)).rowcount > 0


def _roles(rows: Iterable[sa.Row[int, str, int, str]]) -> dict[FolderPlace, GrantedRoles]:
    found: dict[FolderPlace, GrantedRoles] = {}
    for namespace_id, kind, subject_id, role in rows:
        place = (namespace_id, RepoType(kind))
        before = found.get(place, NO_ROLES)
        if subject_id == EVERYONE:
            found[place] = attrs.evolve(before, public=role)
        else:
            found[place] = attrs.evolve(before, named=EDIT if EDIT in (role, before.named) else role)
    return found
