"""Chunks one at a time, as tests compare them; the product packs and reads many together."""

from __future__ import annotations

from entrepot.xet import XorbIndex
from entrepot.xet.compression import Decoder, Packed, choose_method, pack, put_in_order
from entrepot.xet.hashes import Buffer
from entrepot.xet.xorbs import open_chunks


def compress(chunk: Buffer) -> Packed:
    """Compress a chunk with the best of the three schemes, chosen by a sample."""
    return pack(chunk, choose_method(chunk))


def decompress(scheme: int, payload: Buffer, length: int) -> bytes:
    """Return the bytes of a chunk from its stored form; arguments and errors as in :meth:`Decoder.unpack`."""
    return bytes(put_in_order([Decoder().unpack(scheme, memoryview(payload), length)])[0])


def read_chunks(data: Buffer, index: XorbIndex, start: int, end: int) -> bytes:
    """Return the concatenated bytes of chunks; arguments and errors as in :func:`open_chunks`."""
    return b"".join(open_chunks(data, index, start, end))
