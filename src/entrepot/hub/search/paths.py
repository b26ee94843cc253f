"""Use case that finds files of a revision by parts of their paths."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import attrs

from entrepot.cards import find_gguf
from entrepot.errors import LimitExceeded
from entrepot.git import Entry, Mode
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.names import ROOT, Oid, RepoPath, RepoRef, name_fault
from entrepot.storage.trees import ListedEntry, Node, Trees

_MAX_GGUFS = 100
MAX_TEXT = 200
"""Longest text that is searched for, in characters."""

MAX_FOLDERS = 10_000
"""Folders that one search looks into."""

MAX_TREE_BYTES = 16 << 20
"""Bytes of tree objects that one search looks into; 100,000 entries have about a quarter of it."""

_BATCH = 100


@attrs.frozen
class FoundPaths:
    """Files found at a commit, those in upper folders first. ``is_complete``: whether there are no others."""

    commit: Oid
    files: Sequence[ListedEntry]
    is_complete: bool


def find_paths(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, folder: RepoPath, text: str, *, limit: int
) -> FoundPaths:
    """Return the first files below a folder whose paths contain all words of a text.

    Args:
        text: words, separated by spaces; the case of ASCII letters does not matter. Without a word, nothing is found.
        limit: files that are returned.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
        RevisionNotFound, EntryNotFound: the revision or the folder does not exist.
        LimitExceeded: the text is longer than 200 characters.

    Guarantees: looks into at most 10,000 folders and about 16 MiB of tree objects, however large the repository is.
    Folders that were searched recently, at any commit, are searched in memory.
    """
    if len(text) > MAX_TEXT:
        raise LimitExceeded("the text to search for", MAX_TEXT)
    words = _least([word.encode("utf-8", "surrogateescape").lower() for word in text.split()])
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        commit, trees, top = contents.open_folder(hub, tx, row, revision, folder)
        found, is_complete = list[Node](), True
        for node in _matching(trees, top, folder, words) if words else ():
            if node is None or len(found) == limit:
                is_complete = False
                break
            found.append(node)
        return FoundPaths(commit, trees.measure(found), is_complete)


def find_gguf_path(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> str | None:
    """Return the path of the GGUF file that stands for a model, or None.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: as :func:`find_paths`.
    """
    found = find_paths(hub, caller, ref, revision, ROOT, ".gguf", limit=_MAX_GGUFS).files
    return find_gguf(str(item.path) for item in found)


def _least(words: Sequence[bytes]) -> Sequence[bytes]:
    """Return the words without repetitions and parts of others, which cost time and change nothing; longest first."""
    found: list[bytes] = []
    for word in sorted(words, key=len, reverse=True):
        if not any(word in other for other in found):
            found.append(word)
    return found


def _matching(trees: Trees, top: Oid, folder: RepoPath, words: Sequence[bytes]) -> Iterator[Node | None]:
    """Yield the files whose paths below a folder contain all words, level by level; None if a bound ends the search."""
    waiting, folders, size = deque([(folder, top)]), 0, 0
    while waiting:
        some = [waiting.popleft() for _ in range(min(len(waiting), _BATCH))]
        for (here, _), names in zip(some, trees.names([tree for _, tree in some]), strict=True):
            if folders == MAX_FOLDERS or size > MAX_TREE_BYTES:
                yield None
                return
            folders, size = folders + 1, size + names.size
            above = here.removeprefix(folder).encode("utf-8", "surrogateescape").lower()
            for entry in names.files([word for word in words if word not in above]):
                if entry.mode != Mode.GITLINK and name_fault(entry.name, is_top=here == ROOT) is None:
                    yield Node(_below(here, entry), entry)
            waiting.extend(
                (_below(here, inner), inner.oid)
                for inner in names.folders
                if name_fault(inner.name, is_top=here == ROOT) is None
            )


def _below(folder: RepoPath, entry: Entry) -> RepoPath:
    return RepoPath(f"{folder}/{entry.name}" if folder else entry.name)
