"""Requests and reports of git pushes.

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
"""The object id that stands for an absent ref."""

CAPABILITIES: Final = (
    "report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 push-options agent=entrepot"
)

_COMMAND = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) ([^\0]+)")
_BAND_BYTES = 65_515
_REASON = 300

KEEPALIVE: Final = b"0005\x01"
"""An empty side-band packet, which keeps a waiting connection alive."""


@attrs.frozen
class Command:
    """A request to move a ref from ``old`` to ``new``, where None means absent; its name is not validated yet."""

    ref: str
    old: Oid | None
    new: Oid | None


@attrs.frozen
class PushRequest:
    """The head of a push: its commands, and the capabilities of the client."""

    commands: tuple[Command, ...]
    capabilities: frozenset[str]

    @property
    def is_atomic(self) -> bool:
        """Whether either all refs move or none."""
        return "atomic" in self.capabilities

    @property
    def is_patient(self) -> bool:
        """Whether the client supports side-bands, so that data can be sent before the report."""
        return "side-band-64k" in self.capabilities

    @property
    def is_quiet(self) -> bool:
        """Whether the client asked for no progress messages."""
        return "quiet" in self.capabilities

    @property
    def has_pack(self) -> bool:
        """Whether a pack follows; deletions do not need one."""
        return any(command.new is not None for command in self.commands)


@attrs.frozen
class CommandStatus:
    """The result of one command; ``reason`` is None if it succeeded."""

    ref: str
    reason: str | None


def render_advertisement(refs: Iterable[tuple[str, str]]) -> bytes:
    """Return the ref advertisement for a push: all refs, with the capabilities after the first one."""
    lines = [f"{oid} {name}".encode() for name, oid in refs] or [f"{NONE} capabilities^{{}}".encode()]
    lines[0] += b"\0" + CAPABILITIES.encode()
    return b"".join(pkt_line(line + b"\n") for line in lines) + FLUSH


def parse_request(lines: Sequence[bytes]) -> PushRequest:
    """Parse the packets before the first flush of a push.

    Raises:
        Malformed: a line is not a command, or a ref occurs twice.
    """
    commands: list[Command] = []
    capabilities: frozenset[str] = frozenset()
    for line in lines:
        if line.startswith(b"shallow "):
            continue  # "shallow" lines are ignored: the server checks everything that the new commits need
        text, _, words = line.rstrip(b"\n").partition(b"\0")
        found = _COMMAND.fullmatch(text)
        if found is None:
            raise Malformed("push", f"{shown(text.decode('utf-8', 'replace'))} is not a command")
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
    """Return the response to a push, in the format that the client supports.

    Args:
        unpacked: "ok", or the reason why the pack was refused.
        said: messages that the client shows to users, if it supports side-bands.
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
    """Return a packet with text for users, sent before the report; only for clients with side-bands."""
    return _banded(2, text.encode("utf-8", "replace"))


def _banded(band: int, data: bytes) -> bytes:
    pieces = (data[at : at + _BAND_BYTES] for at in range(0, len(data), _BAND_BYTES))
    return b"".join(pkt_line(bytes([band]) + piece) for piece in pieces)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_REASON]


def _oid(text: str) -> Oid | None:
    return None if text == NONE else Oid(text)
