"""Signed claims: what the holder of a URL may do, and until when; and sealed payloads, which only the hub can read.

A claim is signed as a whole, so that no field of it can be replaced; the URL
needs no other authorisation. Source: docs/protocols/hf_api.md, section 2.3 (upload links must
authorise themselves, because clients send no token to them).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

import attrs

from entrepot.errors import InvalidSignature

TAG_BYTES = 16
"""How many bytes a sealed payload is longer than the payload."""


@attrs.frozen
class Signer:
    """Signs claims with the key of the hub."""

    key: bytes = attrs.field(repr=False)

    def sign(self, purpose: str, fields: Mapping[str, str], expires_s: int) -> dict[str, str]:
        """Return the query fields of a signed URL.

        Args:
            purpose: what the URL is for, including method and path.
            fields: further signed facts, each a short text.
            expires_s: time of expiry, seconds since 1970 UTC.
        """
        claimed = dict(fields) | {"exp": str(expires_s)}
        return claimed | {"sig": self._signature(purpose, claimed)}

    def check(self, purpose: str, query: Mapping[str, str], now_s: int) -> dict[str, str]:
        """Return the fields of a signed query after checking its signature and expiry.

        Raises:
            InvalidSignature: it was altered, made for another purpose, or has expired.
        """
        fields = {name: value for name, value in query.items() if name != "sig"}
        expected = self._signature(purpose, fields)
        if not hmac.compare_digest(expected.encode(), query.get("sig", "").encode("utf-8", "replace")):
            raise InvalidSignature("its signature does not match")
        if int(fields.pop("exp", "0")) < now_s:
            raise InvalidSignature("it has expired")
        return fields

    def seal(self, purpose: str, payload: str) -> str:
        """Return a token that carries a payload; its holder can read it, but not alter it."""
        body = base64.urlsafe_b64encode(payload.encode()).rstrip(b"=").decode()
        return f"{body}.{self._signature(purpose, {'body': body})}"

    def unseal(self, purpose: str, token: str) -> str:
        """Return the payload of a token made by :meth:`seal`.

        Raises:
            InvalidSignature: it was altered, or made for another purpose.
        """
        body, _, signature = token.partition(".")
        if not hmac.compare_digest(self._signature(purpose, {"body": body}).encode(), signature.encode()):
            raise InvalidSignature("its signature does not match")
        return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()

    def derive(self, purpose: str, *parts: str) -> bytes:
        """Return 32 bytes that only this hub can compute: always the same for the same purpose and parts."""
        fields = {str(number): part for number, part in enumerate(parts)}
        return bytes.fromhex(self._signature(f"derive {purpose}", fields))

    def sealer(self, purpose: str, *parts: str) -> Sealer:
        """Return the sealer for a purpose and its parts; it cannot open what a sealer of another purpose encrypted."""
        return Sealer(self.derive(f"tag {purpose}", *parts), self.derive(f"stream {purpose}", *parts))

    def _signature(self, purpose: str, fields: Mapping[str, str]) -> str:
        # Each part is preceded by its length, so two different claims never have the same signed text.
        parts = [purpose, *(part for name in sorted(fields) for part in (name, fields[name]))]
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.new(self.key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


@attrs.frozen
class Sealer:
    """Encrypts short payloads under a key of the hub so that they can be neither read, altered nor forged.

    Guarantees: equal payloads give equal results, so that clients can compare and cache them; nothing else about a
    payload but its length can be seen. It is the construction of SIV (RFC 5297): the tag of the payload selects the
    key stream.
    """

    _tag_key: bytes = attrs.field(repr=False)
    _stream_key: bytes = attrs.field(repr=False)

    def seal(self, payload: bytes) -> bytes:
        """Return the encrypted payload, which is 16 bytes longer."""
        tag = self._tag(payload)
        return tag + self._masked(tag, payload)

    def open(self, sealed: bytes) -> bytes | None:
        """Return the payload that :meth:`seal` encrypted; None for any other bytes."""
        tag, masked = sealed[:TAG_BYTES], sealed[TAG_BYTES:]
        payload = self._masked(tag, masked)
        return payload if hmac.compare_digest(tag, self._tag(payload)) else None

    def _tag(self, payload: bytes) -> bytes:
        return hmac.digest(self._tag_key, payload, "sha256")[:TAG_BYTES]

    def _masked(self, tag: bytes, data: bytes) -> bytes:
        stream = hashlib.shake_256(self._stream_key + tag).digest(len(data))
        return bytes(one ^ other for one, other in zip(data, stream, strict=True))
