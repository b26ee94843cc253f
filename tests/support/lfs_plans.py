"""Plans of LFS transfers, as tests ask for them."""

from __future__ import annotations

import hashlib

from entrepot.blobs import file_key
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.files import lfs
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.names import RepoRef, Sha256
from tests.support.worlds import World


def wanted(data: bytes) -> RequestedObject:
    """Return the description of a large file in a request."""
    return RequestedObject(Sha256(hashlib.sha256(data).hexdigest()), len(data))


def plan(
    world: World, ref: RepoRef, data: bytes, by: MaybeCaller = None, *, takes_parts: bool = False
) -> lfs.ObjectPlan:
    """Return the plan for an upload; by default of the owner of the repository."""
    caller = by or world.caller(ref.id.namespace)
    [answer] = lfs.plan_uploads(world.hub, caller, ref, [wanted(data)], takes_parts=takes_parts)
    return answer


def download(world: World, ref: RepoRef, data: bytes, by: MaybeCaller = None) -> bytes:
    """Return the content behind a signed link, by default of alice."""
    [answer] = lfs.plan_downloads(world.hub, by or world.alice, ref, [wanted(data)])
    assert isinstance(answer.link, SignedUrl)
    content = lfs.fetch(world.hub, wanted(data).sha256, answer.link.query)
    try:
        return content.read_at(0, content.size)
    finally:
        content.close()


def is_stored(world: World, data: bytes) -> bool:
    """Return whether the raw bytes of a file are in the blob store."""
    return world.hub.store.blobs.stat(file_key(wanted(data).sha256)) is not None
