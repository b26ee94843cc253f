"""Which commit each line of a file comes from."""

from __future__ import annotations

import heapq
import time
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.repos import commits
from entrepot.errors import LimitExceeded, Malformed
from entrepot.git import Mode, matching_lines
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs.indexing import index_briefly
from entrepot.hub.repos import contents
from entrepot.hub.repos.contents import LocatedFile
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.storage import histories, objects
from entrepot.storage.histories import LoggedCommit
from entrepot.storage.trees import Trees

MAX_BLAMED = 256 << 10
"""Size of the largest file whose lines are traced, in bytes."""

MAX_VERSIONS = 500
"""Maximum number of versions of a file that are compared."""

_CPU_S = 2.0


@attrs.frozen
class Blame:
    """The commit that each line of a file comes from; None for lines that are older than the compared commits.

    ``commits``: those that are named, by id.
    """

    located: LocatedFile
    origins: Sequence[Oid | None]
    commits: Mapping[Oid, LoggedCommit]


def blame(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath) -> Blame:
    """Return which commit each line of a text file comes from.

    Lines are traced through merges, along all parents, but not to files with other names.

    Guarantees: at most :data:`MAX_VERSIONS` versions are compared, in about two seconds of processor time.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound, EntryNotFound: the revision or the file does not exist.
        NotAllowed: a scanner has flagged the file, and it is hidden from the caller.
        Malformed: it is not a text that git stores.
        LimitExceeded: it is larger than :data:`MAX_BLAMED`.
        HistoryBeingIndexed: too many commits are new.
    """
    located = contents.locate(hub, caller, ref, revision, path)
    if located.lfs is not None:
        raise Malformed("file", "it is stored as a large file, whose lines have no history")
    if located.size > MAX_BLAMED:
        raise LimitExceeded("the size of the file in bytes", MAX_BLAMED, "lines of smaller files are traced")
    index_briefly(hub, located.repo.id, located.commit)
    with hub.read() as tx:
        search = _Search(hub, tx, located.repo.id, path)
        origins = search.trace(located.commit)
        named = histories.log_of(tx, located.repo.id, sorted({oid for oid in origins if oid is not None}))
    return Blame(located, origins, {logged.oid: logged for logged in named})


_Lines = list[tuple[int, int]]
"""Lines of one version, each with its place in the file that is traced."""


class _Search:
    """Hands lines from version to version, newest commits first."""

    def __init__(self, hub: HubContext, tx: Read, repo_id: int, path: RepoPath) -> None:
        self._hub, self._tx, self._repo_id, self._path = hub, tx, repo_id, path
        self._trees = Trees(hub.store, tx, repo_id)
        self._waiting: dict[Oid, _Lines] = {}
        self._versions: dict[Oid, Oid | None] = {}
        self._order: list[tuple[int, Oid]] = []

    def trace(self, head: Oid) -> list[Oid | None]:
        """Return the origin of each line of the file at a commit.

        Raises:
            Malformed: the file is not text.
        """
        text = self._content(self._version(head))
        if text is None or b"\0" in text:
            raise Malformed("file", "it is not text, so it has no lines")
        count = text.count(b"\n") + (not text.endswith(b"\n") and text != b"")
        origins: list[Oid | None] = [None] * count
        self._wait(head, [(line, line) for line in range(count)])
        end_s = time.thread_time() + _CPU_S
        for _ in range(MAX_VERSIONS):
            if not self._order or time.thread_time() > end_s:
                break
            commit = heapq.heappop(self._order)[1]
            for _, place in self._pass_on(commit, self._waiting.pop(commit)):
                origins[place] = commit
        return origins

    def _wait(self, commit: Oid, lines: _Lines) -> None:
        """Let lines wait at the commit that made the version of a commit, or at a merge after it."""
        changed, _ = commits.changes_of(self._tx, self._repo_id, commit, self._path, offset=0, limit=1)
        # Before a merge, the newest change may be one of the side that the merge did not take.
        if changed and commits.is_line(self._tx, self._repo_id, changed[0], commit):
            commit = changed[0]
        if commit not in self._waiting:
            self._waiting[commit] = []
            generation = commits.generation(self._tx, self._repo_id, commit) or 0
            heapq.heappush(self._order, (-generation, commit))
        self._waiting[commit] += lines

    def _pass_on(self, commit: Oid, lines: _Lines) -> _Lines:
        """Hand lines to the parents that have them already; return those that none has."""
        version, parents = self._version(commit), objects.read_commit(self._tx, self._repo_id, commit).parents
        versions = [(parent, self._version(parent)) for parent in parents]
        same = next((parent for parent, found in versions if found == version), None)
        if same is not None:
            self._wait(same, lines)
            return []
        new = self._content(version)
        for parent, found in versions:
            old = self._content(found)
            if old is None or new is None or not lines:
                continue
            before = {b + at: a + at for a, b, size in matching_lines(old, new) for at in range(size)}
            known = [(before[line], place) for line, place in lines if line in before]
            lines = [(line, place) for line, place in lines if line not in before]
            if known:
                self._wait(parent, known)
        return lines

    def _version(self, commit: Oid) -> Oid | None:
        """Return the file object of a commit; it is looked up once, though a commit is a parent and then a version."""
        if commit not in self._versions:
            self._versions[commit] = self._find_version(commit)
        return self._versions[commit]

    def _find_version(self, commit: Oid) -> Oid | None:
        entry = self._trees.find(objects.root_of(self._hub.store, self._tx, self._repo_id, commit), self._path)
        return None if entry is None or entry.is_folder or entry.mode == Mode.GITLINK else entry.oid

    def _content(self, version: Oid | None) -> bytes | None:
        """Return the content of a version; None if there is none, or if it is too large to be compared."""
        if version is None:
            return None
        row = objects.find_row(self._tx, self._repo_id, version)
        return None if row.data is None or row.size > MAX_BLAMED else objects.content_of(row)
