"""The merge of two manifests that come from a common one, path by path."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.names import RepoPath
from entrepot.workspace.manifests import ManifestEntry

Files = Mapping[RepoPath, ManifestEntry]


@attrs.frozen
class ManifestMerge:
    """The changes that one side takes over from the other.

    Attributes:
        taken: files that the other side has added or changed.
        removed: files that the other side has removed.
        conflicts: files that both sides have changed in different ways; if there are any, there is no merge.
    """

    taken: dict[RepoPath, ManifestEntry]
    removed: tuple[RepoPath, ...]
    conflicts: tuple[RepoPath, ...]


def merge_manifests(base: Files, ours: Files, theirs: Files) -> ManifestMerge:
    """Return the changes from ``base`` to ``theirs`` that ``ours`` takes over."""
    taken: dict[RepoPath, ManifestEntry] = {}
    removed, conflicts = [], []
    for path in sorted({*base, *theirs}, key=lambda path: path.encode()):
        before, own, other = base.get(path), ours.get(path), theirs.get(path)
        if _is_same(other, before) or _is_same(own, other):
            continue
        if not _is_same(own, before):
            conflicts.append(path)
        elif other is None:
            removed.append(path)
        else:
            taken[path] = other
    return ManifestMerge(taken, tuple(removed), tuple(conflicts))


def _is_same(one: ManifestEntry | None, other: ManifestEntry | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.content == other.content and one.x == other.x
