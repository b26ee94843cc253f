"""Translation of the failures of obstore into errors that name the storage and the cure."""

from __future__ import annotations

from entrepot.blobs.s3.answers import is_bucket_absent, is_refused, reason_of
from entrepot.errors import BucketMissing, EntrepotError, StorageRefused, StorageUnreachable


def translate(error: BaseException, storage: str, credentials: str) -> EntrepotError:
    """Return the error to raise for a failure of obstore; it quotes the storage's message, not the request."""
    if is_bucket_absent(error):
        return BucketMissing(storage)
    if is_refused(error):
        return StorageRefused(storage, credentials, reason_of(error))
    return StorageUnreachable(storage, reason_of(error))
