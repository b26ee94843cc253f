"""Advice before an upload: which files use LFS, which are ignored, which exist already."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.files import file_links
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import LimitExceeded
from entrepot.git import Ignores
from entrepot.hub import revisions
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.files.lfs_rules import TreeRules
from entrepot.hub.files.preparation import damaged
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.storage import objects as stored
from entrepot.storage.trees import ListedEntry, Node, Trees

MAX_FILES = 1_000

_FIRST_BYTES = 64 << 20
"""Room that the disk must have before an upload of large files begins, unless they are smaller."""


@attrs.frozen
class Candidate:
    """A file that a client wants to upload; ``sample`` is its beginning, at most 512 bytes."""

    path: RepoPath
    size: int
    sample: bytes = attrs.field(repr=False)


@attrs.frozen
class UploadAdvice:
    """How to upload a file; ``etag`` is that of the file at its path now, None if its stored bytes are damaged."""

    path: RepoPath
    is_large: bool
    is_ignored: bool
    etag: str | None


@attrs.frozen
class UploadAdvicePage:
    """Advice for every candidate, in their order, and the commit that it refers to."""

    commit: Oid
    advice: Sequence[UploadAdvice]


def plan(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    revision: str,
    candidates: Sequence[Candidate],
    *,
    attributes: str | None = None,
    ignores: str | None = None,
    is_proposal: bool = False,
) -> UploadAdvicePage:
    """Return how to upload each file.

    Large files are those that ``.gitattributes`` sends to LFS, files above the limit of regular ones, and files whose
    sample is not text, unless a rule says otherwise.

    Args:
        attributes: text of the ``.gitattributes`` to use instead of the revision's.
        ignores: text of the ``.gitignore`` to use instead of the revision's.
        is_proposal: the files are for a pull request that does not exist yet.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed, RevisionNotFound: no access.
        Refused: the revision is the head of a pull request that is closed.
        LimitExceeded: more than 1,000 files, or their paths take too many comparisons with the rules.
        QuotaExceeded, LimitExceeded: large files that are new exceed the quota of the namespace.
        StoreFull: the disk has no room for the first bytes of large files that are new. Clients show these messages;
            those of the chunk store are not shown by ``hf_xet``.

    Source: docs/protocols/hf_api.md, sections 1A.5 and 4.2.
    """
    if len(candidates) > MAX_FILES:
        raise LimitExceeded("the number of files in one preupload call", MAX_FILES, "send several smaller requests")
    with hub.read() as tx:
        if is_proposal:
            row, _ = pull_request_access.proposer(tx, caller, ref)
            branch = revisions.branch(tx, row.id, revision)
        else:
            row, _, branch = pull_request_access.get_changeable_ref(tx, caller, ref, revision)
        root = stored.root_of(hub.store, tx, row.id, branch.head)
        trees = Trees(hub.store, tx, row.id)
        rules = TreeRules(tx, row.id, lambda path: trees.find(root, path), given=attributes)
        hidden = Ignores.parse(ignores if ignores is not None else rules.text(RepoPath(".gitignore")))
        rules.work.add(hidden.size.parsing_work())
        there = _entries(trees, root, [candidate.path for candidate in candidates])
        etags = {path: entry.etag for path, entry in there.items()}
        # Clients do not send what is there, but they have to send a damaged file.
        lost = damaged(tx, caller, row, [entry.lfs.sha256 for entry in there.values() if entry.lfs is not None])
        advice = [
            UploadAdvice(
                item.path,
                _is_large(rules.is_lfs(item.path), item, hub.settings.max_inline_file),
                hidden.matches(item.path, rules.work),
                etag if (etag := etags.get(item.path)) not in lost else None,
            )
            for item in candidates
        ]
        _check_quota(hub, tx, row, fresh := _fresh(candidates, advice, there))
    _check_room(hub, fresh)
    return UploadAdvicePage(branch.head, advice)


def _fresh(
    candidates: Sequence[Candidate], advice: Sequence[UploadAdvice], there: Mapping[RepoPath, ListedEntry]
) -> list[Candidate]:
    """Return the large files whose paths have nothing yet, or a file of another size."""
    return [
        item
        for item, said in zip(candidates, advice, strict=True)
        if said.is_large and not said.is_ignored and (item.path not in there or there[item.path].size != item.size)
    ]


def _check_quota(hub: HubContext, tx: Read, row: RepoRow, fresh: Sequence[Candidate]) -> None:
    """Raise if large files exceed the quota that are certainly new to the repository: it has none of their sizes."""
    left = quotas.allowance(hub, tx, row)
    if left.max_bytes is None and left.max_file_bytes is None:
        return
    # Files of one size may have one content, which counts once.
    sizes = {item.size for item in fresh if item.size}
    is_full = left.max_bytes is not None and left.used + sum(sizes) > left.max_bytes
    is_long = left.max_file_bytes is not None and max(sizes, default=0) > left.max_file_bytes
    if not (is_full or is_long):
        return
    sizes -= file_links.sizes_among(tx, row.id, sorted(sizes))
    for item in fresh:
        if item.size in sizes:
            left.check_file(f"the file '{item.path}'", item.size)
    left.check(sum(sizes))


def _check_room(hub: HubContext, fresh: Sequence[Candidate]) -> None:
    """Raise if there is no room for the beginning of large files; the hub may have the rest already, as chunks."""
    if size := sum(item.size for item in fresh):
        hub.store.drafts.receive_unnamed(min(size, _FIRST_BYTES)).discard()


def _is_large(decision: bool | None, candidate: Candidate, limit: int) -> bool:
    if candidate.size > limit:
        return True
    return decision if decision is not None else not _is_text(candidate.sample)


def _is_text(sample: bytes) -> bool:
    if b"\0" in sample:
        return False
    try:
        # Not final, because the sample may end within a character.
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _entries(trees: Trees, root: Oid, paths: Sequence[RepoPath]) -> dict[RepoPath, ListedEntry]:
    found = ((path, trees.find(root, path)) for path in paths)
    nodes = [Node(path, entry) for path, entry in found if entry is not None and not entry.is_folder]
    return {item.path: item for item in trees.measure(nodes)}
