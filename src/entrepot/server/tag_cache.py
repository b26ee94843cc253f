"""Cache of the tags of public repositories, which filters of lists show with their counts."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import attrs

from entrepot.hub.context import HubContext
from entrepot.hub.search import tags
from entrepot.hub.search.tags import SortedTag
from entrepot.names import RepoType

FRESH_MS = 60_000
"""Maximum age of the counts: counting reads the tags of all repositories."""

_MAX_SHOWN = 12


@attrs.define
class _Counted:
    at_ms: int
    groups: Mapping[str, Sequence[SortedTag]]


class TagCache:
    """The most frequent tags of each kind, counted again after a minute. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[RepoType, _Counted] = {}

    def most_frequent(self, hub: HubContext, kind: RepoType) -> Mapping[str, Sequence[SortedTag]]:
        """Return the twelve most frequent public tags of each kind of tag; kinds without tags are left out."""
        with self._lock:
            found = self._counted.get(kind)
        if found is None or hub.now_ms() - found.at_ms >= FRESH_MS:
            sorted_tags = {
                group: sorted(items, key=lambda item: (-item.count, item.label))[:_MAX_SHOWN]
                for group, items in tags.by_kind(hub, kind).items()
                if items
            }
            found = _Counted(hub.now_ms(), sorted_tags)
            with self._lock:
                self._counted[kind] = found
        return found.groups
