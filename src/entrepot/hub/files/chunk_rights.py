"""Which stored chunks the holder of a pass may refer to; the one rule behind every answer of the chunk store.

A holder may refer to a chunk of a xorb if they have sent the whole xorb, or
if the chunk belongs to a file that they may read now. A wider ``dedup_scope``
adds the xorbs of their namespace or of the hub, but never for anonymous
callers and fine-grained tokens. What a holder may not refer to is answered
exactly like what was never stored.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    """The chunks of some xorbs that a viewer may refer to, whether they are stored or not."""

    def __init__(self, tx: Read, viewer: Viewer, wanted: Sequence[XetHash]) -> None:
        """Look up the rights to these xorbs."""
        whole = chunk_access.whole(tx, viewer, wanted)
        self._ranges: dict[XetHash, set[bytes]] = {xorb: {_EVERYTHING} for xorb in whole}
        for xorb, packed in chunk_access.readable_ranges(tx, viewer, [xorb for xorb in wanted if xorb not in whole]):
            self._ranges.setdefault(xorb, set()).add(packed)

    def of(self, xorb: XetHash) -> ChunkSet:
        """Return the chunks of one of the xorbs that the viewer may refer to."""
        return ChunkSet(self._ranges.get(xorb, ()))


def viewer_of(hub: HubContext, tx: Read, given: XetToken) -> Viewer:
    """Return whose rights count for a pass: those that its account, as far as the token behind it goes, has now."""
    caller = capabilities.holder(tx, given.grant, hub.now_ms())
    holder = given.holder if given.may_write else None
    viewer = Viewer(read_by(caller), holder, given.repo_id, given.user_id)
    if not _is_trusted(caller):
        return viewer
    if hub.settings.dedup_scope == "hub":
        return attrs.evolve(viewer, is_everywhere=True)
    if hub.settings.dedup_scope == "namespace":
        return attrs.evolve(viewer, realm=given.realm)
    return viewer


def viewer_inside(hub: HubContext, row: RepoRow) -> Viewer:
    """Return whose rights count for files that are chunked for a repository: those of all who read it."""
    if hub.settings.dedup_scope == "hub":
        return Viewer(Visibility(), is_everywhere=True)
    if hub.settings.dedup_scope == "namespace":
        return Viewer(Visibility((), [row.id]), realm=row.namespace_id)
    return Viewer(Visibility([row.namespace_id]) if row.is_private else Visibility((), [row.id]))


def strict(viewer: Viewer) -> Viewer:
    """Return the same viewer with nothing that a wide ``dedup_scope`` adds."""
    return attrs.evolve(viewer, realm=None, is_everywhere=False)


def _is_trusted(caller: MaybeCaller) -> bool:
    return caller is not None and caller.limits is None
