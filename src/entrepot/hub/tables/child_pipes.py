"""The side of a process that may read nothing but what the hub sends: its frames, and the rights that it gives up.

Frames: from here ``R`` with number of a file, offset and length; a letter alone, as
the two sides agree on; ``I`` with a length, the number of a file and an index of it, for the next time;
any other letter with a length and a text.
To here: a length and a request; for a range, a length and the bytes, or :data:`FAILED` if it cannot be read.
``hub/tables/exchanges.py`` is the other side.
"""

from __future__ import annotations

import contextlib
import json
import select
import struct
import sys
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO

READ = struct.Struct(">IQI")
LENGTH = struct.Struct(">I")
NUMBER = struct.Struct(">I")
FAILED = 0xFFFFFFFF
"""The length of a range that the parent cannot or will not read."""

PIECE = 8 << 20
"""The longest range that is read at a time: the parent, which has no such limits, holds it in memory."""


class ChildPipe:
    """The frames to and from the hub; used by several threads."""

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        self._source, self._target = source, target
        self._lock = threading.Lock()

    @classmethod
    def take_standard(cls) -> ChildPipe:
        """Return the frames over standard input and output; nothing that a library prints gets between them."""
        import os

        target = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        return cls(sys.stdin.buffer, target)

    def request(self) -> Mapping[str, Any]:
        """Return the next request.

        Raises:
            EOFError: the hub is gone.
        """
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        found: dict[str, Any] = json.loads(self._exactly(length))
        return found

    def is_asked(self, within_s: float) -> bool:
        """Return whether a request, or the end of the hub, comes within some seconds."""
        if sys.platform == "win32":
            return True
        return bool(select.select([self._source], [], [], within_s)[0])

    def read(self, file: int, offset: int, length: int) -> bytes:
        """Return a range of a file.

        Raises:
            OSError: the hub does not send it.
        """
        with self._lock:
            self._target.write(b"R" + READ.pack(file, offset, length))
            self._target.flush()
            (size,) = LENGTH.unpack(self._exactly(LENGTH.size))
            if size == FAILED:
                raise OSError("its files cannot be read, or it reads too much of them")
            return self._exactly(size)

    def mark(self, kind: bytes) -> None:
        """Send a frame that consists of its type (one letter)."""
        with self._lock:
            self._target.write(kind)
            self._target.flush()

    def send(self, kind: bytes, data: bytes) -> None:
        """Send a frame with bytes, such as a result."""
        with self._lock:
            self._target.write(kind + LENGTH.pack(len(data)) + data)
            self._target.flush()

    def _exactly(self, length: int) -> bytes:
        data = self._source.read(length)
        if len(data) < length:
            raise EOFError
        return data


class RemoteFile:
    """A file of the request, as a source of previews."""

    def __init__(self, pipe: ChildPipe, number: int, size: int) -> None:
        self.number, self.size = number, size
        self._pipe = pipe

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        end = min(offset + length, self.size)
        pieces = [self._pipe.read(self.number, at, min(PIECE, end - at)) for at in range(offset, end, PIECE)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def limit_work(cpu_s: int, memory: int) -> None:
    """Limit further processor time and total memory, where the platform supports such limits.

    The limits may be raised again by the process itself, unless :func:`seal_limits` follows.
    """
    with contextlib.suppress(ImportError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + cpu_s)
        _lower(resource.RLIMIT_AS, memory)


def seal_limits() -> None:
    """Make the limits of processor time and memory irrevocable, for a process that serves one request only."""
    with contextlib.suppress(ImportError):
        import resource

        for limit in (resource.RLIMIT_CPU, resource.RLIMIT_AS):
            soft, _ = resource.getrlimit(limit)
            resource.setrlimit(limit, (soft, soft))


def confine() -> None:
    """Give up the rights to open or write files; become the first process to be killed if memory runs out."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    with contextlib.suppress(ImportError):
        import resource

        for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
            resource.setrlimit(limit, (0, 0))


def _lower(limit: int, value: int) -> None:
    """Set the limit at which the kernel acts; the one up to which it may be set stays as it is."""
    import resource

    _, most = resource.getrlimit(limit)
    resource.setrlimit(limit, (value if most == resource.RLIM_INFINITY else min(value, most), most))
