"""The index of changed paths, which finds the last commit of each path."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from entrepot.catalog import Lock
from entrepot.catalog.repos import commits
from entrepot.hub.context import HubContext
from entrepot.names import Oid, RepoPath
from entrepot.storage import histories

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
    for oid in waiting:
        with hub.read() as tx:
            paths = list(itertools.islice(histories.changed_paths(hub.store, tx, repo_id, oid), _MAX_PATHS))
        while len(paths) > _BATCH:
            with hub.write(Lock.repo(repo_id)) as tx:
                commits.put_changes(tx, repo_id, oid, paths[-_BATCH:])
            del paths[-_BATCH:]
        done.append((oid, paths))
        if sum(1 + len(more) for _, more in done) >= _BATCH:
            _record(hub, repo_id, done)
            done.clear()
    _record(hub, repo_id, done)
    return len(waiting)


def _record(hub: HubContext, repo_id: int, done: Sequence[tuple[Oid, Sequence[RepoPath]]]) -> None:
    """Mark several commits as indexed in one transaction, parents first: one transaction each would cost more."""
    if not done:
        return
    with hub.write(Lock.repo(repo_id)) as tx:
        for oid, paths in done:
            commits.put_changes(tx, repo_id, oid, paths)
            commits.mark_indexed(tx, repo_id, oid)
