"""Keeping the index of changed paths: which commit last touched what."""

from __future__ import annotations

import itertools

from entrepot.catalog import commits
from entrepot.hub.house import Hub
from entrepot.names import Oid
from entrepot.storage import histories

_BATCH = 2_000
_MAX_PATHS = 5_000_000
"""Paths of one commit that are indexed: trees that name each other many times can unfold to more than fit anywhere."""


def index_history(hub: Hub, repo_id: int, head: Oid) -> int:
    """Record the changed paths of every ancestor of ``head`` that is not indexed yet.

    Returns:
        How many commits were indexed.

    Guarantees: idempotent; may run in several processes at once; each
    transaction is short, however large a commit is.
    """
    with hub.read() as tx:
        waiting = commits.unindexed(tx, repo_id, head)
    for oid in waiting:
        with hub.read() as tx:
            paths = list(itertools.islice(histories.changed_paths(hub.store, tx, repo_id, oid), _MAX_PATHS))
        for at in range(0, len(paths), _BATCH):
            with hub.write() as tx:
                commits.put_changes(tx, repo_id, oid, paths[at : at + _BATCH])
        with hub.write() as tx:
            commits.mark_indexed(tx, repo_id, oid)
    return len(waiting)
