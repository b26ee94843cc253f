"""The verbs that a blob store needs of a bucket, with the failures of the service translated."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

import attrs
import obstore
from obstore.exceptions import AlreadyExistsError

from entrepot.blobs.s3.answers import (
    FAILURES,
    FOREIGN,
    is_bucket_absent,
    is_full,
    is_out_of_range,
    is_refused,
    is_unconditional,
    reason_of,
)
from entrepot.blobs.s3.plain_reads import PlainReads, PlainStream
from entrepot.blobs.s3.signing import UrlSigner
from entrepot.errors import BlobMissing, BlobUnreadable, EntrepotError, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

MAX_BYTES = 5 << 40
"""The size of the largest object that S3 can hold."""

_MAX_PARTS = 9_000  # S3 allows 10,000
_LEAST_PART = 8 << 20
_WIDE_PART = 64 << 20
_PAGE = 1000
_PIECE = 1 << 20
_CHECKED_S = 10.0


@attrs.frozen
class S3ObjectStat:
    """The metadata of an object; ``version`` changes when its bytes are replaced."""

    key: str
    size: int
    modified_ms: int
    version: str


class S3Bucket:
    """Objects below a prefix of a bucket. Thread-safe; the client repeats requests that fail for a moment.

    Args:
        client: the client of obstore.
        name: how messages name the bucket; no secret.
        prefix: put in front of every key; empty, or ends in ``/``.
        signer: signs URLs for others; None: there are no fixed keys to sign with.
        plain: reads objects at less cost than the client, where that is possible.
    """

    def __init__(
        self,
        client: ObjectStore,
        name: str,
        prefix: str,
        signer: UrlSigner | None = None,
        plain: PlainReads | None = None,
    ) -> None:
        self._client = client
        self.name = name
        self._prefix = prefix
        self._signer = signer
        self._plain = plain
        self._checked_at: float | None = None

    def below(self, folder: str) -> S3Bucket:
        """Return the same bucket with a longer prefix."""
        return S3Bucket(self._client, self.name, f"{self._prefix}{folder}/", self._signer, self._plain)

    def url_of(self, key: str, first: int, last: int, *, now_s: int, seconds: int) -> str | None:
        """Return a URL that serves the bytes ``first`` to ``last`` of an object; None if none can be signed."""
        if self._signer is None:
            return None
        return self._signer.sign(self._at(key), first, last, now_s=now_s, seconds=seconds)

    def put_new(self, key: str, data: bytes | memoryview) -> bool:
        """Store an object unless the key has one; return whether it had none.

        Where the service has no conditional writes, a look at the key comes first. A race then
        is harmless for blobs: other writers of this key write the same bytes.
        """
        with self._translated(key):
            try:
                obstore.put(self._client, self._at(key), data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            except FAILURES as error:
                if not is_unconditional(error):
                    raise
                if self.stat(key) is not None:
                    return False
                obstore.put(self._client, self._at(key), data, use_multipart=False)
        return True

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Store an object; it replaces another one."""
        with self._translated(key):
            obstore.put(self._client, self._at(key), data, use_multipart=False)

    def upload(self, key: str, pieces: Iterable[bytes], part: int) -> None:
        """Store an object that arrives in pieces, as a multipart upload with parts of this size.

        Nothing is visible before the last piece. If ``pieces`` raises an error, the upload
        is aborted and the error is raised.
        """
        with self._translated(key):
            workers = 2 if part < _WIDE_PART else 1
            obstore.put(
                self._client, self._at(key), pieces, use_multipart=True, chunk_size=part, max_concurrency=workers
            )

    def get(self, key: str) -> bytes | None:
        """Return the bytes of a small object, or None if the key has none."""
        with self._translated(key):
            try:
                return bytes(obstore.get(self._client, self._at(key)).bytes())
            except FileNotFoundError as error:
                self._check_absent(error)
                return None

    def read(self, key: str, start: int, stop: int) -> memoryview:
        """Return the bytes ``start … stop`` of an object, ``start`` < ``stop``.

        Raises:
            BlobMissing: the object does not exist.
            BlobUnreadable: it ends before ``stop``.
        """
        plain = self._open_plain(key, start, stop)
        if plain is not None:
            with plain, contextlib.suppress(StoreUnavailable):  # if it breaks off, the client begins again
                return memoryview(plain.read(stop - start))
        with self._reading(key, start):
            found = memoryview(obstore.get_range(self._client, self._at(key), start=start, end=stop))
        _check_length(key, len(found), stop - start)
        return found

    def stream(self, key: str, start: int, stop: int) -> ObjectStream:
        """Read the bytes ``start … stop`` of an object in pieces while they arrive, all from one request.

        Hardly more is fetched than was asked for; who stops early drops the stream, which ends the request.

        Raises:
            As its ``read``.
        """
        return self._open_plain(key, start, stop) or _LibraryStream(self._pieces(key, start, stop))

    def _open_plain(self, key: str, start: int, stop: int) -> PlainStream | None:
        return None if self._plain is None else self._plain.open(self._at(key), start, stop)

    def _pieces(self, key: str, start: int, stop: int) -> Iterator[memoryview]:
        got = 0
        with self._reading(key, start):
            found = obstore.get(self._client, self._at(key), options={"range": (start, stop)})
            for piece in found.stream(min_chunk_size=_PIECE):
                got += len(piece)
                if got > stop - start:
                    break
                yield memoryview(piece)
        _check_length(key, got, stop - start)

    def stat(self, key: str) -> S3ObjectStat | None:
        """Return the metadata of an object, or None if the key has none."""
        with self._translated(key):
            try:
                found = obstore.head(self._client, self._at(key))
            except FileNotFoundError as error:
                self._check_absent(error)
                self._check_recently()  # this answer has no body that says whether the bucket itself is absent
                return None
        return S3ObjectStat(key, found["size"], _ms(found["last_modified"].timestamp()), found["e_tag"] or "")

    def list(self, prefix: str) -> Iterator[S3ObjectStat]:
        """Yield the objects whose keys begin with a text.

        Raises:
            StoreUnavailable: also if there is an object of another program whose key is not a path.
        """
        folder, _, begin = self._at(prefix).rpartition("/")
        with self._translated(prefix or "the list of keys"):
            for page in obstore.list(self._client, folder or None, chunk_size=_PAGE):
                for found in page:
                    path = found["path"]
                    if not begin or path.startswith(self._at(prefix)):
                        modified = _ms(found["last_modified"].timestamp())
                        yield S3ObjectStat(path[len(self._prefix) :], found["size"], modified, found["e_tag"] or "")

    def delete(self, key: str) -> None:
        """Delete an object if the key has one."""
        with self._translated(key), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._client, self._at(key))

    def check(self) -> None:
        """Raise unless the bucket exists and these credentials may list and read it.

        Raises:
            StoreUnavailable: its reason says what is wrong, and what to do.
        """
        with self._translated("the list of keys"), contextlib.suppress(*FOREIGN):  # there is a list, and it may be read
            next(iter(obstore.list(self._client, self._prefix.rstrip("/") or None, chunk_size=_PAGE)), None)
        self._checked_at = time.monotonic()

    def _check_recently(self) -> None:
        if self._checked_at is None or time.monotonic() - self._checked_at > _CHECKED_S:
            self.check()

    def _at(self, key: str) -> str:
        return self._prefix + key

    def _check_absent(self, error: FileNotFoundError) -> None:
        """Raise the error if it says that there is no bucket; then nothing is known of the key."""
        if is_bucket_absent(error):
            raise error

    @contextlib.contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except EntrepotError:
            raise
        except FAILURES as error:
            raise self._fault(error, key) from error

    @contextlib.contextmanager
    def _reading(self, key: str, start: int) -> Iterator[None]:
        """Translate failures to read an object from an offset into the errors of :meth:`read`."""
        with self._translated(key):
            try:
                yield
            except FileNotFoundError as error:
                self._check_absent(error)
                raise BlobMissing(key) from None
            except FAILURES as error:
                if not is_out_of_range(error):
                    raise
                raise BlobUnreadable(key, f"the object ends before {start + 1} bytes") from None

    def _fault(self, error: BaseException, key: str) -> EntrepotError:
        if isinstance(error, FOREIGN):
            reason = f"{self.name} has an object that is not of the hub, to which the prefix belongs: delete it"
            return StoreUnavailable(key, f"{reason}; {reason_of(error)}")
        if is_full(error):
            return StoreFull(f"{key}: {self.name}: {reason_of(error)}")
        if is_bucket_absent(error):
            return StoreUnavailable(key, f"the bucket of {self.name} does not exist: create it, or correct 'store'")
        if is_refused(error):
            return StoreUnavailable(
                key,
                f"{self.name} refused the credentials ({reason_of(error)}): they need the rights to list, read, "
                "write and delete in this bucket",
            )
        return StoreUnavailable(key, f"the service of {self.name} fails or cannot be reached: {reason_of(error)}")


class ObjectStream(Protocol):
    """Bytes of an object that are read in order."""

    def read(self, length: int) -> bytes | memoryview:
        """Return the next bytes, about ``length`` of them; none at the end.

        Raises:
            BlobMissing: the object does not exist.
            BlobUnreadable: it ends early.
            StoreUnavailable: also in the middle; the bytes before are right.
        """
        ...


class _LibraryStream:
    """Pieces as the client sends them."""

    def __init__(self, pieces: Iterator[memoryview]) -> None:
        self._pieces = pieces

    def read(self, _length: int) -> memoryview:
        return next(self._pieces, memoryview(b""))


def part_size(size: int | None) -> int:
    """Return the size of the parts in which an object of ``size`` bytes is uploaded; None: it is not known."""
    return max(_LEAST_PART, -(-(size or _MAX_PARTS * _WIDE_PART) // _MAX_PARTS))


def _check_length(key: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise BlobUnreadable(key, f"the store sent {found} bytes instead of {wanted}")


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
