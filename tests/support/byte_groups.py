"""Bytes in the order in which the scheme BG4 stores them."""

from __future__ import annotations

from entrepot.xet.grouping import split_bytes


def group_bytes(data: bytes) -> bytes:
    """Return the bytes reordered by their position modulo 4: all first ones, all second ones, and so on."""
    return b"".join(split_bytes(data))
