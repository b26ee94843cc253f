"""Failures of obstore as errors of this package: an absent bucket, refused credentials, and so on."""

from __future__ import annotations

import re

from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)

FAILURES = (BaseError, OSError, ValueError)
"""What obstore raises when an operation fails."""

FOREIGN = (InvalidPathError,)
"""What it raises when a list has a key that is no path, such as ``a//b`` or ``a/../b``; other keys it lists."""

_CODE = re.compile(r"<Code>([^<]{1,80})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_STATUS = re.compile(r"non-2xx status code: (\d{3})([A-Za-z -]*)")
_SENT = re.compile(r"Error performing \w+ (https?://[^/\s?@]+)\S* in .*error sending request", re.DOTALL)
_NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"})
_FULL = frozenset({"QuotaExceeded", "InsufficientCapacity", "XMinioStorageFull", "EntityTooLarge"})


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


def is_full(error: BaseException) -> bool:
    """Return whether the storage has no space, or its quota is exceeded."""
    return _code(str(error)) in _FULL or _status(str(error)) == 507


def reason_of(error: BaseException) -> str:
    """Return why an operation failed, in the words of the storage; never the request."""
    text = str(error)
    message, status = _MESSAGE.search(text), _STATUS.search(text)
    if message:
        return f"{_code(text)}: {message[1].splitlines()[0]}"
    if status:
        return f"status {status[1]}{status[2].rstrip()}"
    sent = _SENT.search(text)
    if sent:
        return f"no answer from {sent[1]}"
    lines = [line.strip() for line in text.split("Debug source:")[0].splitlines() if line.strip()]
    return (lines[0] if lines else "no answer")[-200:]


def _code(text: str) -> str:
    found = _CODE.search(text)
    return found[1] if found else ""


def _status(text: str) -> int:
    found = _STATUS.search(text)
    return int(found[1]) if found else 0
