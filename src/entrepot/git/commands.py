"""What a push asks for, and how it is answered.

Source: git, Documentation/gitprotocol-pack.adoc, "Reference Update Request and Packfile
Transfer" and "Report Status"; gitprotocol-capabilities.adoc.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from entrepot.errors import Malformed, shown
from entrepot.git.pktlines import FLUSH, pkt_line
from entrepot.names import Oid

NONE: Final = "0" * 40
"""Stands for a ref that is absent."""

CAPABILITIES: Final = (
    "report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 push-options agent=entrepot"
)

_COMMAND = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) ([^\0]+)")
_BAND_BYTES = 65_515
_REASON = 300

KEEPALIVE: Final = b"0005\x01"
"""Nothing, in a packet: lets a connection on which somebody waits not look dead."""


@attrs.frozen
class Command:
    """A ref that shall go from ``old`` to ``new``; None means absent. Nothing is known yet of its name."""

    ref: str
    old: Oid | None
    new: Oid | None


@attrs.frozen
class PushRequest:
    """The head of a push: what shall move, and which words of the protocol the client knows."""

    commands: tuple[Command, ...]
    capabilities: frozenset[str]

    @property
    def is_atomic(self) -> bool:
        """Whether all refs move or none."""
        return "atomic" in self.capabilities

    @property
    def is_patient(self) -> bool:
        """Whether the client can be sent something before the report."""
        return "side-band-64k" in self.capabilities

    @property
    def is_quiet(self) -> bool:
        """Whether people do not want to see how far it is."""
        return "quiet" in self.capabilities

    @property
    def has_pack(self) -> bool:
        """Whether a pack follows; deletions need none."""
        return any(command.new is not None for command in self.commands)


@attrs.frozen
class CommandStatus:
    """What became of one command; ``reason`` is None when it was done."""

    ref: str
    reason: str | None


def render_advertisement(refs: Iterable[tuple[str, str]]) -> bytes:
    """The answer to a client that wants to push: all refs, and the capabilities behind the first one."""
    lines = [f"{oid} {name}".encode() for name, oid in refs] or [f"{NONE} capabilities^{{}}".encode()]
    lines[0] += b"\0" + CAPABILITIES.encode()
    return b"".join(pkt_line(line + b"\n") for line in lines) + FLUSH


def parse_request(lines: Sequence[bytes]) -> PushRequest:
    """Read the packets before the first flush of a push.

    Raises:
        Malformed: a line is no command, or a ref is named twice.
    """
    commands: list[Command] = []
    capabilities: frozenset[str] = frozenset()
    for line in lines:
        if line.startswith(b"shallow "):
            continue  # what the client has not got is no matter: all that the new commits need is checked
        text, _, words = line.rstrip(b"\n").partition(b"\0")
        found = _COMMAND.fullmatch(text)
        if found is None:
            raise Malformed("push", f"{shown(text.decode('utf-8', 'replace'))} is no command")
        if not commands:
            capabilities = frozenset(words.decode("utf-8", "replace").split())
        old, new, ref = (part.decode("utf-8", "surrogateescape") for part in found.groups())
        commands.append(Command(ref, _oid(old), _oid(new)))
    if len({command.ref for command in commands}) != len(commands):
        raise Malformed("push", "a ref is named twice")
    return PushRequest(tuple(commands), capabilities)


def render_report(
    request: PushRequest, verdicts: Iterable[CommandStatus], *, unpacked: str = "ok", said: str = ""
) -> bytes:
    """The answer to a push, as the client asked for it.

    Args:
        unpacked: "ok", or why the pack could not be used.
        said: lines that the client shows to people, if it can.
    """
    report = b""
    if "report-status" in request.capabilities:
        lines = [f"unpack {_one_line(unpacked)}"]
        lines += [f"ok {v.ref}" if v.reason is None else f"ng {v.ref} {_one_line(v.reason)}" for v in verdicts]
        report = b"".join(pkt_line(line.encode("utf-8", "surrogateescape") + b"\n") for line in lines) + FLUSH
    if "side-band-64k" not in request.capabilities:
        return report
    return _banded(2, said.encode("utf-8", "replace")) + _banded(1, report) + FLUSH


def render_progress(text: str) -> bytes:
    """Text that the client shows to people while it waits; to be sent before the report, if it knows side-bands."""
    return _banded(2, text.encode("utf-8", "replace"))


def _banded(band: int, data: bytes) -> bytes:
    pieces = (data[at : at + _BAND_BYTES] for at in range(0, len(data), _BAND_BYTES))
    return b"".join(pkt_line(bytes([band]) + piece) for piece in pieces)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_REASON]


def _oid(text: str) -> Oid | None:
    return None if text == NONE else Oid(text)
