"""The index of histories: the paths that each commit changed, and what its message says about lineage."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Generator, Iterable

from entrepot.cards.lineage import LineageInput, read_message
from entrepot.catalog import Lock, Read
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import commits, lineage, refs, repositories
from entrepot.catalog.repos.lineage import EdgeRow
from entrepot.errors import HistoryBeingIndexed
from entrepot.hub.context import HubContext
from entrepot.names import Oid, RepoPath
from entrepot.storage import histories
from entrepot.storage.objects import read_commit
from entrepot.storage.trees import Trees

BRIEF_COMMITS = 100
"""How many commits a request indexes at most; with more, it leaves all to the job."""

WORK_OF_A_COMMIT = 64 << 10
"""As how many bytes that are read the indexing of a commit counts for the order of jobs."""

_BRIEF_S = 0.1  # of processor time
_BATCH = 2_000
_IN_A_STEP = 100
_KEPT_FOLDERS = 1_000
_MAX_PATHS = 5_000_000
"""Maximum number of indexed paths of one commit: nested references to the same trees can unfold to any number."""


def history_job(repo_id: int) -> str:
    """Return the deduplication key of the job that indexes a repository's new commits."""
    return f"history:{repo_id}"


def index_steps(hub: HubContext, repo_id: int, head: Oid) -> Generator[int | None, None, int]:
    """Record the changed paths of every ancestor of ``head`` that is not indexed yet, step by step.

    It yields how many bytes reading what is left takes as long as, about.

    Returns:
        The number of indexed commits.

    Guarantees: idempotent; may run in several processes at the same time; each
    step and each transaction is short, however large a commit is.
    """
    with hub.read() as tx:
        waiting = commits.unindexed(tx, repo_id, head)
    done = _IndexedCommits(hub, repo_id)
    for number, oid in enumerate(waiting):
        if number % _IN_A_STEP == 0:
            yield WORK_OF_A_COMMIT * (len(waiting) - number)
        paths = _changes_of(hub, repo_id, oid, _BATCH + 1)
        if len(paths) > _BATCH:
            done.write()  # parents are marked before their children
            paths = yield from _put_large(hub, repo_id, oid)
        done.add(oid, paths)
    done.write()
    return len(waiting)


def _put_large(hub: HubContext, repo_id: int, oid: Oid) -> Generator[None, None, list[RepoPath]]:
    """Store the paths that a large commit changed, some in each step; return those that are not stored yet.

    No transaction is open between two steps, so each folder is read in one of its own.
    """

    @functools.lru_cache(maxsize=_KEPT_FOLDERS)
    def read(folder: Oid) -> bytes:
        with hub.read() as tx:
            return Trees(hub.store, tx, repo_id).read(folder)

    with hub.read() as tx:
        old, new = histories.roots_of(tx, repo_id, oid)
    paths = itertools.islice(histories.paths_between(old, new, read), _MAX_PATHS)
    while len(batch := list(itertools.islice(paths, _BATCH))) == _BATCH:
        with hub.write(Lock.repo(repo_id)) as tx:
            commits.put_changes(tx, repo_id, oid, batch)
        yield
    return batch


def index_briefly(hub: HubContext, repo_id: int, head: Oid) -> None:
    """Do what :func:`index_steps` does, if that is little: a request can wait for it.

    Raises:
        HistoryBeingIndexed: it is more, and a job does it.
    """
    with hub.read() as tx:
        is_short = commits.count_unindexed(tx, repo_id, head, most=BRIEF_COMMITS + 1) <= BRIEF_COMMITS
        waiting = commits.unindexed(tx, repo_id, head) if is_short else []
    end_s, done = time.thread_time() + _BRIEF_S, _IndexedCommits(hub, repo_id)
    for oid in waiting:
        changes = _changes_of(hub, repo_id, oid, _BATCH + 1)
        is_short = len(changes) <= _BATCH and time.thread_time() < end_s
        if not is_short:
            break
        done.add(oid, changes)
    done.write()
    if is_short:
        return
    with hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "history", {"repo": repo_id}, hub.now_ms(), dedup_key=history_job(repo_id))
    hub.job_added.set()
    raise HistoryBeingIndexed


def _changes_of(hub: HubContext, repo_id: int, oid: Oid, most: int) -> list[RepoPath]:
    """Return up to ``most`` of the paths that a commit changed."""
    with hub.read() as tx:
        return list(itertools.islice(histories.changed_paths(hub.store, tx, repo_id, oid), most))


class _IndexedCommits:
    """Indexed commits that are not stored yet: many share a transaction, because one for each would cost more."""

    def __init__(self, hub: HubContext, repo_id: int) -> None:
        self._hub, self._repo_id = hub, repo_id
        self._done: list[tuple[Oid, list[RepoPath]]] = []
        self._said: list[EdgeRow] = []

    def add(self, oid: Oid, paths: list[RepoPath]) -> None:
        """Take paths that a commit changed, as far as they are not stored; parents come before their children."""
        with self._hub.read() as tx:
            self._said += _lineage_of(self._hub, tx, self._repo_id, oid)
        self._done.append((oid, paths))
        if sum(1 + len(more) for _, more in self._done) >= _BATCH:
            self.write()

    def write(self) -> None:
        """Store everything, and mark the commits as indexed, parents first, in one transaction."""
        if not self._done:
            return
        with self._hub.write(Lock.repo(self._repo_id)) as tx:
            lineage.put(tx, self._said)
            for oid, paths in self._done:
                commits.put_changes(tx, self._repo_id, oid, paths)
                commits.mark_indexed(tx, self._repo_id, oid)
        self._done.clear()
        self._said.clear()


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
