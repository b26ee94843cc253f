"""Names of the files of trees, as descriptions of repositories list them; encoded once for each recent tree.

A tree never changes, so neither does its list. Thousands of names take a tenth of a second to collect and to encode,
in which other requests wait for the interpreter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from entrepot.hub.repos.infos import RevisionInfo, TreeKey
from entrepot.hub.versioned_cache import Version, VersionedCache
from entrepot.names import RepoPath
from entrepot.wire.repos.repositories import RepoInfo

_ALWAYS: Version = (0, 0)
"""The version under which lists are remembered: no change of the database changes a tree."""


@attrs.frozen
class FileList:
    """The encoded ``siblings`` of a tree, without sizes, and the paths that are not among them."""

    encoded: msgspec.Raw
    left_out: Sequence[RepoPath]


class FileLists:
    """Lists of the most recently requested trees. Thread-safe."""

    def __init__(self, most_bytes: int) -> None:
        """Start empty.

        Args:
            most_bytes: size of all lists together at most.
        """
        self._held = VersionedCache[FileList](most_bytes)

    def search(self) -> ListSearch:
        """Return a search for the list of one request."""
        return ListSearch(self._held)


@attrs.define
class ListSearch:
    """The list of one request, looked up once."""

    _held: VersionedCache[FileList]
    _found: FileList | None = None

    def is_known(self, tree: TreeKey) -> bool:
        """Return whether the list of a tree is known, so that its files need not be read."""
        self._found = self._held.find(_ALWAYS, tree)
        return self._found is not None

    def put_into(self, info: RepoInfo, full: RevisionInfo) -> Sequence[RepoPath]:
        """Give a rendered description its files; return the paths that are left out."""
        found = self._found
        if found is None:
            encoded = msgspec.json.encode(info.siblings if isinstance(info.siblings, Sequence) else ())
            found = FileList(msgspec.Raw(encoded), full.left_out)
            if full.tree is not None:
                self._held.put(_ALWAYS, full.tree, found, len(encoded))
        ready: Any = found.encoded
        info.siblings = ready
        return found.left_out
