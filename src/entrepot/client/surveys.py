"""Before an upload: what of it the hub has already, and how the rest shall come.

Many files are compared with what is at their paths first, 1,000 a call, so
that nothing is asked and no sample is read for those that have not changed.
"""

from __future__ import annotations

import base64
import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import attrs

from entrepot.client.calls import preuploads, trees
from entrepot.client.digests import Digests
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add, Delete, DeleteFolder, Operation
from entrepot.client.progress import Meter
from entrepot.client.targets import Target
from entrepot.client.threads import spread
from entrepot.names import RepoPath
from entrepot.wire.preuploads import PreuploadAdvice, PreuploadAnswer, PreuploadFile

T = TypeVar("T")

_THREADS = 4
_WORTH_A_THREAD = 16 << 20
_MOST_IGNORES = 1 << 20


class Fate(enum.Enum):
    """What becomes of a file that shall be uploaded."""

    SAME = "the hub has exactly this at this path"
    IGNORED = "the repository's .gitignore leaves it out"
    REGULAR = "its content goes into the commit"
    LARGE = "its content goes to the store of large files first"


@attrs.frozen
class Survey:
    """What the hub said: the fate of each path, and the commit at which it said so (None: it was not asked)."""

    fates: dict[RepoPath, Fate]
    head: str | None


def survey(hub: Hub, target: Target, operations: Sequence[Operation], digests: Digests, meter: Meter) -> Survey:
    """Find out what becomes of each file that shall be added.

    Raises:
        RepoNotFound, RevisionNotFound, Forbidden, InvalidPath: the hub does not take this.
        SourceChanged, SourceMissing, SourceUnreadable: a file cannot be read as it was found.
    """
    adds = [operation for operation in operations if isinstance(operation, Add)]
    settled = _settled(operations)
    comparable = [add for add in adds if add.path in settled]
    fates: dict[RepoPath, Fate] = {}
    is_compared = len(comparable) > preuploads.MOST_FILES
    digests.recall(add.source for add in comparable)
    if is_compared:
        for same in _same_as(_listed(hub, target, comparable), digests):
            fates.update(dict.fromkeys(same, Fate.SAME))
            meter.advance(len(same))
    left = [add for add in adds if add.path not in fates]
    head, likely = None, []
    for batch, answer in spread(_Question(hub, target, _ignores(adds)), batches(left, preuploads.MOST_FILES), _THREADS):
        head = answer.commit_oid or head
        advice = {item.path: item for item in answer.files}
        fates.update((add.path, _fate(add, advice.get(add.path))) for add in batch)
        if not is_compared:
            likely += [_Likely(add, oid) for add in batch if add.path in settled and (oid := _oid(advice, add))]
        meter.advance(len(batch))
    for same in _same_as([item for item in likely if item.suits(fates[item.add.path])], digests):
        fates.update(dict.fromkeys(same, Fate.SAME))
    return Survey(fates, head)


def batches(items: Sequence[T], most: int) -> Iterator[list[T]]:
    """The items in lists of at most so many."""
    rest = iter(items)
    while batch := list(islice(rest, most)):
        yield batch


@attrs.frozen
class _Likely:
    """A file, and the digest of what is at its path now: git's id, or the SHA-256 of a large one."""

    add: Add
    oid: str

    def suits(self, fate: Fate) -> bool:
        return (fate, len(self.oid)) in ((Fate.REGULAR, 40), (Fate.LARGE, 64))

    def is_same(self, digests: Digests) -> bool:
        source = self.add.source
        return self.oid == (digests.sha256(source) if len(self.oid) == 64 else digests.oid(source))


def _listed(hub: Hub, target: Target, adds: Sequence[Add]) -> Iterator[_Likely]:
    """The files that have the size of what is at their paths."""

    def describe(batch: list[Add]) -> list[_Likely]:
        there = {
            entry.path: entry
            for entry in hub.send(trees.describe(target.repo, target.revision, [add.path for add in batch]))
            if entry.type == "file"
        }
        found = ((add, there.get(add.path)) for add in batch)
        return [
            _Likely(add, entry.lfs.oid if entry.lfs is not None else entry.oid)
            for add, entry in found
            if entry is not None and entry.size == add.source.size
        ]

    for likely in spread(describe, batches(adds, trees.MOST_PATHS), _THREADS):
        yield from likely


def _same_as(likely: Iterable[_Likely], digests: Digests) -> Iterator[list[RepoPath]]:
    """The paths of those files whose content is the one that is there, in batches worth a thread."""

    def compare(batch: list[_Likely]) -> list[RepoPath]:
        return [item.add.path for item in batch if item.is_same(digests)]

    return spread(compare, _weighed(likely), _THREADS)


def _weighed(likely: Iterable[_Likely]) -> Iterator[list[_Likely]]:
    batch, weight = [], 0
    for item in likely:
        batch.append(item)
        weight += item.add.source.size
        if weight > _WORTH_A_THREAD or len(batch) >= trees.MOST_PATHS:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _oid(advice: dict[str, PreuploadAdvice], add: Add) -> str | None:
    found = advice.get(add.path)
    return found.oid if found is not None else None


@attrs.frozen
class _Question:
    """Asks how some files shall be uploaded."""

    hub: Hub
    target: Target
    ignores: str | None

    def __call__(self, adds: list[Add]) -> tuple[list[Add], PreuploadAnswer]:
        files = [
            PreuploadFile(
                path=add.path, size=add.source.size, sample=base64.b64encode(add.source.sample()).decode("ascii")
            )
            for add in adds
        ]
        call = preuploads.ask(
            self.target.repo,
            self.target.revision,
            files,
            git_ignore=self.ignores,
            create_pr=self.target.opens_pull,
        )
        return adds, self.hub.send(call)


def _settled(operations: Sequence[Operation]) -> set[RepoPath]:
    """Paths that are only added, and only once: what is there now is what the addition would replace."""
    adds = Counter(operation.path for operation in operations if isinstance(operation, Add))
    others = [operation for operation in operations if not isinstance(operation, Add)]
    touched = {operation.path for operation in others}
    folders = tuple(f"{item.path}/" for item in others if isinstance(item, Delete | DeleteFolder))
    return {
        path
        for path, times in adds.items()
        if times == 1 and path not in touched and not (folders and path.startswith(folders))
    }


def _fate(add: Add, advice: PreuploadAdvice | None) -> Fate:
    if advice is None:
        return Fate.REGULAR
    if advice.should_ignore:
        return Fate.IGNORED
    # No hub keeps an empty file as a large one.
    return Fate.LARGE if advice.upload_mode == "lfs" and add.source.size else Fate.REGULAR


def _ignores(adds: Sequence[Add]) -> str | None:
    """The ``.gitignore`` that comes along, which counts instead of the one that is there."""
    for add in adds:
        if add.path == ".gitignore" and add.source.size <= _MOST_IGNORES:
            return add.source.read().decode("utf-8", "replace")
    return None
