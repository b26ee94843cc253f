"""A chunk store: a bucket, and the folder where its indexes are cached."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class ChunkStore:
    """Versions in a bucket; safe to use from several threads. As a context manager it closes."""

    def check_access(self, *, is_write: bool) -> None:
        """Check that the bucket answers and that its format is known, and, to write, that this format may be written.

        Creates ``format.json`` in an empty store if ``is_write``.

        Raises:
            StorageRefused: the credentials are refused.
            BucketMissing: the bucket does not exist.
            StoreTooNew: a newer version has written to the store.
            StorageUnreachable: the storage does not answer.
        """
        raise NotImplementedError

    def probe(self) -> None:
        """Write, read and delete a small object; raises as :meth:`check_access`."""
        raise NotImplementedError

    def close(self) -> None:
        """Release connections; idempotent."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
