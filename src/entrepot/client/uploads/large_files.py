"""Upload large files: small ones in bulk, the others through Xet or, if the hub has no chunk store, git LFS."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.client.commit_target import CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.hubs import Hub
from entrepot.client.progress import Progress
from entrepot.client.sources import Source
from entrepot.client.uploads import bulk_uploads, chunk_uploads, lfs_uploads
from entrepot.errors import ChunksRefused


def send(hub: Hub, target: CommitTarget, sources: Sequence[Source], digests: Digests, progress: Progress) -> None:
    """Upload contents so that a commit can refer to them; afterwards ``digests`` contains each SHA-256.

    Raises:
        SourceChanged, SourceMissing, SourceUnreadable: a file changed after it was found, or cannot be read.
        Refused: the hub refuses a file.
        HubFailure, HubUnreachable, HubTimeout: the hub refused, or could not be reached.

    Guarantees: contents that the hub is known to have are not sent. A file whose
    SHA-256 is known in advance is not even read if the hub has it. If the hub
    does not support bulk uploads, small files are sent as the others are; if the chunk
    store fails, files are sent through LFS.
    """
    left = _unknown(hub, target, sources, digests)
    if not left:
        return
    meter = progress.begin(f"Uploading {_counted(left)}", sum(source.size for source in left))
    try:
        left = bulk_uploads.send(hub, target, left, digests, meter)
        if not left:
            return
        opened = chunk_uploads.find_token(hub, target)
        if opened is not None:
            try:
                chunk_uploads.send(hub, target, left, digests, meter, opened)
            except ChunksRefused:
                left = lfs_uploads.missing(hub, target, left, _hashed(left, digests))
            else:
                return
        lfs_uploads.send(hub, target, left, digests, meter)
    finally:
        meter.finish()


def _unknown(hub: Hub, target: CommitTarget, sources: Sequence[Source], digests: Digests) -> list[Source]:
    """Return the contents that the hub lacks; it can be asked only for contents with a known digest."""
    known = [source for source in sources if digests.find_sha256(source) is not None]
    if not known:
        return list(sources)
    wanted = {id(source) for source in lfs_uploads.missing(hub, target, known, digests)}
    return [source for source in sources if digests.find_sha256(source) is None or id(source) in wanted]


def _hashed(sources: Sequence[Source], digests: Digests) -> Digests:
    for source in sources:
        digests.sha256(source)
    return digests


def _counted(sources: Sequence[Source]) -> str:
    return sources[0].label if len(sources) == 1 else f"{len(sources)} large files"
