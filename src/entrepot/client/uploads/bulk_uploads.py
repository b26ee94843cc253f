"""Bulk uploads: many small files for the LFS store in one request, if the hub supports it.

For a file of a few kilobytes, the overhead of a request exceeds its transfer. This
is an extension of entrepot; other hubs receive at most one such request.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterator, Sequence

import attrs

from entrepot.client.calls import bulk_uploads
from entrepot.client.commit_target import CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.http_errors import HubFailure
from entrepot.client.hubs import Hub
from entrepot.client.parallel import run_parallel
from entrepot.client.progress import Meter
from entrepot.client.sources import Source
from entrepot.errors import AnswerUnusable, Forbidden, RepoNotFound, RevisionNotFound, Unauthenticated, Unavailable
from entrepot.names import Sha256
from entrepot.wire.files.bulk_uploads import MAX_BYTES, MAX_FILES, BulkUploadFile

SMALL_BYTES = 64 << 10
"""Files above this size are uploaded in chunks, which the hub can deduplicate."""

_THREADS = 2

_WITHOUT: weakref.WeakSet[Hub] = weakref.WeakSet()
"""Hubs that do not support bulk uploads."""


def send(hub: Hub, target: CommitTarget, sources: Sequence[Source], digests: Digests, meter: Meter) -> list[Source]:
    """Upload the small ones of some contents; afterwards ``digests`` contains their SHA-256.

    Returns:
        Contents that must be uploaded in another way: larger ones, or all if
        the hub does not support bulk uploads.

    Raises:
        SourceChanged, SourceMissing, SourceUnreadable: a file changed after it was found, or cannot be read.
        RepoNotFound, RevisionNotFound, Forbidden, Unauthenticated: the caller has no write access.
        HubUnreachable, HubTimeout, Unavailable: the hub did not respond, or is unavailable.
    """
    small = [source for source in sources if 0 < source.size <= SMALL_BYTES]
    if not small or hub in _WITHOUT:
        return list(sources)
    hub.need_network(str(target.repo))
    sent: set[int] = set()
    try:
        for batch in run_parallel(_Batch(hub, target, digests), _batches(small), _THREADS):
            sent.update(map(id, batch))
            meter.advance(sum(source.size for source in batch))
    except AnswerUnusable:
        _WITHOUT.add(hub)
    except (RepoNotFound, RevisionNotFound, Forbidden, Unauthenticated, Unavailable):
        raise
    except HubFailure:
        _WITHOUT.add(hub)
    return [source for source in sources if id(source) not in sent]


@attrs.frozen
class _Batch:
    """Uploads one batch and returns it."""

    hub: Hub
    target: CommitTarget
    digests: Digests

    def __call__(self, batch: list[Source]) -> list[Source]:
        contents: dict[Sha256, bytes] = {}
        for source in batch:
            data = source.read()
            sha256 = Sha256(hashlib.sha256(data).hexdigest())
            contents[sha256] = data
            self.digests.learn(source, sha256)
        files = [BulkUploadFile(sha256, len(data)) for sha256, data in contents.items()]
        call = bulk_uploads.bulk_upload(
            self.target.repo,
            self.target.revision,
            files,
            list(contents.values()),
            create_pr=self.target.opens_pull,
        )
        if not contents.keys() <= set(self.hub.send(call).stored):
            raise AnswerUnusable(call.path, "the response does not list every file that was sent")
        return batch


def _batches(sources: Sequence[Source]) -> Iterator[list[Source]]:
    batch: list[Source] = []
    length = 0
    for source in sources:
        if batch and (len(batch) >= MAX_FILES or length + source.size > MAX_BYTES):
            yield batch
            batch, length = [], 0
        batch.append(source)
        length += source.size
    if batch:
        yield batch
