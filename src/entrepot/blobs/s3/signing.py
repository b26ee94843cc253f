"""Signed URLs with which clients read a range of an object: signature version 4, in the query.

The library for buckets signs URLs of whole objects only. Here the signature covers the range, so that
a URL serves these bytes and no others.

Source: Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import quote, urlsplit

import attrs

_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED_HEADERS = "host;range"


@attrs.frozen
class UrlSigner:
    """Signs URLs of one bucket with fixed keys.

    ``endpoint`` is the URL of the service; None: AWS, where the bucket is part of the host name.
    """

    bucket: str
    region: str
    endpoint: str | None
    key_id: str
    secret: str = attrs.field(repr=False)
    token: str | None = attrs.field(default=None, repr=False)

    def sign(self, key: str, first: int, last: int, *, now_s: int, seconds: int) -> str:
        """Return a URL that serves a request with the header ``Range: bytes=first-last``, and no other.

        Args:
            key: the whole key of the object.
            last: the last byte, inclusive.
            now_s: the time, in seconds since 1970.
            seconds: how long the URL is valid, at most a week.
        """
        base, host, path = self._place(key)
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        query = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{self.key_id}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": _SIGNED_HEADERS,
        }
        if self.token:
            query["X-Amz-Security-Token"] = self.token
        pairs = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(query.items()))
        headers = f"host:{host}\nrange:bytes={first}-{last}\n"
        canonical = "\n".join(("GET", path, pairs, headers, _SIGNED_HEADERS, "UNSIGNED-PAYLOAD"))
        to_sign = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
        signature = hmac.new(self._signing_key(moment[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
        return f"{base}{path}?{pairs}&X-Amz-Signature={signature}"

    def _place(self, key: str) -> tuple[str, str, str]:
        """Return the origin, the header ``Host`` and the path of an object."""
        if self.endpoint is None:
            host = f"{self.bucket}.s3.{self.region}.amazonaws.com"
            return f"https://{host}", host, f"/{quote(key, safe='/-._~')}"
        parts = urlsplit(self.endpoint)
        path = f"{parts.path.rstrip('/')}/{self.bucket}/{quote(key, safe='/-._~')}"
        return f"{parts.scheme}://{parts.netloc}", parts.netloc, path

    def _signing_key(self, day: str) -> bytes:
        key = f"AWS4{self.secret}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")
