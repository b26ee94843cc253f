"""Which refs there are, as version 2 of git's protocol asks and tells.

Source: git, Documentation/gitprotocol-v2.adoc, "Capability Advertisement" and "ls-refs".
"""

from __future__ import annotations

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
"""What a client that fetches may ask; git, which answers the fetches, knows all of it from 2.32 on."""

COMMAND: Final = b"command=ls-refs"
"""How a question for refs begins; a newline may follow."""

_MANY: Final = 65_536


@attrs.frozen
class AdvertisedRef:
    """A ref, where it stands (None: nowhere yet), and what the tag there leads to in the end."""

    name: str
    oid: Oid | None
    peeled: Oid | None = None
    target: RefName | None = None
    """For a ref that only stands for another one: which."""


@attrs.frozen
class RefFilter:
    """What a client wants to know of refs; without prefixes, of all of them."""

    prefixes: tuple[str, ...] = ()
    peels: bool = False
    symrefs: bool = False
    unborn: bool = False

    def covers(self, name: str) -> bool:
        """Whether it is also about this ref."""
        return not self.prefixes or name.startswith(self.prefixes)


def render_capabilities() -> bytes:
    """The first answer to a client that speaks version 2 and fetches."""
    return b"".join(pkt_line(f"{line}\n".encode()) for line in CAPABILITIES) + FLUSH


def parse_question(packets: Sequence[bytes | Signal]) -> RefFilter:
    """Read the packets of ``ls-refs`` up to the flush; words that nobody knows are left out.

    As in git, more prefixes than are of any use count as none.
    """
    words = [packet.rstrip(b"\n").decode("utf-8", "surrogateescape") for packet in _arguments(packets)]
    prefixes = tuple(word.removeprefix("ref-prefix ") for word in words if word.startswith("ref-prefix "))
    return RefFilter(prefixes if len(prefixes) < _MANY else (), "peel" in words, "symrefs" in words, "unborn" in words)


def render_listing(question: RefFilter, refs: Iterable[AdvertisedRef]) -> bytes:
    """The answer to ``ls-refs``, in the order of the refs."""
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
    """What stands behind the capabilities of a command."""
    at = next((number for number, packet in enumerate(packets) if packet is Signal.DELIM), len(packets))
    return [packet for packet in packets[at:] if isinstance(packet, bytes)]
