"""What is known of repositories: one, or a page of those that match a search."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Read, counters, files, listings, repos
from entrepot.catalog.listings import Search
from entrepot.catalog.repos import RepoRow
from entrepot.catalog.texts import query_of
from entrepot.hub import access, contents, revisions
from entrepot.hub.callers import Anyone, seen_by
from entrepot.hub.house import Hub
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.storage.trees import Listed, Node, Trees

_LISTED_FILES = 50_000
"""Files named in one page of a list; repositories for which no room is left come without their files."""

__all__ = ["Found", "FullInfo", "Info", "Search", "describe", "of_rows", "owned_by", "query_of", "search"]


@attrs.frozen
class Info:
    """A repository with what its listing shows; ``head`` is the commit it was asked at."""

    row: RepoRow
    head: Oid | None
    tags: Sequence[str]


@attrs.frozen
class FullInfo:
    """A repository at a commit, with its files as far as they were asked for.

    ``siblings``: every file; ``listed``: the same with sizes; both empty when
    not asked for. ``used_bytes``: stored bytes of its large files.
    ``left_out``: paths among them that break the rules of names.
    """

    info: Info
    siblings: Sequence[Node] = ()
    listed: Sequence[Listed] = ()
    used_bytes: int = 0
    downloads_all_time: int = 0
    left_out: Sequence[RepoPath] = ()


@attrs.frozen
class Found:
    """One page of a search; ``after`` continues behind it, None at the end."""

    infos: Sequence[FullInfo]
    after: tuple[float, int] | None


def describe(hub: Hub, caller: Anyone, ref: RepoRef, revision: str, *, with_files: bool, with_sizes: bool) -> FullInfo:
    """Everything about one repository at a revision.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or no such revision.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        head = revisions.resolve(tx, row.id, revision)
        info = Info(row, head, repos.tags_of(tx, [row.id]).get(row.id, ()))
        trees = Trees(hub.store, tx, row.id)
        siblings = contents.files_of(hub, tx, row, head, trees=trees) if with_files or with_sizes else []
        listed = trees.measure(siblings) if with_sizes else []
        used = files.used_bytes(tx, [row.id]).get(row.id, 0)
        total = counters.all_time(tx, row.id)
        return FullInfo(info, siblings, listed, used, total, left_out=tuple(trees.left_out))


def search(hub: Hub, caller: Anyone, wanted: Search, *, with_files: bool = False, with_totals: bool = False) -> Found:
    """One page of repositories that the caller may see.

    Args:
        wanted: what to list; its ``seen_by`` is replaced by what the caller sees.
        with_files: also the names of all files.
        with_totals: also ``downloads_all_time``.
    """
    with hub.read() as tx:
        rows = listings.find(tx, attrs.evolve(wanted, seen_by=seen_by(caller), limit=wanted.limit + 1))
        page = rows[: wanted.limit]
        found = _infos(hub, tx, page, with_files=with_files)
        if with_totals:
            totals = counters.all_times(tx, [row.id for row in page])
            found = [attrs.evolve(full, downloads_all_time=totals.get(full.info.row.id, 0)) for full in found]
    return Found(found, listings.position_of(page[-1], wanted.sort) if len(rows) > len(page) else None)


def owned_by(hub: Hub, tx: Read, namespace_id: int) -> list[FullInfo]:
    """All repositories of a namespace, for somebody who may see them all."""
    return of_rows(hub, tx, repos.owned_by(tx, namespace_id))


def of_rows(hub: Hub, tx: Read, rows: Sequence[RepoRow]) -> list[FullInfo]:
    """What listings show of these repositories, for somebody who may see them."""
    return _infos(hub, tx, rows, with_files=False)


def _infos(hub: Hub, tx: Read, rows: Sequence[RepoRow], *, with_files: bool) -> list[FullInfo]:
    ids = [row.id for row in rows]
    tags, used, heads = repos.tags_of(tx, ids), files.used_bytes(tx, ids), repos.heads_of(tx, ids)
    found, left = [], _LISTED_FILES
    for row in rows:
        head = heads.get(row.id)
        siblings = contents.files_of(hub, tx, row, head, most=left) if with_files and head else []
        left -= len(siblings)
        found.append(FullInfo(Info(row, head, tags.get(row.id, ())), siblings, (), used.get(row.id, 0)))
    return found
