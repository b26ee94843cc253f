"""JSON of the chunk store API.

Source: docs/protocols/xet.md, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct, field


class TokenResponse(Struct, frozen=True, kw_only=True):
    """A token for the chunk store: the store's URL, the expiry (seconds since 1970) and the secret."""

    cas_url: str = field(name="casUrl")
    exp: int
    access_token: str = field(name="accessToken")

    def __repr__(self) -> str:
        return f"TokenResponse(cas_url={self.cas_url!r}, exp={self.exp})"

    def headers(self) -> dict[str, str]:
        """Return the same values as headers: the Python client reads the headers, the Rust client the body."""
        return {
            "X-Xet-Cas-Url": self.cas_url,
            "X-Xet-Access-Token": self.access_token,
            "X-Xet-Token-Expiration": str(self.exp),
        }


class XorbResponse(Struct, frozen=True, kw_only=True):
    """Response to an uploaded xorb; ``was_inserted`` is false if the xorb was stored before."""

    was_inserted: bool


class ShardResponse(Struct, frozen=True, kw_only=True):
    """Response to a registered shard: ``result`` is 1 if it was registered now, 0 if it was registered before."""

    result: int = 1


class Validating(Struct, frozen=True, kw_only=True, tag_field="type", tag="validating"):
    """A progress line: ``verified`` of ``total`` steps are done."""

    verified: int
    total: int


class Registered(Struct, frozen=True, kw_only=True, tag_field="type", tag="result"):
    """The last line of the response to a shard that was registered."""

    result: int = 1


class ShardFailure(Struct, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """The last line of the response to a shard that was refused; the uploader is shown ``message``."""

    message: str
    retryable: bool


ShardLine = Validating | Registered | ShardFailure
"""One line of the response to a shard."""


class Span(Struct, frozen=True):
    """A range from ``start`` to ``end``: chunk numbers (end exclusive) or bytes (end inclusive)."""

    start: int
    end: int


class TermInfo(Struct, frozen=True, kw_only=True):
    """A term of a file: consecutive chunks of a xorb, ``unpacked_length`` bytes long."""

    hash: str
    unpacked_length: int
    range: Span


class FetchInfo(Struct, frozen=True, kw_only=True):
    """Chunks of a xorb (``range``), the URL that serves them, and the bytes to request from it (``url_range``)."""

    range: Span
    url: str
    url_range: Span


class FetchRange(Struct, frozen=True, kw_only=True):
    """Chunks of a xorb and their byte range."""

    chunks: Span
    byte_span: Span = field(name="bytes")


class Fetch(Struct, frozen=True, kw_only=True):
    """A URL and its ranges; always one range, because stores such as S3 cannot send several."""

    url: str
    ranges: Sequence[FetchRange]


class Reconstruction(Struct, frozen=True, kw_only=True):
    """The reconstruction of a range of a file, in version 1 of the protocol."""

    offset_into_first_range: int
    terms: Sequence[TermInfo]
    fetch_info: Mapping[str, Sequence[FetchInfo]]


class ReconstructionV2(Struct, frozen=True, kw_only=True):
    """The reconstruction of a range of a file, in version 2 of the protocol."""

    offset_into_first_range: int
    terms: Sequence[TermInfo]
    xorbs: Mapping[str, Sequence[Fetch]]


def second_version(first: Reconstruction) -> ReconstructionV2:
    """Convert a reconstruction to version 2 of the protocol."""
    xorbs = {
        xorb: [Fetch(url=info.url, ranges=[FetchRange(chunks=info.range, byte_span=info.url_range)]) for info in infos]
        for xorb, infos in first.fetch_info.items()
    }
    return ReconstructionV2(offset_into_first_range=first.offset_into_first_range, terms=first.terms, xorbs=xorbs)


def encode_line(line: ShardLine) -> bytes:
    """Encode one line of JSON, including its line feed."""
    return msgspec.json.encode(line) + b"\n"
