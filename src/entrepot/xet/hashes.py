"""The hashes of Xet: of chunks, xorbs, files and ranges of chunks.

All are 32 bytes of keyed BLAKE3. Within this package, chunk hashes are raw
``bytes``, concatenated without separators. The id of a xorb or a file is a
:class:`XetHash`, the text form used in URLs and JSON.

Source: docs/protocols/xet.md, section 2.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING

from blake3 import blake3

from entrepot.errors import Malformed
from entrepot.names import XetHash
from entrepot.xet.arrays import np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Buffer = bytes | bytearray | memoryview
"""Read-only bytes."""

HASH_BYTES = 32
ZERO_HASH = XetHash("0" * 64)
"""The id of the empty file."""

DATA_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
RANGE_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
FILE_KEY = bytes(32)

_GROUPS = struct.Struct("<4Q")

# A node of the tree has 2 to 9 children, and ends after the first one whose hash is a multiple of 4.
_MAX_CHILDREN = 9
_BLOCK = 8192


def read_hash(raw: Buffer) -> XetHash:
    """Return the text form of a raw hash.

    Raises:
        Malformed: the hash does not have 32 bytes.
    """
    if len(raw) != HASH_BYTES:
        raise Malformed("xet hash", f"it has {len(raw)} bytes, not 32")
    return XetHash(struct.pack(">4Q", *_GROUPS.unpack(raw)).hex())


def encode_hash(name: XetHash) -> bytes:
    """Return the 32 raw bytes of an id."""
    return _GROUPS.pack(int(name[:16], 16), int(name[16:32], 16), int(name[32:48], 16), int(name[48:], 16))


def chunk_hash(chunk: Buffer) -> bytes:
    """Return the raw hash of a chunk's uncompressed bytes."""
    return blake3(chunk, key=DATA_KEY).digest()


def keyed_chunk_hash(raw_hash: Buffer, key: bytes) -> bytes:
    """Return a raw chunk hash in the keyed form that the server shows to clients.

    Args:
        key: 32 bytes, known to the clients that may compare.
    """
    return blake3(raw_hash, key=key).digest()


def range_hash(hashes: Buffer) -> bytes:
    """Return the raw hash by which an uploader proves that it knows these chunks.

    Args:
        hashes: the concatenated raw hashes of the chunks.
    """
    return blake3(hashes, key=RANGE_KEY).digest()


def merkle_root(hashes: Buffer, lengths: ArrayLike) -> bytes:
    """Return the raw root of the tree over chunks; 32 zero bytes if there are none.

    Args:
        hashes: concatenated raw chunk hashes.
        lengths: the uncompressed length of each chunk.

    Raises:
        Malformed: the numbers of hashes and lengths differ.
    """
    tree = MerkleTree()
    tree.add(hashes, lengths)
    return tree.root()


def xorb_hash(hashes: Buffer, lengths: ArrayLike) -> XetHash:
    """Return the id of a xorb with these chunks; arguments and errors as in :func:`merkle_root`."""
    return read_hash(merkle_root(hashes, lengths))


def file_hash(hashes: Buffer, lengths: ArrayLike) -> XetHash:
    """Return the id of a file with these chunks; arguments and errors as :func:`merkle_root`."""
    if len(hashes) == HASH_BYTES and len(_numbers(lengths)) == 1:
        return read_hash(blake3(hashes, key=FILE_KEY).digest())  # a single chunk is the root itself
    tree = MerkleTree()
    tree.add(hashes, lengths)
    return tree.file_hash()


def root_file_hash(hashes: Buffer, lengths: ArrayLike) -> XetHash:
    """Return the id of the file whose tree has this level; arguments and errors as in :func:`merkle_root`."""
    return read_hash(blake3(merkle_root(hashes, lengths), key=FILE_KEY).digest())


class MerkleTree:
    """A hash tree that is computed incrementally.

    Guarantees: the result does not depend on how the chunks were split into
    calls; memory is limited to a few thousand chunks, time is linear.
    """

    __slots__ = ("_gathered", "_gathered_count", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[tuple[bytes, NDArray[np.int64]]] = []
        self._gathered: list[tuple[Buffer, NDArray[np.int64]]] = []
        self._gathered_count = 0

    def add(self, hashes: Buffer, lengths: ArrayLike) -> None:
        """Add the next chunks.

        Raises:
            Malformed: the numbers of hashes and lengths differ.
        """
        numbers = _numbers(lengths)
        if len(hashes) != HASH_BYTES * len(numbers):
            raise Malformed("chunk list", f"{len(hashes)} bytes of hashes for {len(numbers)} lengths")
        self._gathered.append((hashes, numbers))
        self._gathered_count += len(numbers)
        if self._gathered_count >= _BLOCK:
            self._grow()

    def root(self) -> bytes:
        """Return the raw root over all added chunks; 32 zero bytes if there are none."""
        self._grow()
        waiting = list(self._waiting)
        level = 0
        while level < len(waiting):
            hashes, lengths = waiting[level]
            level += 1
            if level == len(waiting) and len(lengths) == 1:
                return hashes
            if len(lengths):
                if level == len(waiting):
                    waiting.append((b"", lengths[:0]))
                _, above, sums = fold(hashes, lengths, complete=True)
                waiting[level] = (waiting[level][0] + above, np.concatenate((waiting[level][1], sums)))
        return bytes(HASH_BYTES)

    def file_hash(self) -> XetHash:
        """Return the id of the file that consists of all added chunks."""
        root = self.root()
        # Xet clients identify the empty file by zeros, not by the hash of an empty tree.
        return read_hash(blake3(root, key=FILE_KEY).digest()) if self._waiting else ZERO_HASH

    def _grow(self) -> None:
        if not self._gathered_count:
            return
        hashes = b"".join(piece for piece, _ in self._gathered)
        lengths = np.concatenate([numbers for _, numbers in self._gathered])
        self._gathered, self._gathered_count = [], 0
        for at in range(0, len(lengths), _BLOCK):
            self._climb(hashes[HASH_BYTES * at : HASH_BYTES * (at + _BLOCK)], lengths[at : at + _BLOCK])

    def _climb(self, hashes: bytes, lengths: NDArray[np.int64]) -> None:
        """Close every node that can no longer change, from the lowest level upward."""
        level = 0
        while len(lengths):
            if level == len(self._waiting):
                self._waiting.append((b"", lengths[:0]))
            older_hashes, older_lengths = self._waiting[level]
            hashes, lengths = older_hashes + hashes, np.concatenate((older_lengths, lengths))
            closed, above, sums = fold(hashes, lengths, complete=False)
            self._waiting[level] = (hashes[HASH_BYTES * closed :], lengths[closed:])
            hashes, lengths = above, sums
            level += 1


def fold(hashes: bytes, lengths: NDArray[np.int64], *, complete: bool) -> tuple[int, bytes, NDArray[np.int64]]:
    """Join children into nodes; return how many were joined, and the raw hashes and lengths of the nodes.

    With ``complete``, no more children follow; otherwise a node is closed only
    if later children cannot change it.
    """
    bounds = _node_bounds(hashes, len(lengths), complete=complete)
    if len(bounds) == 1:
        return 0, b"", lengths[:0]
    joined = bounds[-1]
    lines = _lines(hashes[: HASH_BYTES * joined], lengths[:joined])
    nodes = [blake3("".join(lines[i:j]).encode(), key=NODE_KEY).digest() for i, j in pairwise(bounds)]
    return joined, b"".join(nodes), np.add.reduceat(lengths[:joined], bounds[:-1])


def _node_bounds(hashes: bytes, count: int, *, complete: bool) -> list[int]:
    # The hash is a multiple of 4 if its last 8 bytes are, as a little-endian number.
    ending = (np.frombuffer(hashes, np.uint8)[24::HASH_BYTES] & 3 == 0).tobytes()
    bounds = [0]
    at = 0
    while at < count:
        furthest = min(at + _MAX_CHILDREN, count)
        marked = ending.find(1, at + 2, furthest)
        if marked >= 0:
            at = marked + 1
        elif complete or furthest == at + _MAX_CHILDREN:
            at = furthest
        else:
            break
        bounds.append(at)
    return bounds


def _lines(hashes: Buffer, lengths: NDArray[np.int64]) -> list[str]:
    """Return the input of the hash of an inner node: one line of text for each child."""
    digits = np.frombuffer(hashes, "<u8").astype(">u8").tobytes().hex()
    return [f"{digits[64 * i : 64 * i + 64]} : {length}\n" for i, length in enumerate(lengths.tolist())]


def _numbers(lengths: ArrayLike) -> NDArray[np.int64]:
    return np.asarray(lengths, dtype=np.int64)
