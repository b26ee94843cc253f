"""Use case that finds files of a revision by parts of their paths."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import attrs

from entrepot.errors import LimitExceeded
from entrepot.git import Mode
from entrepot.git.trees import find_entries
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.names import ROOT, Oid, RepoPath, RepoRef, name_fault
from entrepot.storage.trees import ListedEntry, Node, Trees

MAX_TEXT = 200
"""Longest text that is searched for, in characters."""

MAX_FOLDERS = 500
"""Folders that one search reads."""

MAX_TREE_BYTES = 8 << 20
"""Bytes of tree objects that one search reads; 100,000 entries have about half of it."""


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

    Guarantees: reads at most 500 folders and 8 MiB of tree objects, however large the repository is.
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
        if folders == MAX_FOLDERS or size > MAX_TREE_BYTES:
            yield None
            return
        here, tree = waiting.popleft()
        content = trees.read(tree)
        folders, size = folders + 1, size + len(content)
        above = here.removeprefix(folder).encode("utf-8", "surrogateescape").lower()
        missing = [word for word in words if word not in above]
        for entry in find_entries(content, missing):
            if name_fault(entry.name, is_top=here == ROOT) is not None or entry.mode == Mode.GITLINK:
                continue
            path = RepoPath(f"{here}/{entry.name}" if here else entry.name)
            if entry.is_folder:
                waiting.append((path, entry.oid))
            else:
                yield Node(path, entry)
