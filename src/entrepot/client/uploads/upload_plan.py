"""Upload plans: which files the hub already has, and how the others must be uploaded.

Many files are first compared with a listing of their folder; for unchanged
files the hub is not asked and no sample is read.
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
_MAX_IGNORES = 1 << 20


class UploadDecision(enum.Enum):
    """The way in which a file is uploaded."""

    SAME = "the repository contains the same file"
    IGNORED = "excluded by the repository's .gitignore"
    REGULAR = "committed as a regular file"
    LARGE = "uploaded to the LFS store before the commit"


@attrs.frozen
class UploadPlan:
    """The decision for each path, and the head of the branch at that time (None: the hub was not asked).

    ``texts`` are contents of regular files that were read already; they are UTF-8.
    ``base`` is the commit with which the files were compared; None: unknown.
    """

    decisions: dict[RepoPath, UploadDecision]
    head: str | None
    texts: Mapping[RepoPath, bytes] = attrs.field(factory=dict)
    base: str | None = None


def plan_upload(
    hub: Hub,
    target: CommitTarget,
    operations: Sequence[Operation],
    digests: Digests,
    meter: Meter,
    always: Collection[RepoPath] = (),
) -> UploadPlan:
    """Decide how each file to be added is uploaded.

    Args:
        always: paths that are uploaded even if the repository contains the same file.

    Raises:
        RepoNotFound, RevisionNotFound, Forbidden, InvalidPath: the hub refuses the upload.
        SourceChanged, SourceMissing, SourceUnreadable: a file changed after it was found, or cannot be read.
    """
    adds = [operation for operation in operations if isinstance(operation, Add)]
    plain = _plain_additions(operations) - set(always)
    digests.recall(add.source for add in adds if add.path in plain)
    if len(plain) > preuploads.MAX_FILES:
        return _plan_many(hub, target, adds, plain, digests, meter)
    decisions, head, advice = _ask(hub, target, adds, _ignores(target, adds), meter)
    likely = [_Likely(add, oid) for add in adds if add.path in plain and (oid := advice.get(add.path))]
    for same in _same_as([item for item in likely if item.suits(decisions[item.add.path])], digests):
        decisions.update(dict.fromkeys(same, UploadDecision.SAME))
    return UploadPlan(decisions, head, base=head)


def _plan_many(
    hub: Hub, target: CommitTarget, adds: Sequence[Add], plain: Collection[RepoPath], digests: Digests, meter: Meter
) -> UploadPlan:
    """Compare with the repository first, and decide small files without the hub."""
    comparable, ignores = [add for add in adds if add.path in plain], _ignores(target, adds)
    found = find_entries(hub, target, [add.path for add in comparable])
    decisions: dict[RepoPath, UploadDecision] = {}
    for same in _same_as(_likely(comparable, found.entries), digests):
        decisions.update(dict.fromkeys(same, UploadDecision.SAME))
    # Only its advice says whether the stored bytes of a large file are damaged, and must be sent again.
    large = {path for path in decisions if found.entries[path].lfs is not None}
    left = [add for add in adds if add.path not in decisions]
    texts = None
    # Importing the codecs of git takes a while, which pays off only for many files.
    if found.is_whole and len(left) > preuploads.MAX_FILES:
        from entrepot.client.uploads.local_lfs_rules import LocalDecision, read_rules

        texts = read_rules(hub, target, found.folder, found.entries, ignores)
        if texts is not None:
            clear = {LocalDecision.TEXT: UploadDecision.REGULAR, LocalDecision.LARGE: UploadDecision.LARGE}
            local = ((add.path, texts.decide(add)) for add in left if add.path in plain)
            decisions.update((path, clear[decision]) for path, decision in local if decision in clear)
    meter.advance(len(decisions.keys() - large))
    undecided = [add for add in adds if add.path in large or add.path not in decisions]
    asked, head, advice = _ask(hub, target, undecided, ignores, meter)
    asked |= {path: UploadDecision.SAME for path in large if advice.get(path) is not None}
    return UploadPlan(decisions | asked, head, texts.contents if texts is not None else {}, found.commit)


def _ask(
    hub: Hub, target: CommitTarget, adds: Sequence[Add], ignores: str | None, meter: Meter
) -> tuple[dict[RepoPath, UploadDecision], str | None, dict[str, str | None]]:
    """Return the hub's decision for each file, its head, and the digest of the existing file at each path."""
    decisions: dict[RepoPath, UploadDecision] = {}
    oids: dict[str, str | None] = {}
    head = None
    for batch, answer in run_parallel(_Preupload(hub, target, ignores), batches(adds, preuploads.MAX_FILES), _THREADS):
        head = answer.commit_oid or head
        advice = {item.path: item for item in answer.files}
        decisions.update((add.path, _decision(add, advice.get(add.path))) for add in batch)
        oids.update((path, item.oid) for path, item in advice.items())
        meter.advance(len(batch))
    return decisions, head, oids


def batches(items: Sequence[T], most: int) -> Iterator[list[T]]:
    """Split items into lists of limited length."""
    rest = iter(items)
    while batch := list(islice(rest, most)):
        yield batch


@attrs.frozen
class _Likely:
    """A file, and the digest of the existing file at its path: git blob id, or the SHA-256 of a large file."""

    add: Add
    oid: str

    def suits(self, decision: UploadDecision) -> bool:
        return (decision, len(self.oid)) in ((UploadDecision.REGULAR, 40), (UploadDecision.LARGE, 64))

    def is_same(self, digests: Digests) -> bool:
        source = self.add.source
        return self.oid == (digests.sha256(source) if len(self.oid) == 64 else digests.oid(source))


@attrs.frozen
class Entries:
    """Files of a repository by path; ``is_whole``: all files of ``folder``, otherwise at least the requested ones.

    ``commit`` is the commit that was listed, if the hub sends it.
    """

    folder: str
    entries: dict[str, TreeEntry]
    is_whole: bool
    commit: str | None = None


def find_entries(hub: Hub, target: CommitTarget, paths: Sequence[RepoPath]) -> Entries:
    """Return the existing files at some paths, from a listing of their folder, or path by path if the folder is large.

    Raises:
        RepoNotFound, RevisionNotFound: the repository or the revision is not found for this caller.
    """
    folder = common_folder(paths)
    entries: dict[str, TreeEntry] = {}
    commit: str | None = None
    call = trees.page(target.repo, target.revision, folder, recursive=True)
    try:
        for _ in range(2 + 2 * len(paths) // trees.MAX_PATHS):
            page = hub.send(call)
            commit = commit or page.commit
            entries.update((entry.path, entry) for entry in page.items if entry.type == "file")
            if page.next_url is None:
                return Entries(folder, entries, is_whole=True, commit=commit)
            call = attrs.evolve(call, path=page.next_url, query=())
    except EntryNotFound:
        return Entries(folder, {}, is_whole=True)
    left = [path for path in paths if path not in entries]
    at = commit or target.revision
    calls = (trees.describe(target.repo, at, batch) for batch in batches(left, trees.MAX_PATHS))
    for described in run_parallel(hub.send, calls, _THREADS):
        entries.update((entry.path, entry) for entry in described if entry.type == "file")
    return Entries(folder, entries, is_whole=False, commit=commit)


def _likely(adds: Iterable[Add], there: Mapping[str, TreeEntry]) -> Iterator[_Likely]:
    """Yield the files that have the same size as the existing file at their path."""
    for add in adds:
        entry = there.get(add.path)
        if entry is not None and entry.size == add.source.size:
            yield _Likely(add, entry.lfs.oid if entry.lfs is not None else entry.oid)


def _same_as(likely: Iterable[_Likely], digests: Digests) -> Iterator[list[RepoPath]]:
    """Yield the paths of files with the same content as the existing file, in batches large enough for a thread."""

    def compare(batch: list[_Likely]) -> list[RepoPath]:
        return [item.add.path for item in batch if item.is_same(digests)]

    return run_parallel(compare, _weighed(likely), _THREADS)


def _weighed(likely: Iterable[_Likely]) -> Iterator[list[_Likely]]:
    batch, weight = [], 0
    for item in likely:
        batch.append(item)
        weight += item.add.source.size
        if weight > _WORTH_A_THREAD or len(batch) >= trees.MAX_PATHS:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


@attrs.frozen
class _Preupload:
    """Asks the hub how some files must be uploaded."""

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


def _plain_additions(operations: Sequence[Operation]) -> set[RepoPath]:
    """Return paths that are added only once and not changed otherwise: the addition replaces the existing file."""
    adds = Counter(operation.path for operation in operations if isinstance(operation, Add))
    others = [operation for operation in operations if not isinstance(operation, Add)]
    touched = {operation.path for operation in others}
    folders = tuple(f"{item.path}/" for item in others if isinstance(item, Delete | DeleteFolder))
    return {
        path
        for path, times in adds.items()
        if times == 1 and path not in touched and not (folders and path.startswith(folders))
    }


def _decision(add: Add, advice: PreuploadAdvice | None) -> UploadDecision:
    if advice is None:
        return UploadDecision.REGULAR
    if advice.should_ignore:
        return UploadDecision.IGNORED
    # No hub stores an empty file with LFS.
    return UploadDecision.LARGE if advice.upload_mode == "lfs" and add.source.size else UploadDecision.REGULAR


def _ignores(target: CommitTarget, adds: Sequence[Add]) -> str | None:
    """Return the ``.gitignore`` among the additions, which replaces the existing one; empty if none is to apply."""
    if target.ignores_rules:
        return ""
    for add in adds:
        if add.path == ".gitignore" and add.source.size <= _MAX_IGNORES:
            return add.source.read().decode("utf-8", "replace")
    return None
