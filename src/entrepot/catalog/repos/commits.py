"""Queries on commits: ancestry, and the paths that each commit changed.

The rows are derived from the commit objects and can be rebuilt from them. They
allow histories to be counted, paged and searched without reading objects.
"""

from __future__ import annotations

import functools
import hashlib
import heapq
from collections.abc import Iterable, Sequence
from typing import TypeVar

import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.lists import slices
from entrepot.catalog.prepared import Prepared
from entrepot.names import Oid, RepoPath

T = TypeVar("T")

_C = tables.commits
_P = tables.parents
_X = tables.path_changes
_LEFT, _RIGHT, _STALE = 1, 2, 4
_KEYS = 5000  # larger than in other modules: each batch walks the history once
# Statements are built once: building one costs more than running it on cached pages.
_GENERATION = Prepared(
    sa.select(_C.c.generation).where((_C.c.repo_id == sa.bindparam("repo")) & (_C.c.oid == sa.bindparam("id")))
)
_PARENTS = (
    sa.select(_P.c.parent, _C.c.generation)
    .join(_C, (_C.c.repo_id == _P.c.repo_id) & (_C.c.oid == _P.c.parent))
    .where((_P.c.repo_id == sa.bindparam("repo")) & (_P.c.oid == sa.bindparam("id")))
)
_MARK = (
    sa.update(_C)
    .where((_C.c.repo_id == sa.bindparam("repo")) & (_C.c.oid == sa.bindparam("id")))
    .values(is_indexed=True)
)


def _of_commit(column: sa.ColumnElement[T], oid: sa.ColumnElement[Oid]) -> sa.ScalarSelect[T]:
    """Return a column of one commit, looked up by its key.

    In a join, SQLite may read all commits of the repository for each step of a walk instead: it estimates their number
    from what other repositories have.
    """
    here = (_C.c.repo_id == sa.bindparam("repo")) & (_C.c.oid == oid)
    return sa.select(column).where(here).scalar_subquery()


def _waiting() -> sa.CTE:
    """Return the commits from a head on that are not indexed, each reached over such commits only."""
    here = (_C.c.repo_id == sa.bindparam("repo")) & _C.c.is_indexed.is_(False)
    reach = sa.select(_C.c.oid).where(here & (_C.c.oid == sa.bindparam("head"))).cte("waiting", recursive=True)
    step = (
        sa.select(_P.c.parent)
        .select_from(reach)
        .join(_P, (_P.c.oid == reach.c.oid) & (_P.c.repo_id == sa.bindparam("repo")))
        .where(_of_commit(_C.c.is_indexed, _P.c.parent).is_(False))
    )
    return reach.union(step)


_WAITING = _waiting()
_UNINDEXED = sa.select(_WAITING.c.oid).order_by(_of_commit(_C.c.generation, _WAITING.c.oid), _WAITING.c.oid)
# Without an order, the walk ends as soon as there are enough.
_SOME_UNINDEXED = sa.select(_WAITING.c.oid).limit(sa.bindparam("most"))


def generation(tx: Read, repo_id: int, oid: Oid) -> int | None:
    """Return the generation of a commit: 1 for a root, else 1 + that of its highest parent; None if unknown."""
    found: int | None = _GENERATION.scalar(tx, {"repo": repo_id, "id": oid})
    return found


def ask_ahead_generation(tx: Read, repo_id: int, oid: Oid) -> None:
    """Announce that :func:`generation` will be called."""
    _GENERATION.ask_ahead(tx, {"repo": repo_id, "id": oid})


def put(tx: Write, repo_id: int, oid: Oid, parents: Sequence[Oid], generation: int) -> None:
    """Record a commit and its parents; idempotent."""
    put_many(tx, repo_id, [(oid, parents, generation)])


def put_many(tx: Write, repo_id: int, recorded: Iterable[tuple[Oid, Sequence[Oid], int]]) -> None:
    """Record commits, each with its parents and generation; idempotent."""
    rows, links = [], []
    for oid, parents, generation in recorded:
        rows.append({"repo_id": repo_id, "oid": oid, "generation": generation, "is_indexed": False})
        links += [{"repo_id": repo_id, "oid": oid, "position": i, "parent": it} for i, it in enumerate(parents)]
    insert_missing(tx, _C, rows)
    insert_missing(tx, _P, links)


def count_ancestors(tx: Read, repo_id: int, head: Oid) -> int:
    """Return the number of commits reachable from ``head``, including itself."""
    reach = _ancestors(repo_id, head)
    return tx.sql.execute(sa.select(sa.func.count()).select_from(reach)).scalar_one()


def ancestors(tx: Read, repo_id: int, head: Oid, *, offset: int = 0, limit: int | None = None) -> list[Oid]:
    """Return the commits reachable from ``head``, children before parents.

    Args:
        offset: the number of commits to skip, >= 0.
        limit: the maximum number of commits; None for all.
    """
    reach = _ancestors(repo_id, head)
    query = (
        sa.select(_C.c.oid)
        .join(reach, (reach.c.oid == _C.c.oid) & (_C.c.repo_id == repo_id))
        .order_by(_C.c.generation.desc(), _C.c.oid)
        .offset(offset)
    )
    return list(tx.sql.execute(query if limit is None else query.limit(limit)).scalars())


def is_ancestor(tx: Read, repo_id: int, old: Oid, head: Oid) -> bool:
    """Return whether ``old`` is reachable from ``head`` (a commit reaches itself)."""
    floor = generation(tx, repo_id, old)
    if floor is None:
        return False
    # No commit of a lower generation can be its descendant.
    reach = _ancestors(repo_id, head, floor=floor)
    return tx.sql.execute(sa.select(reach.c.oid).where(reach.c.oid == old)).first() is not None


def is_line(tx: Read, repo_id: int, old: Oid, head: Oid) -> bool:
    """Return whether only one way leads from ``head`` back to ``old``, which it reaches: no merge lies between."""
    reach = _ancestors(repo_id, head, floor=generation(tx, repo_id, old))
    merge = (
        sa.select(_P.c.oid)
        .join(reach, (reach.c.oid == _P.c.oid) & (_P.c.repo_id == repo_id))
        .where(_P.c.oid != old)
        .group_by(_P.c.oid)
        .having(sa.func.count() > 1)
        .limit(1)
    )
    return tx.sql.execute(merge).first() is None


def reached(tx: Read, repo_id: int, wanted: Iterable[Oid], heads: Iterable[Oid]) -> set[Oid]:
    """Return the commits among ``wanted`` that are reachable from one of the heads."""
    left, found = set(wanted), set[Oid]()
    heights = {oid: generation(tx, repo_id, oid) for oid in left}
    for head in dict.fromkeys(heads):
        if not left:
            break
        # No commit of a lower generation can be a descendant of one of them.
        reach = _ancestors(repo_id, head, floor=min(heights[oid] or 0 for oid in left))
        now = left.intersection(tx.sql.execute(sa.select(reach.c.oid)).scalars())
        found |= now
        left -= now
    return found


def merge_bases(tx: Read, repo_id: int, left: Oid, right: Oid) -> list[Oid]:
    """Return the best common ancestors of two commits: those that no other common ancestor can reach.

    Returns:
        Usually one; none for unrelated histories; several after criss-cross
        merges, highest generation first.

    Guarantees: walks back only as far as the bases.
    """
    flags: dict[Oid, int] = {left: _LEFT}
    flags[right] = flags.get(right, 0) | _RIGHT
    heap = [(-(generation(tx, repo_id, oid) or 0), oid) for oid in flags]
    heapq.heapify(heap)
    waiting, bases = len(heap), list[Oid]()  # ``waiting``: commits in the heap that no base can reach
    while waiting:
        _, oid = heapq.heappop(heap)
        # A parent has a lower generation than its children, so all of them were visited before it.
        mark = flags[oid]
        if not mark & _STALE:
            waiting -= 1
            if mark == _LEFT | _RIGHT:
                bases.append(oid)
                mark |= _STALE
        for parent, height in tx.sql.execute(_PARENTS, {"repo": repo_id, "id": oid}):
            known = flags.get(parent)
            flags[parent] = fresh = (known or 0) | mark
            if known is None:
                heapq.heappush(heap, (-height, parent))
                waiting += not fresh & _STALE
            elif not known & _STALE:
                waiting -= bool(fresh & _STALE)
    return bases


def unindexed(tx: Read, repo_id: int, head: Oid) -> list[Oid]:
    """Return the ancestors of ``head`` whose changed paths are not recorded yet, parents first."""
    # A commit is marked after its ancestors, so the walk can stop at a marked commit.
    return list(tx.sql.execute(_UNINDEXED, {"repo": repo_id, "head": head}).scalars())


def count_unindexed(tx: Read, repo_id: int, head: Oid, *, most: int) -> int:
    """Return how many commits :func:`unindexed` returns, counting up to ``most``."""
    return len(tx.sql.execute(_SOME_UNINDEXED, {"repo": repo_id, "head": head, "most": most}).all())


def put_changes(tx: Write, repo_id: int, oid: Oid, paths: Iterable[RepoPath]) -> None:
    """Record some of the paths (files and their folders) that a commit changed; idempotent."""
    rows = [{"repo_id": repo_id, "path_key": path_key(path), "oid": oid} for path in paths]
    insert_missing(tx, _X, rows)


def mark_indexed(tx: Write, repo_id: int, oid: Oid) -> None:
    """Record that all changed paths of a commit and of its ancestors are recorded."""
    tx.sql.execute(_MARK, {"repo": repo_id, "id": oid})


def last_changes(tx: Read, repo_id: int, head: Oid, paths: Sequence[RepoPath]) -> dict[RepoPath, Oid]:
    """Return the newest commit reachable from ``head`` that changed each path."""
    by_key = {path_key(path): path for path in paths}
    keys = list(by_key)
    newest: dict[RepoPath, Oid] = {}
    for batch in slices(keys, _KEYS):
        found = tx.sql.execute(_last_changes(), {"repo": repo_id, "head": head, "keys": batch})
        newest.update((by_key[key], oid) for key, oid in found)
    return newest


@functools.cache
def _last_changes() -> sa.Select[str, Oid]:
    # Pages of files ask for 200 paths each time.
    repo_id: sa.BindParameter[int] = sa.bindparam("repo")
    reach = _ancestors(repo_id, sa.bindparam("head", type_=_C.c.oid.type))
    order = (_C.c.generation.desc(), _C.c.oid)
    rank = sa.func.row_number().over(partition_by=_X.c.path_key, order_by=order).label("rank")
    ranked = (
        sa.select(_X.c.path_key, _X.c.oid, rank)
        .join(_C, (_C.c.oid == _X.c.oid) & (_C.c.repo_id == repo_id))
        .join(reach, reach.c.oid == _X.c.oid)
        .where((_X.c.repo_id == repo_id) & _X.c.path_key.in_(sa.bindparam("keys", expanding=True)))
    ).subquery()
    return sa.select(ranked.c.path_key, ranked.c.oid).where(ranked.c.rank == 1)


def changes_of(tx: Read, repo_id: int, head: Oid, path: RepoPath, *, offset: int, limit: int) -> tuple[list[Oid], int]:
    """Return the commits reachable from ``head`` that changed a path, children before parents, and how many there are.

    Args:
        offset, limit: the part of the commits that is returned.
    """
    reach = _ancestors(repo_id, head)
    found = (
        sa.select(_X.c.oid, _C.c.generation)
        .join(_C, (_C.c.oid == _X.c.oid) & (_C.c.repo_id == repo_id))
        .join(reach, reach.c.oid == _X.c.oid)
        .where((_X.c.repo_id == repo_id) & (_X.c.path_key == path_key(path)))
    ).subquery()
    total = tx.sql.execute(sa.select(sa.func.count()).select_from(found)).scalar_one()
    page = sa.select(found.c.oid).order_by(found.c.generation.desc(), found.c.oid).offset(offset).limit(limit)
    return list(tx.sql.execute(page).scalars()), total


def path_key(path: RepoPath) -> str:
    """Return a fixed-size digest of a path, so that long paths fit in an index."""
    return hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def copy_all(tx: Write, source_id: int, target_id: int) -> None:
    """Copy the recorded history of a repository to a new, empty one."""
    for table in (_C, _P, _X):
        names = [column.name for column in table.columns if column.name != "repo_id"]
        rows = sa.select(sa.literal(target_id), *(table.c[name] for name in names)).where(table.c.repo_id == source_id)
        tx.sql.execute(sa.insert(table).from_select(["repo_id", *names], rows))


def remove(tx: Write, repo_id: int, oids: Sequence[Oid]) -> None:
    """Delete the rows of commits that no longer exist."""
    for table in (_P, _X, _C):
        for batch in slices(oids):
            tx.sql.execute(sa.delete(table).where((table.c.repo_id == repo_id) & table.c.oid.in_(batch)))


def _ancestors(
    repo_id: int | sa.BindParameter[int], head: Oid | sa.BindParameter[str], *, floor: int | None = None
) -> sa.CTE:
    """Return a recursive query for the ancestors; UNION removes the duplicates that merges cause.

    Commits of a generation below ``floor`` are excluded.
    """
    start = sa.select(_C.c.oid).where((_C.c.repo_id == repo_id) & (_C.c.oid == head))
    reach = start.cte("reach", recursive=True)
    step = sa.select(_P.c.parent).join(reach, (_P.c.oid == reach.c.oid) & (_P.c.repo_id == repo_id))
    if floor is not None:
        # A subquery instead of a join: SQLite would reorder a join and scan all parents at every step.
        young = (_C.c.repo_id == repo_id) & (_C.c.oid == _P.c.parent) & (_C.c.generation >= floor)
        step = step.where(sa.exists().where(young).correlate(_P))
    return reach.union(step)
