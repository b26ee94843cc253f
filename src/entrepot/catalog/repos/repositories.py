"""Queries on repositories and their redirects."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import cascades, file_tables, sign_in_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.prepared import Prepared, PreparedForList, PreparedWrite
from entrepot.catalog.repos import marks, name_parts, repo_tags
from entrepot.catalog.repos.file_metadata import WeightMetadata, decode, encode
from entrepot.catalog.visibility import Visibility, condition_in, marked_condition
from entrepot.names import MAIN, Oid, RepoId, RepoRef, RepoType, Uid


@attrs.frozen
class RepoRow:
    """One repository, with the name of its namespace."""

    id: int
    uid: Uid
    namespace_id: int
    type: RepoType
    name: str
    creator_id: int | None
    visibility: str
    gated: str
    is_disabled: bool
    settings: Mapping[str, Any]
    created_ms: int
    updated_ms: int
    downloads: int
    likes: int
    card: Mapping[str, Any] | None
    config: Mapping[str, Any] | None
    pipeline_tag: str | None
    library: str | None
    sdk: str | None
    namespace: str
    trending: float = 0.0
    file_metadata: Mapping[str, Any] | None = None
    labels: tuple[str, ...] = ()
    description: str = ""
    # In a folder: the visibility is that of the folder.
    follows: bool = False
    # The account that owns the folder of the repository; None: the repository is in no folder.
    parent_id: int | None = None
    # Bytes of the large files that its commits refer to; of a bucket, 0.
    size: int = 0
    # It can be read, and nothing in it can be changed.
    is_archived: bool = False

    @property
    def ref(self) -> RepoRef:
        """The type and the id in its stored case."""
        return RepoRef(self.type, RepoId(self.namespace, self.name))

    @property
    def files(self) -> WeightMetadata:
        """Metadata from its files."""
        return decode(self.file_metadata)

    @property
    def is_private(self) -> bool:
        """Whether only members of the namespace can see the repository."""
        return self.visibility == "private"

    @property
    def owner_id(self) -> int:
        """Row id of the user or organisation that owns the repository, also through a folder."""
        return self.namespace_id if self.parent_id is None else self.parent_id

    @property
    def owner(self) -> str:
        """The name of the user or organisation that owns the repository: names of accounts have no dot."""
        return self.namespace if self.parent_id is None else self.namespace.partition(".")[0]


@attrs.frozen
class RepoPlace:
    """The namespace of a repository, for decisions about rights; its fields are those of :class:`RepoRow`."""

    id: int
    uid: Uid
    type: RepoType
    namespace_id: int
    parent_id: int | None


@attrs.frozen
class CardFacts:
    """The metadata of a repository's card and files, as indexed for lists."""

    card: Mapping[str, Any] | None
    config: Mapping[str, Any] | None
    pipeline_tag: str | None
    library: str | None
    sdk: str | None
    tags: tuple[str, ...]
    files: WeightMetadata | None = None


_R = tables.repos
_NS = tables.namespaces
COLUMNS = [
    _R.c.id,
    _R.c.uid,
    _R.c.namespace_id,
    _R.c.type,
    _R.c.name,
    _R.c.creator_id,
    _R.c.visibility,
    _R.c.gated,
    _R.c.is_disabled,
    _R.c.settings,
    _R.c.created_ms,
    _R.c.updated_ms,
    _R.c.downloads,
    _R.c.likes,
    _R.c.card,
    _R.c.config,
    _R.c.pipeline_tag,
    _R.c.library,
    _R.c.sdk,
    _NS.c.name,
    _R.c.trending,
    _R.c.file_metadata,
    _R.c.labels,
    _R.c.description,
    _R.c.follows,
    _NS.c.parent_id,
    _R.c.size,
    _R.c.is_archived,
]
_LABELS_AT = [column.name for column in COLUMNS].index("labels")
_SELECT = sa.select(*COLUMNS).join(_NS, _NS.c.id == _R.c.namespace_id).where(_R.c.deleted_ms.is_(None))
# Statements are built once: building one costs more than running it on cached pages.
_HAS_NAME = (
    (_NS.c.name_key == sa.bindparam("owner"))
    & (_R.c.type == sa.bindparam("kind"))
    & (_R.c.name_key == sa.bindparam("called"))
)
_FIND = Prepared(_SELECT.where(_HAS_NAME))
ID_BY_NAME = _SELECT.with_only_columns(_R.c.id).where(_HAS_NAME)
"""Selects the row id of the repository with the names of :func:`names_of`."""
_BY_ID = Prepared(_SELECT.where(_R.c.id == sa.bindparam("repo")))
_HEADS = PreparedForList(
    tables.refs.c.repo_id,
    lambda wanted: sa.select(tables.refs.c.repo_id, tables.refs.c.oid).where(wanted & (tables.refs.c.name == MAIN)),
)
_BY_UID = Prepared(_SELECT.where(_R.c.uid == sa.bindparam("uid")))
_IDS = (
    sa.select(_R.c.id, _R.c.uid, _R.c.type, _R.c.namespace_id, _NS.c.parent_id)
    .join(_NS, _NS.c.id == _R.c.namespace_id)
    .where(_R.c.uid.in_(sa.bindparam("uids", expanding=True)) & _R.c.deleted_ms.is_(None))
)


def row_of(row: Sequence[Any]) -> RepoRow:
    """Return a repository row built from a result of :data:`COLUMNS`."""
    values = list(row)
    values[3], values[_LABELS_AT] = RepoType(row[3]), tuple(row[_LABELS_AT])
    return RepoRow(*values)


def find(tx: Read, ref: RepoRef) -> RepoRow | None:
    """Return the repository with this type and id, ignoring case, or None."""
    row = _FIND.first(tx, names_of(ref))
    return row_of(row) if row else None


def ask_ahead(tx: Read, ref: RepoRef) -> None:
    """Announce that :func:`find` will look for this repository."""
    _FIND.ask_ahead(tx, names_of(ref))


def names_of(ref: RepoRef) -> dict[str, str]:
    """Return the parameters of statements that find a repository by its type and id, ignoring case."""
    return {"owner": ref.id.namespace.lower(), "kind": ref.type.value, "called": ref.id.name.lower()}


def by_id(tx: Read, repo_id: int) -> RepoRow | None:
    """Return the repository with this row id, or None if it does not exist or was deleted."""
    row = _BY_ID.first(tx, {"repo": repo_id})
    return row_of(row) if row else None


def ask_ahead_by_id(tx: Read, repo_id: int) -> None:
    """Announce that :func:`by_id` will look for this repository."""
    _BY_ID.ask_ahead(tx, {"repo": repo_id})


def by_uid(tx: Read, uid: str) -> RepoRow | None:
    """Return the repository with this permanent id, or None if it does not exist or was deleted."""
    row = _BY_UID.first(tx, {"uid": uid})
    return row_of(row) if row else None


def by_ids(tx: Read, ids: Sequence[int]) -> dict[int, RepoRow]:
    """Return the repositories with these row ids, without deleted ones."""
    found: dict[int, RepoRow] = {}
    for batch in slices(ids):
        rows = tx.sql.execute(_SELECT.where(_R.c.id.in_(batch)))
        found.update((row.id, row_of(row)) for row in rows)
    return found


def by_uids(tx: Read, uids: Sequence[str]) -> list[RepoRow]:
    """Return the repositories with these permanent ids, in no particular order."""
    return [row_of(row) for row in tx.sql.execute(_SELECT.where(_R.c.uid.in_(bounded(uids))))]


def places_by_uid(tx: Read, uids: Sequence[str]) -> list[RepoPlace]:
    """Return where the given repositories are, without those that do not exist."""
    if not uids:
        return []
    rows = tx.sql.execute(_IDS, {"uids": uids})
    return [RepoPlace(row.id, row.uid, RepoType(row.type), row.namespace_id, row.parent_id) for row in rows]


def everything(tx: Read, *, after: int = 0, limit: int = 1000) -> list[RepoRow]:
    """Return one page of all repositories in the order of their row ids, for maintenance."""
    return [row_of(row) for row in tx.sql.execute(_SELECT.where(_R.c.id > after).order_by(_R.c.id).limit(limit))]


def count(tx: Read) -> int:
    """Return the number of repositories, without deleted ones."""
    everything, deleted = sa.select(sa.func.count()).select_from(_R), _R.c.deleted_ms.is_not(None)
    return int(tx.sql.execute(everything).scalar_one() - tx.sql.execute(everything.where(deleted)).scalar_one())


def page_owned_by(tx: Read, account_id: int, *, after: int, limit: int) -> list[RepoRow]:
    """Return one page of the repositories of an account, including those in its folders, by row id."""
    namespaces = sa.select(_NS.c.id).where((_NS.c.id == account_id) | (_NS.c.parent_id == account_id))
    # Found in the index of names first: only the rows of the page are read.
    ids = sa.select(_R.c.id).where(_R.c.namespace_id.in_(namespaces) & (_R.c.id > after) & _R.c.deleted_ms.is_(None))
    query = _SELECT.where(_R.c.id.in_(ids.order_by(_R.c.id).limit(limit))).order_by(_R.c.id)
    return [row_of(row) for row in tx.sql.execute(query)]


def owned_by(tx: Read, account_id: int) -> list[RepoRow]:
    """Return all repositories of an account, including those in its folders, most recently changed first."""
    query = _SELECT.where(_is_of(account_id)).order_by(_R.c.updated_ms.desc(), _R.c.id.desc())
    return [row_of(row) for row in tx.sql.execute(query)]


def page_by_change(
    tx: Read, account_id: int, seen_by: Visibility | None, *, after: tuple[float, int] | None = None, limit: int
) -> list[RepoRow]:
    """Return visible repositories of an account, including those in its folders, most recently changed first.

    Args:
        after: time of the last change and row id of the last repository of the previous page.
    """
    query = _SELECT.where(_is_of(account_id) & marked_condition(tx, seen_by))
    if after is not None:
        query = query.where(sa.tuple_(_R.c.updated_ms, _R.c.id) < sa.tuple_(*map(sa.literal, after)))
    return [row_of(row) for row in tx.sql.execute(query.order_by(_R.c.updated_ms.desc(), _R.c.id.desc()).limit(limit))]


def ids_of(tx: Read, account_id: int, seen_by: Visibility | None) -> list[int]:
    """Return the row ids of all visible repositories of an account, including those in its folders."""
    query = sa.select(_R.c.id).join(_NS, _NS.c.id == _R.c.namespace_id).where(_R.c.deleted_ms.is_(None))
    return list(tx.sql.execute(query.where(_is_of(account_id) & marked_condition(tx, seen_by))).scalars())


def page_of(
    tx: Read,
    namespace_id: int,
    kind: RepoType,
    seen_by: Visibility | None,
    *,
    after: str = "",
    part: str = "",
    limit: int | None = None,
) -> list[RepoRow]:
    """Return the repositories of one type in a namespace that are visible to ``seen_by``, by name.

    Args:
        after: the name of the last repository of the previous page.
        part: only those whose names contain this text, in any case.
    """
    here = (_R.c.namespace_id == namespace_id) & (_R.c.type == kind.value) & (_R.c.name_key > after.lower())
    if part:
        here &= _R.c.name_key.contains(part.lower(), autoescape=True)
    query = _SELECT.where(here & condition_in(tx, seen_by, namespace_id)).order_by(_R.c.name_key)
    return [row_of(row) for row in tx.sql.execute(query if limit is None else query.limit(limit))]


def _is_of(account_id: int) -> sa.ColumnElement[bool]:
    """Return the condition that a namespace is an account, or one of its folders."""
    return (_NS.c.id == account_id) | (_NS.c.parent_id == account_id)


def add(tx: Write, row: RepoRow) -> RepoRow:
    """Insert a repository (its ``id`` is ignored) and return it with its id.

    The caller must have checked within the same transaction that the name is free.
    """
    values = attrs.asdict(row, recurse=False, filter=attrs.filters.exclude("id", "namespace", "parent_id"))
    values |= {"type": row.type.value, "name_key": row.name.lower(), "labels": list(row.labels)}
    key = tx.sql.execute(sa.insert(_R).values(values)).inserted_primary_key
    assert key is not None
    drop_redirect(tx, row.ref)
    name_parts.put_repo(tx, key[0], str(row.ref.id), row.namespace_id, is_public=row.visibility == "public")
    repo_tags.add_labels(tx, key[0], row.labels)
    return attrs.evolve(row, id=key[0])


def rename(tx: Write, row: RepoRow, target: RepoRef, namespace_id: int) -> None:
    """Move a repository to another id and leave a redirect; its visibility stays as it is."""
    redirects = tables.redirects
    drop_redirect(tx, target)
    drop_redirect(tx, row.ref)
    name_parts.remove_repos(tx, _R.c.id == row.id)
    tx.sql.execute(
        sa.update(_R)
        .where(_R.c.id == row.id)
        .values(namespace_id=namespace_id, name=target.id.name, name_key=target.id.name.lower())
    )
    name_parts.put_repos(tx, _R.c.id == row.id)
    marks.renew(tx, _R.c.id == row.id)
    if target.id.key != row.ref.id.key:
        tx.sql.execute(
            sa.insert(redirects).values(type=row.type.value, path_key=row.ref.id.key, repo_id=row.id),
        )


def find_redirect(tx: Read, ref: RepoRef) -> RepoRow | None:
    """Return the repository that used to have this id, or None."""
    redirects = tables.redirects
    query = _SELECT.join(redirects, redirects.c.repo_id == _R.c.id).where(
        (redirects.c.type == ref.type.value) & (redirects.c.path_key == ref.id.key)
    )
    row = tx.sql.execute(query).first()
    return row_of(row) if row else None


def drop_redirect(tx: Write, ref: RepoRef) -> None:
    """Delete the redirect at this id."""
    redirects = tables.redirects
    tx.sql.execute(
        sa.delete(redirects).where((redirects.c.type == ref.type.value) & (redirects.c.path_key == ref.id.key))
    )


def update(tx: Write, repo_id: int, **values: object) -> None:
    """Set columns of a repository."""
    _update(tuple(values)).run_all(tx, [{"row": repo_id} | {f"new_{name}": value for name, value in values.items()}])


@functools.cache
def _update(names: tuple[str, ...]) -> PreparedWrite:
    changed = sa.update(_R).where(_R.c.id == sa.bindparam("row"))
    return PreparedWrite(lambda _dialect: changed.values({n: sa.bindparam(f"new_{n}") for n in names}))


def unlink(tx: Write, row: RepoRow, now_ms: int) -> None:
    """Mark a repository as deleted and free its name; the sweeper deletes its rows later."""
    redirects = tables.redirects
    name_parts.remove_repos(tx, _R.c.id == row.id)
    tx.sql.execute(sa.update(_R).where(_R.c.id == row.id).values(deleted_ms=now_ms, name_key=f"~{row.uid}"))
    tx.sql.execute(sa.delete(redirects).where(redirects.c.repo_id == row.id))
    tx.sql.execute(sa.delete(tables.repo_tags).where(tables.repo_tags.c.repo_id == row.id))


def unlink_all(tx: Write, namespace_id: int, kind: RepoType, now_ms: int) -> None:
    """Unlink all repositories of a type in a namespace, as :func:`unlink` does one, in few statements."""
    here = (_R.c.namespace_id == namespace_id) & (_R.c.type == kind.value) & _R.c.deleted_ms.is_(None)
    chosen = sa.select(_R.c.id).where(here)
    for table in (tables.redirects, tables.repo_tags):
        tx.sql.execute(sa.delete(table).where(table.c.repo_id.in_(chosen)))
    name_parts.remove_repos(tx, here)
    gone = sa.literal("~") + _R.c.uid
    tx.sql.execute(sa.update(_R).where(here).values(deleted_ms=now_ms, name_key=gone))


def deleted_before(tx: Read, cutoff_ms: int) -> list[int]:
    """Return the row ids of repositories that were deleted before a time."""
    return list(tx.sql.execute(sa.select(_R.c.id).where(_R.c.deleted_ms < cutoff_ms)).scalars())


def erase(tx: Write, repo_id: int) -> None:
    """Delete every row of a repository that is marked as deleted."""
    tx.sql.execute(
        sa.delete(file_tables.upload_parts).where(
            file_tables.upload_parts.c.upload.in_(
                sa.select(file_tables.uploads.c.uid).where(file_tables.uploads.c.repo_id == repo_id)
            )
        )
    )
    for table in (
        file_tables.uploads,
        tables.refs,
        tables.objects,
        tables.parents,
        tables.commits,
        tables.path_changes,
        tables.lineage_edges,
        file_tables.file_links,
        tables.repo_tags,
        tables.redirects,
        tables.downloads,
        tables.activity,
        file_tables.xet_claims,
        file_tables.bucket_files,
        file_tables.bucket_rights,
        tables.lfs_locks,
        tables.push_reservations,
        tables.staged,
        sign_in_tables.trusted_publishers,
        tables.conversions,
        file_tables.repo_scans,
    ):
        tx.sql.execute(sa.delete(table).where(table.c.repo_id == repo_id))
    cascades.erase_around_repo(tx, repo_id)
    name_parts.remove_repos(tx, _R.c.id == repo_id)
    tx.sql.execute(sa.delete(_R).where(_R.c.id == repo_id))


def set_facts(tx: Write, repo_id: int, facts: CardFacts) -> None:
    """Replace the indexed metadata of a repository's card; its labels stay."""
    update(
        tx,
        repo_id,
        card=facts.card,
        config=facts.config,
        pipeline_tag=facts.pipeline_tag,
        library=facts.library,
        sdk=facts.sdk,
        file_metadata=encode(facts.files),
    )
    repo_tags.set_card_tags(tx, repo_id, facts.tags)


def set_labels(tx: Write, repo_id: int, labels: Sequence[str]) -> None:
    """Replace the labels of a repository, and the tags that come from them; tags of its card stay."""
    update(tx, repo_id, labels=list(labels))
    repo_tags.set_labels(tx, repo_id, labels)


def heads_of(tx: Read, ids: Sequence[int]) -> dict[int, Oid]:
    """Return the commit ids of the ``main`` branches of several repositories."""
    return {row.repo_id: row.oid for row in _HEADS.all(tx, ids)}
