"""Content ids of the old format: a content is a descriptor that lists chunks of 256 KiB.

An id is ``z`` and the base58 digits (Bitcoin's alphabet) of the bytes ``01 70 12 20`` and a SHA-256: of the
chunk's bytes, or of the descriptor, which is the JSON text ``{"Links": [{"Hash": id, "Size": n}, ...]}``.
"""

from __future__ import annotations

import hashlib
import json
import re

import attrs
import msgspec

from entrepot.errors import ContentMismatch, InvalidName, LimitExceeded, Malformed
from entrepot.workspace.manifests.values import Cid

CHUNK_BYTES = 262_144
MAX_DESCRIPTOR_BYTES = 1 << 28
"""About three million chunks: a file of 700 GiB."""

_ALPHABET = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_HEAD = bytes((0x01, 0x70, 0x12, 0x20))
_DIGITS = 48
_CID = re.compile(r"zdj7W[1-9A-HJ-NP-Za-km-z]{44}", re.ASCII)


class _Link(msgspec.Struct, frozen=True, gc=False):
    Hash: str
    Size: int


class _Document(msgspec.Struct, frozen=True):
    Links: list[_Link]


_DECODER = msgspec.json.Decoder(_Document)


@attrs.frozen
class Descriptor:
    """The chunks of a content, in order: the id and the size of each."""

    links: tuple[tuple[Cid, int], ...]

    @property
    def size(self) -> int:
        """The size of the content."""
        return sum(size for _, size in self.links)


class DescriptorHasher:
    """Computes the id that the old format gives to a content; feed it the bytes in order. Not thread-safe."""

    def __init__(self) -> None:
        self._chunk = hashlib.sha256()
        self._held = 0
        self._links: list[tuple[Cid, int]] = []

    def update(self, data: bytes | memoryview) -> None:
        """Add the next bytes."""
        view = memoryview(data)
        while len(view):
            piece = view[: CHUNK_BYTES - self._held]
            self._chunk.update(piece)
            self._held += len(piece)
            view = view[len(piece) :]
            if self._held == CHUNK_BYTES:
                self._close_chunk()

    def cid(self) -> Cid:
        """Return the id of everything that was added; nothing can be added afterwards."""
        return cid_of(self.descriptor())

    def descriptor(self) -> bytes:
        """Return the descriptor of everything that was added; nothing can be added afterwards."""
        if self._held:
            self._close_chunk()
        return json.dumps({"Links": [{"Hash": cid, "Size": size} for cid, size in self._links]}).encode()

    def _close_chunk(self) -> None:
        self._links.append((_cid(self._chunk.digest()), self._held))
        self._chunk, self._held = hashlib.sha256(), 0


def cid_of(data: bytes | bytearray | memoryview) -> Cid:
    """Return the id of one object of the old format: a chunk or a descriptor."""
    return _cid(hashlib.sha256(data).digest())


def parse_cid(text: str) -> Cid:
    """Return the id unchanged if it is one.

    Raises:
        InvalidName: it is not.
    """
    if not _CID.fullmatch(text):
        raise InvalidName("content id", text, "expected 'zdj7W' and 44 base58 digits")
    return Cid(text)


def read_descriptor(data: bytes, cid: Cid) -> Descriptor:
    """Return the descriptor in an object of the old format.

    Raises:
        ContentMismatch: the bytes do not have this id.
        LimitExceeded: they are longer than 256 MiB.
        Malformed: they are not a descriptor.
    """
    if len(data) > MAX_DESCRIPTOR_BYTES:
        raise LimitExceeded("the descriptor of a file", MAX_DESCRIPTOR_BYTES, "split the file")
    found = cid_of(data)
    if found != cid:
        raise ContentMismatch("content id", cid, found)
    try:
        links = _DECODER.decode(data).Links
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("descriptor", str(error)) from error
    for link in links:
        if not _CID.fullmatch(link.Hash) or not 0 < link.Size <= CHUNK_BYTES:
            raise Malformed("descriptor", f"{link.Hash[:60]!r} with {link.Size} bytes is not a chunk")
    return Descriptor(tuple((Cid(link.Hash), link.Size) for link in links))


def _cid(digest: bytes) -> Cid:
    number = int.from_bytes(_HEAD + digest, "big")
    digits = bytearray(_DIGITS)
    for place in range(_DIGITS - 1, -1, -1):
        number, digit = divmod(number, 58)
        digits[place] = _ALPHABET[digit]
    return Cid("z" + digits.decode("ascii"))
