"""Git's packet framing (pkt-lines), used by all its protocols.

Source: git, Documentation/gitprotocol-common.adoc, "pkt-line Format", and
gitprotocol-v2.adoc, "Packet-Line Framing".
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import Final

from entrepot.errors import LimitExceeded, Malformed

MAX_PAYLOAD: Final = 65_516
"""The maximum payload of one packet, in bytes (LARGE_PACKET_DATA_MAX)."""


class Signal(enum.Enum):
    """A packet without payload; the value is its bytes on the wire."""

    FLUSH = b"0000"
    DELIM = b"0001"
    RESPONSE_END = b"0002"


FLUSH: Final = b"0000"
"""Ends a message."""

DELIM: Final = b"0001"
"""Ends a section of a message (protocol version 2)."""

_SIGNALS: Final = {signal.value: signal for signal in Signal}
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")


def pkt_line(payload: bytes) -> bytes:
    """Frame one packet: four hex digits of length, then the payload.

    Args:
        payload: at most 65,516 bytes; may be empty (``0004``).

    Raises:
        LimitExceeded: the payload does not fit in one packet.
    """
    if len(payload) > MAX_PAYLOAD:
        raise LimitExceeded("a git packet", MAX_PAYLOAD, "split the payload")
    return b"%04x%s" % (len(payload) + 4, payload)


def read_pkt_lines(data: bytes) -> Iterator[bytes | Signal]:
    """Yield the packets in ``data`` in order: payloads as bytes, the others as signals.

    Raises:
        Malformed: on reaching an invalid length or a truncated packet; the
            packets before it have been yielded.
    """
    at = 0
    while at < len(data):
        packet, at = _packet(data, at)
        yield packet


def _packet(data: bytes, at: int) -> tuple[bytes | Signal, int]:
    header = data[at : at + 4]
    if header in _SIGNALS:
        return _SIGNALS[header], at + 4
    if not _LENGTH.fullmatch(header):
        raise Malformed("git packets", f"no length of four hex digits at byte {at:,}")
    end = at + int(header, 16)
    if not at + 4 <= end <= at + 4 + MAX_PAYLOAD:
        raise Malformed("git packets", f"the length {header.decode()} is not allowed")
    if end > len(data):
        raise Malformed("git packets", f"the packet at byte {at:,} is cut short")
    return data[at + 4 : end], end
