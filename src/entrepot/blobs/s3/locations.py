"""The location of a hub's blobs in S3: ``s3://bucket/prefix?endpoint=…&region=…&profile=…``."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import attrs

from entrepot.errors import InvalidArgument

SCHEME = "s3://"
EXAMPLE = "s3://BUCKET/PREFIX?endpoint=https://HOST:PORT"

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9._-]{1,200}(?:/[A-Za-z0-9._-]{1,200})*)?")
_PARAMETERS = frozenset({"endpoint", "region", "profile"})


@attrs.frozen
class S3Location:
    """A bucket, the prefix of its keys (without a ``/`` at the end), and how to reach it; no secret."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    profile: str = "default"

    @property
    def name(self) -> str:
        """The location as messages write it, without credentials."""
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")


def parse_location(url: str) -> S3Location:
    """Return the location that a URL names.

    Raises:
        InvalidArgument: it has another form; the message never repeats a URL, which may contain a secret by mistake.
    """
    try:
        parts = urlsplit(url)
        found = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise InvalidArgument(f"the store is not a URL such as {EXAMPLE}") from None
    if "@" in parts.netloc or "@" in found.get("endpoint", ""):
        raise InvalidArgument(
            "the URL of the store contains credentials, which it must not: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws with ?profile=NAME"
        )
    prefix = parts.path.strip("/")
    if f"{parts.scheme}://" != SCHEME or not _BUCKET.fullmatch(parts.netloc) or parts.fragment:
        raise InvalidArgument(f"the store is not a URL such as {EXAMPLE}")
    if not _PREFIX.fullmatch(prefix) or any(part in (".", "..") for part in prefix.split("/")):
        raise InvalidArgument("the prefix of the store has characters other than letters, digits and . _ - /")
    unknown = sorted(set(found) - _PARAMETERS)
    if unknown:
        raise InvalidArgument(
            f"unknown parameter {unknown[0][:40]!r} of the store; use {', '.join(sorted(_PARAMETERS))}"
        )
    return S3Location(
        parts.netloc,
        prefix,
        found.get("endpoint") or None,
        found.get("region") or None,
        found.get("profile") or "default",
    )
