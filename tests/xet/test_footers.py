from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.xet.footers import check_footer, footer_bytes

COUNT = 3


def second_version(count: int) -> bytes:
    """Return a footer as xet-core writes it (``xorb_object_format.rs``, XorbObjectInfoV1)."""
    hashes = b"XBLBHSH\0" + struct.pack("<I", count) + bytes(32 * count)
    bounds = b"XBLBBND\1" + struct.pack("<I", count) + bytes(8 * count)
    tail = struct.pack("<III16x", count, len(hashes) + len(bounds) + 28, len(bounds) + 28)
    footer = b"XETBLOB\1" + bytes(32) + hashes + bounds + tail
    return footer + struct.pack("<I", len(footer))


def first_version(count: int) -> bytes:
    """Return a footer as xet-core reads it (``xorb_object_format.rs``, XorbObjectInfoV0)."""
    footer = b"XETBLOB\0" + bytes(32) + struct.pack("<I", count) + bytes(36 * count) + bytes(16)
    return footer + struct.pack("<I", len(footer))


FOOTERS = [first_version(COUNT), second_version(COUNT)]


@pytest.mark.parametrize("footer", FOOTERS, ids=["first", "second"])
def test_the_footers_of_old_clients_are_recognised(footer: bytes) -> None:
    check_footer(memoryview(footer), COUNT)
    assert len(footer) == footer_bytes(footer[7], COUNT)


@pytest.mark.parametrize("footer", FOOTERS, ids=["first", "second"])
def test_a_footer_of_other_chunks_is_malformed(footer: bytes) -> None:
    with pytest.raises(Malformed):
        check_footer(memoryview(footer), COUNT + 1)
    renumbered = bytearray(footer)
    renumbered[footer.index(struct.pack("<I", COUNT))] = COUNT + 1
    with pytest.raises(Malformed, match="does not describe"):
        check_footer(memoryview(renumbered), COUNT)


@pytest.mark.parametrize("footer", FOOTERS, ids=["first", "second"])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 40, 60, -1])
def test_a_footer_that_is_cut_off_is_malformed(footer: bytes, size: int) -> None:
    with pytest.raises(Malformed):
        check_footer(memoryview(footer[:size]), COUNT)


@pytest.mark.parametrize("footer", FOOTERS, ids=["first", "second"])
def test_a_wrong_length_and_more_bytes_are_malformed(footer: bytes) -> None:
    for wrong in (footer + b"\0", footer[:-4] + bytes(4), b"XETBLOB\2" + footer[8:]):
        with pytest.raises(Malformed):
            check_footer(memoryview(wrong), COUNT)


@given(st.sampled_from(FOOTERS), st.integers(0, 10_000), st.integers(1, 255))
def test_damage_is_malformed_or_does_not_matter(footer: bytes, at: int, change: int) -> None:
    damaged = bytearray(footer)
    damaged[at % len(footer)] ^= change
    before = bytes(damaged)
    with suppress(Malformed):
        check_footer(memoryview(damaged), COUNT)
    assert damaged == before
