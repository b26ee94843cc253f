"""What the chunk store and its clients say to each other, as JSON.

Source: docs/protocols/xet.md, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct, field


class TokenResponse(Struct, frozen=True, kw_only=True):
    """A pass for the chunk store: where it is, until when the pass is good (seconds since 1970), and its secret."""

    cas_url: str = field(name="casUrl")
    exp: int
    access_token: str = field(name="accessToken")

    def __repr__(self) -> str:
        return f"PassAnswer(cas_url={self.cas_url!r}, exp={self.exp})"

    def headers(self) -> dict[str, str]:
        """The same as headers: Python reads these, and Rust the body."""
        return {
            "X-Xet-Cas-Url": self.cas_url,
            "X-Xet-Access-Token": self.access_token,
            "X-Xet-Token-Expiration": str(self.exp),
        }


class XorbResponse(Struct, frozen=True, kw_only=True):
    """A xorb is stored; ``was_inserted`` is false when it had been before."""

    was_inserted: bool


class ShardResponse(Struct, frozen=True, kw_only=True):
    """A shard is registered: 1 stands for "now", 0 for "it had been before"."""

    result: int = 1


class Validating(Struct, frozen=True, kw_only=True, tag_field="type", tag="validating"):
    """A line of progress: ``verified`` of ``total`` steps are done."""

    verified: int
    total: int


class Registered(Struct, frozen=True, kw_only=True, tag_field="type", tag="result"):
    """The last line about a shard that is registered."""

    result: int = 1


class ShardFailure(Struct, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """The last line about a shard that was refused; ``message`` is what its uploader gets to read."""

    message: str
    retryable: bool


ShardLine = Validating | Registered | ShardFailure
"""One line of the answer to a shard."""


class Span(Struct, frozen=True):
    """From ``start`` to ``end``: chunk numbers with the end excluded, or bytes with the end included."""

    start: int
    end: int


class TermInfo(Struct, frozen=True, kw_only=True):
    """A stretch of a file: some chunks of a xorb, ``unpacked_length`` bytes long."""

    hash: str
    unpacked_length: int
    range: Span


class FetchInfo(Struct, frozen=True, kw_only=True):
    """Chunks of a xorb (``range``), the URL that has them, and the bytes to ask it for (``url_range``)."""

    range: Span
    url: str
    url_range: Span


class FetchRange(Struct, frozen=True, kw_only=True):
    """Chunks of a xorb and their bytes."""

    chunks: Span
    byte_span: Span = field(name="bytes")


class Fetch(Struct, frozen=True, kw_only=True):
    """A URL and what it has; one range, because a client that sends one may not send several."""

    url: str
    ranges: Sequence[FetchRange]


class Reconstruction(Struct, frozen=True, kw_only=True):
    """How to make a range of a file, as the first version of the protocol says it."""

    offset_into_first_range: int
    terms: Sequence[TermInfo]
    fetch_info: Mapping[str, Sequence[FetchInfo]]


class ReconstructionV2(Struct, frozen=True, kw_only=True):
    """How to make a range of a file, as the second version of the protocol says it."""

    offset_into_first_range: int
    terms: Sequence[TermInfo]
    xorbs: Mapping[str, Sequence[Fetch]]


def second_version(first: Reconstruction) -> ReconstructionV2:
    """The same reconstruction in the words of the second version."""
    xorbs = {
        xorb: [Fetch(url=info.url, ranges=[FetchRange(chunks=info.range, byte_span=info.url_range)]) for info in infos]
        for xorb, infos in first.fetch_info.items()
    }
    return ReconstructionV2(offset_into_first_range=first.offset_into_first_range, terms=first.terms, xorbs=xorbs)


def encode_line(line: ShardLine) -> bytes:
    """One line of JSON, with its end."""
    return msgspec.json.encode(line) + b"\n"
