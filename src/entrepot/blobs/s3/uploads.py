"""Objects that are uploaded while their bytes arrive, and appear only when all of them are verified."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from entrepot.blobs.s3.buckets import S3Bucket, part_size

_WAITING = 2


class _Aborted(Exception):
    """The upload shall leave nothing behind."""


class StreamedUpload:
    """One multipart upload in a thread of its own, a few pieces behind the one who writes."""

    def __init__(self, bucket: S3Bucket, key: str, size: int | None) -> None:
        self._bucket = bucket
        self._key = key
        self._part = part_size(size)
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._ending: str | None = None
        self._is_over = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="s3-upload", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Append a piece; wait while the store is slower than the writer.

        Raises:
            StoreFull, StoreUnavailable: nothing is kept.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < _WAITING or self._is_over)
            self._raise_error()
            self._waiting.append(data)
            self._changed.notify_all()

    def finish(self) -> None:
        """Make the object visible and durable.

        Raises:
            StoreFull, StoreUnavailable: nothing is kept.
        """
        self._end("complete")
        self._raise_error()

    def abort(self) -> None:
        """Drop everything that was sent; harmless if the upload is over."""
        self._end("abort")

    def _end(self, how: str) -> None:
        with self._changed:
            self._ending = self._ending or how
            self._changed.notify_all()
        self._thread.join()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._bucket.upload(self._key, self._pieces(), self._part)
        except _Aborted:
            pass
        except BaseException as error:  # noqa: BLE001 -- raised again in the thread that writes
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
