"""Verdicts of scanners about files, and the processes in which scanners run.

A function that scans is a generator: it yields whenever it waits, so that a worker can go on with
other jobs, and returns a :class:`Verdict`. Its process is dead when it ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs

from entrepot.hub.tables.exchanges import end_process

ScanStatus = Literal["safe", "caution", "suspicious", "unsafe", "error", "skipped"]
"""``safe`` means: no known threat was found. ``skipped``: there was nothing for this scanner to read."""

STATUSES: tuple[ScanStatus, ...] = ("unsafe", "suspicious", "caution", "error", "safe", "skipped")
"""All statuses, the worst first."""

_MAX_MESSAGE = 300

TICK_S = 0.2
"""Longest wait of one step of a scan, in seconds."""


@attrs.frozen
class Verdict:
    """The result of one scanner; ``report`` has further findings for people, as JSON."""

    status: ScanStatus
    message: str
    report: Mapping[str, Any] = attrs.field(factory=dict)


def said_by(answer: Mapping[str, object]) -> str:
    """Return the message in the answer of a scanner, as text that may be stored and shown; empty if there is none."""
    message = answer.get("message")
    text = message[:_MAX_MESSAGE] if isinstance(message, str) else ""
    # Names of threats, and of files, may contain anything: half characters and controls can be neither stored nor sent.
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class ScanFailed(Exception):
    """A scanner ended without a verdict; the text says why."""


class Pipes:
    """The input and output of a process, read and written in short steps so that a time limit can be enforced."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin.fileno(), process.stdout.fileno()
        self._close = process.stdin.close
        self._deadline = deadline
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        self.unread = b""

    def send(self, data: bytes) -> Generator[None, None, bool]:
        """Write all bytes; return False if the process has stopped reading. Its output is kept meanwhile."""
        view = memoryview(data)
        while view:
            readable, writable = self._wait(writes=True)
            if readable:
                self._take()
            if writable:
                try:
                    view = view[os.write(self._to, view) :]
                except BrokenPipeError:
                    return False
            if not writable:
                yield
        return True

    def receive(self, length: int) -> Generator[None, None, bytes]:
        """Return exactly ``length`` bytes.

        Raises:
            ScanFailed: the process ended before, or takes too long.
        """
        while len(self.unread) < length:
            readable, _ = self._wait(writes=False)
            if readable and not self._take():
                raise ScanFailed("the scanner ended unexpectedly, perhaps at a limit of time or memory")
            if not readable:
                yield
        found, self.unread = self.unread[:length], self.unread[length:]
        return found

    def drain(self, most: int) -> Generator[None, None, bytes]:
        """Close the input, and return the output of the process up to its end.

        Raises:
            ScanFailed: it takes too long, or writes more than ``most`` bytes.
        """
        with contextlib.suppress(BrokenPipeError):
            self._close()
        while True:
            readable, _ = self._wait(writes=False)
            if readable and not self._take():
                return self.unread
            if len(self.unread) > most:
                raise ScanFailed(f"the scanner wrote more than {most:,} bytes")
            if not readable:
                yield

    def _wait(self, *, writes: bool) -> tuple[bool, bool]:
        if time.monotonic() > self._deadline:
            raise ScanFailed("the scanner took too long")
        readable, writable, _ = select.select([self._from], [self._to] if writes else [], [], TICK_S)
        return bool(readable), bool(writable)

    def _take(self) -> bool:
        try:
            data = os.read(self._from, 1 << 16)
        except BlockingIOError:
            return True
        self.unread += data
        return bool(data)


@contextlib.contextmanager
def started(argv: Sequence[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process in its own session; at the end of the block, it and its children are killed."""
    process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=dict(environ),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        end_process(process)
