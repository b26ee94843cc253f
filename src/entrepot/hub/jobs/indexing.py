"""The index of histories: the paths that each commit changed, and what its message says about lineage."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from entrepot.cards.lineage import LineageInput, read_message
from entrepot.catalog import Lock, Read
from entrepot.catalog.repos import commits, lineage, refs, repositories
from entrepot.catalog.repos.lineage import EdgeRow
from entrepot.hub.context import HubContext
from entrepot.names import Oid, RepoPath
from entrepot.storage import histories
from entrepot.storage.objects import read_commit

_BATCH = 2_000
_MAX_PATHS = 5_000_000
"""Maximum number of indexed paths of one commit: nested references to the same trees can unfold to any number."""


def index_history(hub: HubContext, repo_id: int, head: Oid) -> int:
    """Record the changed paths of every ancestor of ``head`` that is not indexed yet.

    Returns:
        The number of indexed commits.

    Guarantees: idempotent; may run in several processes at the same time; each
    transaction is short, however large a commit is.
    """
    with hub.read() as tx:
        waiting = commits.unindexed(tx, repo_id, head)
    done: list[tuple[Oid, list[RepoPath]]] = []
    said: list[EdgeRow] = []
    for oid in waiting:
        with hub.read() as tx:
            said += _lineage_of(hub, tx, repo_id, oid)
            paths = list(itertools.islice(histories.changed_paths(hub.store, tx, repo_id, oid), _MAX_PATHS))
        while len(paths) > _BATCH:
            with hub.write(Lock.repo(repo_id)) as tx:
                commits.put_changes(tx, repo_id, oid, paths[-_BATCH:])
            del paths[-_BATCH:]
        done.append((oid, paths))
        if sum(1 + len(more) for _, more in done) >= _BATCH:
            _record(hub, repo_id, done, said)
            done.clear()
            said.clear()
    _record(hub, repo_id, done, said)
    return len(waiting)


def adopt_lineage(hub: HubContext, repo_id: int) -> None:
    """Accept the lineage in messages of commits that a branch or tag has reached; before, it is only proposed."""
    with hub.read() as tx:
        waiting = lineage.proposed(tx, repo_id)
        if not waiting:
            return
        heads = [oid for name, oid in refs.everything(tx, repo_id) if not name.startswith("refs/pr/")]
        reached = commits.reached(tx, repo_id, waiting, heads)
    if reached:
        with hub.write(Lock.repo(repo_id)) as tx:
            lineage.adopt(tx, repo_id, sorted(reached))


def _lineage_of(hub: HubContext, tx: Read, repo_id: int, oid: Oid) -> list[EdgeRow]:
    """Return the edges that the message of a commit states; :func:`adopt_lineage` decides whether they count."""
    row = repositories.by_id(tx, repo_id)
    found = read_message(read_commit(tx, repo_id, oid).message, row.type) if row is not None else None
    if found is None:
        return []
    return edges_of(repo_id, oid, found.inputs, found.run, lineage.PROPOSED, hub.now_ms())


def edges_of(
    repo_id: int, oid: Oid, inputs: Iterable[LineageInput], run: str, origin: str, now_ms: int
) -> list[EdgeRow]:
    """Return the rows of the sources of one commit."""
    return [EdgeRow(repo_id, oid, it.kind, it.type, it.name, it.oid, run, origin, now_ms) for it in inputs]


def _record(
    hub: HubContext, repo_id: int, done: Sequence[tuple[Oid, Sequence[RepoPath]]], said: Sequence[EdgeRow]
) -> None:
    """Mark several commits as indexed in one transaction, parents first: one transaction each would cost more."""
    if not done:
        return
    with hub.write(Lock.repo(repo_id)) as tx:
        lineage.put(tx, said)
        for oid, paths in done:
            commits.put_changes(tx, repo_id, oid, paths)
            commits.mark_indexed(tx, repo_id, oid)
