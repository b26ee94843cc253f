"""Scan a file for the imports of pickles, in a process of its own that can open nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping
from typing import Any

from entrepot.hub.scanning.scanners import Pipes, ScanFailed, ScanStatus, Verdict, started
from entrepot.hub.tables.child_pipes import LENGTH, PIECE, READ
from entrepot.hub.tables.exchanges import command_of
from entrepot.storage.contents import Content

_MODULE = "entrepot.hub.scanning.sandbox"
_WALL_S = 300.0
_MAX_READ, _MAX_RESULT = 1 << 30, 1 << 20
_STATUS_OF: dict[str, ScanStatus] = {"innocuous": "safe", "suspicious": "suspicious", "dangerous": "unsafe"}
_MESSAGES = {
    "safe": "no known threat: only imports that frameworks use for weights",
    "caution": "a part of the file could not be read, so imports may be missing",
    "suspicious": "it imports what is not known to be harmless; loading it runs this code",
    "unsafe": "it imports what can run commands, files or the network; loading it runs this code",
}


def scan_content(content: Content) -> Generator[None, None, Verdict]:
    """Return the verdict about a content.

    Raises:
        ScanFailed: the process ended without one, at a limit of time, memory or bytes.
        BlobMissing, BlobUnreadable, XorbDamaged: the content cannot be read.
    """
    with started(command_of(_MODULE), {"LC_ALL": "C.UTF-8"}) as process:
        pipes = Pipes(process, time.monotonic() + _WALL_S)
        request = json.dumps({"size": content.size}).encode()
        yield from pipes.send(LENGTH.pack(len(request)) + request)
        left = _MAX_READ
        while (yield from pipes.receive(1)) == b"R":
            _, offset, length = READ.unpack((yield from pipes.receive(READ.size)))
            left -= length
            if length > PIECE or left < 0:
                raise ScanFailed("the scanner would have to read too much of the file")
            data = content.read_at(offset, length)
            yield from pipes.send(LENGTH.pack(len(data)) + data)
        (size,) = LENGTH.unpack((yield from pipes.receive(LENGTH.size)))
        if size > _MAX_RESULT:
            raise ScanFailed("the output of the scanner is too long")
        return judge_result(json.loads((yield from pipes.receive(size))))


def judge_result(found: Mapping[str, Any]) -> Verdict:
    """Return the verdict for what the process found."""
    if "malformed" in found:
        return Verdict("skipped", "it holds no pickle")
    status = _STATUS_OF[found["worst"]]
    if status == "safe" and not found["whole"]:
        status = "caution"
    return Verdict(status, _MESSAGES[status], {"imports": found["imports"], "count": found["count"]})
