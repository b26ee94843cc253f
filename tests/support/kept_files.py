"""A target of conversions that keeps what is written."""

from __future__ import annotations


class KeptFiles:
    """A target that keeps the files in memory, in ``done``."""

    def __init__(self) -> None:
        self.done: list[bytes] = []
        self._now = b""

    def write(self, data: bytes) -> int:
        """Add to the current file."""
        self._now += data
        return len(data)

    def end(self) -> None:
        """End the current file."""
        self.done.append(self._now)
        self._now = b""
