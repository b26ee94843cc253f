"""Before an upload: what of it the hub has already, and how the rest shall come.

Many files are compared with a listing of their folder first, so that nothing
is asked, and no sample is read, for those that have not changed.
"""

from __future__ import annotations

import base64
import enum
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import attrs

from entrepot.client.calls import preuploads, trees
from entrepot.client.commit_target import CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add, Delete, DeleteFolder, Operation, common_folder
from entrepot.client.parallel import run_parallel
from entrepot.client.progress import Meter
from entrepot.errors import EntryNotFound
from entrepot.names import RepoPath
from entrepot.wire.files.preuploads import PreuploadAdvice, PreuploadFile, PreuploadResponse
from entrepot.wire.repos.trees import TreeEntry

T = TypeVar("T")

_THREADS = 4
_WORTH_A_THREAD = 16 << 20
_MOST_IGNORES = 1 << 20


class UploadDecision(enum.Enum):
    """What becomes of a file that shall be uploaded."""

    SAME = "the hub has exactly this at this path"
    IGNORED = "the repository's .gitignore leaves it out"
    REGULAR = "its content goes into the commit"
    LARGE = "its content goes to the store of large files first"


@attrs.frozen
class UploadPlan:
    """What the hub said: the fate of each path, and the commit at which it said so (None: it was not asked).

    ``texts`` are the contents of regular files that were read already; they are UTF-8.
    """

    fates: dict[RepoPath, UploadDecision]
    head: str | None
    texts: Mapping[RepoPath, bytes] = attrs.field(factory=dict)


def plan_upload(
    hub: Hub, target: CommitTarget, operations: Sequence[Operation], digests: Digests, meter: Meter
) -> UploadPlan:
    """Find out what becomes of each file that shall be added.

    Raises:
        RepoNotFound, RevisionNotFound, Forbidden, InvalidPath: the hub does not take this.
        SourceChanged, SourceMissing, SourceUnreadable: a file cannot be read as it was found.
    """
    adds = [operation for operation in operations if isinstance(operation, Add)]
    settled = _settled(operations)
    digests.recall(add.source for add in adds if add.path in settled)
    if len(settled) > preuploads.MOST_FILES:
        return _survey_many(hub, target, adds, settled, digests, meter)
    fates, head, advice = _ask(hub, target, adds, _ignores(adds), meter)
    likely = [_Likely(add, oid) for add in adds if add.path in settled and (oid := advice.get(add.path))]
    for same in _same_as([item for item in likely if item.suits(fates[item.add.path])], digests):
        fates.update(dict.fromkeys(same, UploadDecision.SAME))
    return UploadPlan(fates, head)


def _survey_many(
    hub: Hub, target: CommitTarget, adds: Sequence[Add], settled: Collection[RepoPath], digests: Digests, meter: Meter
) -> UploadPlan:
    """Compare with what is there first, and judge small files without the hub."""
    comparable, ignores = [add for add in adds if add.path in settled], _ignores(adds)
    found = find_entries(hub, target, [add.path for add in comparable])
    fates: dict[RepoPath, UploadDecision] = {}
    for same in _same_as(_likely(comparable, found.entries), digests):
        fates.update(dict.fromkeys(same, UploadDecision.SAME))
    left = [add for add in adds if add.path not in fates]
    texts = None
    # Only many files are worth the codecs of git, which take a while to import.
    if found.is_whole and len(left) > preuploads.MOST_FILES:
        from entrepot.client.uploads.local_lfs_rules import LocalDecision, read_rules

        texts = read_rules(hub, target, found.folder, found.entries, ignores)
        if texts is not None:
            clear = {LocalDecision.TEXT: UploadDecision.REGULAR, LocalDecision.LARGE: UploadDecision.LARGE}
            verdicts = ((add.path, texts.judge(add)) for add in left if add.path in settled)
            fates.update((path, clear[verdict]) for path, verdict in verdicts if verdict in clear)
    meter.advance(len(fates))
    asked, head, _ = _ask(hub, target, [add for add in adds if add.path not in fates], ignores, meter)
    return UploadPlan(fates | asked, head, texts.contents if texts is not None else {})


def _ask(
    hub: Hub, target: CommitTarget, adds: Sequence[Add], ignores: str | None, meter: Meter
) -> tuple[dict[RepoPath, UploadDecision], str | None, dict[str, str | None]]:
    """What the hub says: the fate of each file, its head, and the digest of what is at each path."""
    fates: dict[RepoPath, UploadDecision] = {}
    oids: dict[str, str | None] = {}
    head = None
    for batch, answer in run_parallel(_Question(hub, target, ignores), batches(adds, preuploads.MOST_FILES), _THREADS):
        head = answer.commit_oid or head
        advice = {item.path: item for item in answer.files}
        fates.update((add.path, _fate(add, advice.get(add.path))) for add in batch)
        oids.update((path, item.oid) for path, item in advice.items())
        meter.advance(len(batch))
    return fates, head, oids


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

    def suits(self, decision: UploadDecision) -> bool:
        return (decision, len(self.oid)) in ((UploadDecision.REGULAR, 40), (UploadDecision.LARGE, 64))

    def is_same(self, digests: Digests) -> bool:
        source = self.add.source
        return self.oid == (digests.sha256(source) if len(self.oid) == 64 else digests.oid(source))


@attrs.frozen
class Entries:
    """Files of a repository by path; ``is_whole``: all of ``folder``, else those that were wanted at least."""

    folder: str
    entries: dict[str, TreeEntry]
    is_whole: bool


def find_entries(hub: Hub, target: CommitTarget, paths: Sequence[RepoPath]) -> Entries:
    """What is at some paths now: by listing their folder, or path by path when that has far more in it.

    Raises:
        RepoNotFound, RevisionNotFound: there is no such repository or revision for this caller.
    """
    folder = common_folder(paths)
    entries: dict[str, TreeEntry] = {}
    call = trees.page(target.repo, target.revision, folder, recursive=True)
    try:
        for _ in range(2 + 2 * len(paths) // trees.MOST_PATHS):
            page = hub.send(call)
            entries.update((entry.path, entry) for entry in page.items if entry.type == "file")
            if page.next_url is None:
                return Entries(folder, entries, is_whole=True)
            call = attrs.evolve(call, path=page.next_url, query=())
    except EntryNotFound:
        return Entries(folder, {}, is_whole=True)
    left = [path for path in paths if path not in entries]
    calls = (trees.describe(target.repo, target.revision, batch) for batch in batches(left, trees.MOST_PATHS))
    for described in run_parallel(hub.send, calls, _THREADS):
        entries.update((entry.path, entry) for entry in described if entry.type == "file")
    return Entries(folder, entries, is_whole=False)


def _likely(adds: Iterable[Add], there: Mapping[str, TreeEntry]) -> Iterator[_Likely]:
    """The files that have the size of what is at their paths."""
    for add in adds:
        entry = there.get(add.path)
        if entry is not None and entry.size == add.source.size:
            yield _Likely(add, entry.lfs.oid if entry.lfs is not None else entry.oid)


def _same_as(likely: Iterable[_Likely], digests: Digests) -> Iterator[list[RepoPath]]:
    """The paths of those files whose content is the one that is there, in batches worth a thread."""

    def compare(batch: list[_Likely]) -> list[RepoPath]:
        return [item.add.path for item in batch if item.is_same(digests)]

    return run_parallel(compare, _weighed(likely), _THREADS)


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


@attrs.frozen
class _Question:
    """Asks how some files shall be uploaded."""

    hub: Hub
    target: CommitTarget
    ignores: str | None

    def __call__(self, adds: list[Add]) -> tuple[list[Add], PreuploadResponse]:
        files = [
            PreuploadFile(
                path=add.path, size=add.source.size, sample=base64.b64encode(add.source.sample()).decode("ascii")
            )
            for add in adds
        ]
        call = preuploads.preupload(
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


def _fate(add: Add, advice: PreuploadAdvice | None) -> UploadDecision:
    if advice is None:
        return UploadDecision.REGULAR
    if advice.should_ignore:
        return UploadDecision.IGNORED
    # No hub keeps an empty file as a large one.
    return UploadDecision.LARGE if advice.upload_mode == "lfs" and add.source.size else UploadDecision.REGULAR


def _ignores(adds: Sequence[Add]) -> str | None:
    """The ``.gitignore`` that comes along, which counts instead of the one that is there."""
    for add in adds:
        if add.path == ".gitignore" and add.source.size <= _MOST_IGNORES:
            return add.source.read().decode("utf-8", "replace")
    return None
