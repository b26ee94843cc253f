"""Rights to stored chunks: which chunks the holder of a Xet token may refer to, for every use of the chunk store.

A holder may refer to a chunk of a xorb if they have sent the whole xorb, or
if the chunk belongs to a file that they may read now. A wider ``dedup_scope``
adds the xorbs of their namespace or of the hub, but never for anonymous
callers and fine-grained tokens. For chunks that a holder may not refer to, the
response is the same as for chunks that were never stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.files import chunk_access
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.hub import capabilities
from entrepot.hub.callers import MaybeCaller, read_by
from entrepot.hub.context import HubContext
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.names import XetHash
from entrepot.xet import MAX_CHUNKS, ChunkSet, pack_ranges

_EVERYTHING = pack_ranges([(0, MAX_CHUNKS)])


class ChunkRights:
    """The chunks of some xorbs that a viewer may refer to, whether or not they are stored."""

    def __init__(self, tx: Read | None = None, viewer: Viewer | None = None, wanted: Sequence[XetHash] = ()) -> None:
        """Look up the rights to the given xorbs."""
        self._whole: set[XetHash] = set()
        self._ranges: dict[XetHash, set[bytes]] = {}
        self._left = chunk_access.MAX_ROWS
        if tx is not None and viewer is not None:
            self.add(tx, viewer, wanted)

    def add(self, tx: Read, viewer: Viewer, wanted: Sequence[XetHash]) -> None:
        """Look up the rights to further xorbs."""
        whole = chunk_access.whole(tx, viewer, wanted)
        self._whole |= whole
        self._ranges |= {xorb: {_EVERYTHING} for xorb in whole}
        others = [xorb for xorb in wanted if xorb not in whole]
        for xorb, packed in chunk_access.readable_ranges(tx, viewer, others, self._left):
            self._left -= 1
            self._ranges.setdefault(xorb, set()).add(packed)

    def lost(self, now: ChunkRights, xorbs: Iterable[XetHash]) -> list[XetHash]:
        """Return those of some xorbs to which the viewer had more rights before than ``now``."""
        return [xorb for xorb in xorbs if not self._ranges.get(xorb, set()) <= now._ranges.get(xorb, set())]

    def of(self, xorb: XetHash) -> ChunkSet:
        """Return the chunks of one of the xorbs that the viewer may refer to."""
        return ChunkSet(self._ranges.get(xorb, ()))

    def is_whole(self, xorb: XetHash) -> bool:
        """Return whether the viewer may use all of a xorb and know that it is one: they sent it, or share it."""
        return xorb in self._whole


def viewer_of(hub: HubContext, tx: Read, given: XetToken) -> Viewer:
    """Return the viewer for a Xet token: its account with current rights, limited by the access token behind it."""
    caller = capabilities.holder(tx, given.grant, hub.now_ms())
    sender = given.sender if given.may_write else None
    viewer = Viewer(read_by(caller), sender, given.repo_id, given.user_id)
    if not _is_trusted(caller):
        return viewer
    if hub.settings.dedup_scope == "hub":
        return attrs.evolve(viewer, is_everywhere=True)
    # An editor of a shared folder has no role with its owner, and must not learn of the chunks of others there.
    if hub.settings.dedup_scope == "namespace" and _belongs(caller, given.namespace_id):
        return attrs.evolve(viewer, realm=given.namespace_id)
    return viewer


def viewer_of_readers(hub: HubContext, row: RepoRow) -> Viewer:
    """Return the viewer for files that the hub chunks for a repository: the rights that all its readers have."""
    if hub.settings.dedup_scope == "hub":
        return Viewer(Visibility(), is_everywhere=True)
    if row.parent_id is not None:
        return Viewer(Visibility((), [row.id]))
    if hub.settings.dedup_scope == "namespace":
        return Viewer(Visibility((), [row.id]), realm=row.namespace_id)
    return Viewer(Visibility([row.namespace_id]) if row.is_private else Visibility((), [row.id]))


def strict(viewer: Viewer) -> Viewer:
    """Return the same viewer without the rights added by a wider ``dedup_scope``."""
    return attrs.evolve(viewer, realm=None, is_everywhere=False)


def _belongs(caller: MaybeCaller, namespace_id: int) -> bool:
    return caller is not None and caller.own_role(namespace_id) is not None


def _is_trusted(caller: MaybeCaller) -> bool:
    return caller is not None and caller.limits is None
