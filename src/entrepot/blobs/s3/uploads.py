"""Objects that are uploaded while their bytes arrive, and appear only when all of them are verified."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import NoReturn

from entrepot.blobs.s3.buckets import S3Bucket, part_size
from entrepot.errors import EntrepotError, StoreUnavailable

_WAITING = 2


class _Aborted(Exception):
    """The upload was given up, and leaves nothing behind."""


class StreamedUpload:
    """One multipart upload in a thread of its own, which lags a few pieces behind the writer."""

    def __init__(self, bucket: S3Bucket, key: str, size: int | None) -> None:
        self._bucket = bucket
        self._key = key
        self._part = part_size(size)
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._ending: str | None = None
        self._is_over = False
        self._is_complete = False
        self._error: EntrepotError | None = None
        self._thread = threading.Thread(target=self._run, name="s3-upload", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Append a piece; wait while the store is slower than the writer.

        Raises:
            StoreFull, StoreUnavailable: nothing is kept.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < _WAITING or self._is_over)
            if self._is_over:
                self._fail()
            self._waiting.append(data)
            self._changed.notify_all()

    def finish(self) -> None:
        """Make the object visible and durable.

        Raises:
            StoreFull, StoreUnavailable: nothing is kept.
        """
        self._end("complete")
        if not self._is_complete:
            self._fail()

    def abort(self) -> None:
        """Drop everything that was sent; harmless if the upload is over."""
        self._end("abort")

    def _end(self, how: str) -> None:
        with self._changed:
            self._ending = self._ending or how
            self._changed.notify_all()
        self._thread.join()

    def _fail(self) -> NoReturn:
        raise self._error or StoreUnavailable(self._key, "the upload has ended early")

    def _run(self) -> None:
        try:
            self._bucket.upload(self._key, self._pieces(), self._part)
            self._is_complete = True
        except _Aborted:
            pass
        except EntrepotError as error:  # raised again in the thread that writes
            self._error = error
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _pieces(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ending)
                if self._ending == "abort":
                    raise _Aborted
                if not self._waiting:
                    return
                piece = self._waiting.popleft()
                self._changed.notify_all()
            yield piece
