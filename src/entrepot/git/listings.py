"""Ref listings of version 2 of git's protocol.

Source: git, Documentation/gitprotocol-v2.adoc, "Capability Advertisement" and "ls-refs".
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from entrepot.git.pktlines import FLUSH, Signal, pkt_line
from entrepot.names import Oid, RefName

CAPABILITIES: Final = (
    "version 2",
    "agent=entrepot",
    "ls-refs=unborn",
    "fetch=shallow wait-for-done filter",
    "server-option",
    "object-format=sha1",
)
"""The capabilities advertised to clients that fetch; git, which serves the fetches, has had all of them since 2.32."""

COMMAND: Final = b"command=ls-refs"
"""The first packet of a request for refs; a newline may follow."""

_MANY: Final = 65_536


@attrs.frozen
class AdvertisedRef:
    """A ref, its object id (None: unborn), and the object that its tag refers to in the end."""

    name: str
    oid: Oid | None
    peeled: Oid | None = None
    target: RefName | None = None
    """The target of a symbolic ref."""


@attrs.frozen
class RefFilter:
    """The refs and details that a client asks for; without prefixes, all refs."""

    prefixes: tuple[str, ...] = ()
    peels: bool = False
    symrefs: bool = False
    unborn: bool = False
    _prefixes: frozenset[str] = attrs.field(init=False, eq=False, repr=False)
    _lengths: Sequence[int] = attrs.field(init=False, eq=False, repr=False)

    @_prefixes.default
    def _find_prefixes(self) -> frozenset[str]:
        return frozenset(self.prefixes)

    @_lengths.default
    def _find_lengths(self) -> Sequence[int]:
        return sorted({len(prefix) for prefix in self.prefixes})

    def covers(self, name: str) -> bool:
        """Return whether the request includes this ref, in time that does not grow with the number of prefixes."""
        if not self.prefixes:
            return True
        lengths = self._lengths[: bisect.bisect_right(self._lengths, len(name))]
        return any(name[:length] in self._prefixes for length in lengths)


def render_capabilities() -> bytes:
    """Return the first response to a version 2 client that fetches."""
    return b"".join(pkt_line(f"{line}\n".encode()) for line in CAPABILITIES) + FLUSH


def parse_question(packets: Sequence[bytes | Signal]) -> RefFilter:
    """Parse the packets of ``ls-refs`` up to the flush; unknown arguments are ignored.

    As in git, too many prefixes count as none.
    """
    words = [packet.rstrip(b"\n").decode("utf-8", "surrogateescape") for packet in _arguments(packets)]
    prefixes = tuple(word.removeprefix("ref-prefix ") for word in words if word.startswith("ref-prefix "))
    return RefFilter(prefixes if len(prefixes) < _MANY else (), "peel" in words, "symrefs" in words, "unborn" in words)


def render_listing(question: RefFilter, refs: Iterable[AdvertisedRef]) -> bytes:
    """Return the response to ``ls-refs``, in the order of the refs."""
    lines = []
    for ref in refs:
        if not question.covers(ref.name) or (ref.oid is None and not question.unborn):
            continue
        line = f"{ref.oid or 'unborn'} {ref.name}"
        if question.symrefs and ref.target is not None:
            line += f" symref-target:{ref.target}"
        if question.peels and ref.peeled is not None:
            line += f" peeled:{ref.peeled}"
        lines.append(pkt_line(line.encode("utf-8", "surrogateescape") + b"\n"))
    return b"".join(lines) + FLUSH


def _arguments(packets: Sequence[bytes | Signal]) -> list[bytes]:
    """Return the arguments that follow the capabilities of a command."""
    at = next((number for number, packet in enumerate(packets) if packet is Signal.DELIM), len(packets))
    return [packet for packet in packets[at:] if isinstance(packet, bytes)]


def read_lines(listing: str) -> list[str]:
    """Return the lines of what git lists. Only a line feed ends one: refs and paths may have U+0085 or U+2028."""
    return listing.removesuffix("\n").split("\n") if listing else []
