from __future__ import annotations

import io

import pytest
from dulwich.protocol import Protocol
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import EntrepotError, LimitExceeded, Malformed
from entrepot.git import DELIM, FLUSH, Signal, pkt_line, read_pkt_lines

payloads = st.lists(st.binary(max_size=50), max_size=10)


def test_packets_look_as_in_gits_own_examples() -> None:
    # gitprotocol-common, "pkt-line Format"
    assert [pkt_line(text) for text in (b"a\n", b"a", b"foobar\n", b"")] == [
        b"0006a\n",
        b"0005a",
        b"000bfoobar\n",
        b"0004",
    ]


@given(payloads)
def test_packets_come_back_as_they_went(lines: list[bytes]) -> None:
    data = b"".join(map(pkt_line, lines)) + DELIM + FLUSH + b"0002"
    assert list(read_pkt_lines(data)) == [*lines, Signal.DELIM, Signal.FLUSH, Signal.RESPONSE_END]


@given(payloads.map(lambda lines: [line for line in lines if line]))
def test_dulwich_reads_the_same_packets(lines: list[bytes]) -> None:
    source = io.BytesIO(b"".join(map(pkt_line, lines)) + FLUSH)
    assert list(Protocol(source.read, lambda data: None).read_pkt_seq()) == lines


@pytest.mark.parametrize(
    "data", [b"0003", b"000", b"0009abc", b"0005a00", b"zzzz", b"0010abc", b"+005a", b"ffffx" * 20_000]
)
def test_a_length_that_cannot_be_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        list(read_pkt_lines(data))


def test_the_largest_packet_fits_and_one_byte_more_does_not() -> None:
    assert list(read_pkt_lines(pkt_line(bytes(65_516)))) == [bytes(65_516)]
    with pytest.raises(LimitExceeded):
        pkt_line(bytes(65_517))


@given(st.binary(max_size=60))
def test_arbitrary_bytes_raise_nothing_but_our_errors(data: bytes) -> None:
    try:
        packets = list(read_pkt_lines(data))
    except EntrepotError:
        return
    wire = b"".join(packet.value if isinstance(packet, Signal) else pkt_line(packet) for packet in packets)
    assert wire.lower() == data.lower()  # lengths may be in upper case
