"""The outbox: packs of chunks that are not published yet, and the index of the files that need them."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path


class Outbox:
    """The outbox of a project, in one folder; safe to use from several threads, and from several processes.

    Args:
        folder: created if needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def knows(self, sha256: str) -> bool:
        """Return whether the outbox can say of which chunks this content consists."""
        raise NotImplementedError

    def keep_only(self, contents: Set[str]) -> int:
        """Delete the packs that none of these contents (SHA-256) needs; return the bytes that became free.

        Call it after a push, a reset, or any change that makes staged contents obsolete.
        """
        raise NotImplementedError

    @property
    def size(self) -> int:
        """The bytes of all packs."""
        raise NotImplementedError
