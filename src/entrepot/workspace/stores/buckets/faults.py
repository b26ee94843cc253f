"""Translation of the failures of obstore into errors that name the storage and the cure."""

from __future__ import annotations

import re

from obstore.exceptions import (
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from entrepot.errors import BucketMissing, EntrepotError, StorageRefused, StorageUnreachable

FAILURES = (BaseError, OSError, ValueError)
"""What obstore raises when an operation fails."""

_CODE = re.compile(r"<Code>([^<]{1,80})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_STATUS = re.compile(r"non-2xx status code: (\d{3})([A-Za-z -]*)")
_NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"})


def is_bucket_absent(error: BaseException) -> bool:
    """Return whether an operation failed because the bucket does not exist."""
    return _code(str(error)) in _NO_BUCKET


def is_out_of_range(error: BaseException) -> bool:
    """Return whether a read failed because it began after the end of the object."""
    return _status(str(error)) == 416 or "Wanted range starting at" in str(error)  # the latter in memory


def is_unconditional(error: BaseException) -> bool:
    """Return whether a write failed because the storage has no conditional writes."""
    return isinstance(error, NotSupportedError) or _status(str(error)) == 501


def is_refused(error: BaseException) -> bool:
    """Return whether the storage refused the credentials, or what they may do."""
    return isinstance(error, PermissionDeniedError | UnauthenticatedError) or _status(str(error)) in (401, 403)


def translate(error: BaseException, storage: str, credentials: str) -> EntrepotError:
    """Return the error to raise for a failure of obstore; it quotes the storage's message, not the request."""
    text = str(error)
    if is_bucket_absent(error):
        return BucketMissing(storage)
    if is_refused(error):
        return StorageRefused(storage, credentials, _reason(text))
    return StorageUnreachable(storage, _reason(text))


def _code(text: str) -> str:
    found = _CODE.search(text)
    return found[1] if found else ""


def _status(text: str) -> int:
    found = _STATUS.search(text)
    return int(found[1]) if found else 0


def _reason(text: str) -> str:
    message, status = _MESSAGE.search(text), _STATUS.search(text)
    if message:
        return f"{_code(text)}: {message[1].splitlines()[0]}"
    if status:
        return f"status {status[1]}{status[2].rstrip()}"
    lines = [line.strip() for line in text.split("Debug source:")[0].splitlines() if line.strip()]
    return (lines[0] if lines else "no answer")[-200:]
