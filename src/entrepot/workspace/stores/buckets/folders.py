"""Buckets in a local folder or on a network share: an object is a file, written under another name and then linked."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from entrepot.client.cache.file_locks import locked
from entrepot.errors import BucketMissing, EntrepotError, LimitExceeded, StorageRefused, StorageUnreachable
from entrepot.workspace.stores.buckets.durable_files import sync_folder
from entrepot.workspace.stores.buckets.interfaces import Data, ObjectStat, StoredObject

_INCOMING = "incoming"
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, getattr(errno, "ENOTSUP", errno.EOPNOTSUPP)})


class FolderBucket:
    """A bucket in a folder, which must exist. Several processes and machines may use it."""

    def __init__(self, folder: Path, storage: str) -> None:
        self._folder = folder
        self._storage = storage

    def put_new(self, key: str, data: Data) -> bool:
        """See :class:`Bucket`; the object is durable."""
        with self._translated(), self._written(data) as draft:
            target = self._path(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            is_new = self._link(draft, target)
            sync_folder(target.parent)
            return is_new

    def replace(self, key: str, data: Data, version: str) -> bool:
        """See :class:`Bucket`; the object is durable."""
        target = self._path(key)
        with self._translated(), locked(self._incoming() / "replace.lock"), self._written(data) as draft:
            try:
                found = target.stat()
            except FileNotFoundError:
                return False
            if _version(found) != version:
                return False
            os.replace(draft, target)
            sync_folder(target.parent)
            return True

    def get(self, key: str, limit: int) -> StoredObject | None:
        """See :class:`Bucket`."""
        with self._translated():
            try:
                with self._path(key).open("rb") as file:
                    found = os.fstat(file.fileno())
                    if found.st_size > limit:
                        raise LimitExceeded(f"the object {key}", limit, "another program may have written it")
                    return StoredObject(file.read(), _version(found))
            except (FileNotFoundError, IsADirectoryError):
                self._absent()
                return None

    def read(self, key: str, start: int, end: int) -> Data | None:
        """See :class:`Bucket`."""
        with self._translated():
            try:
                with self._path(key).open("rb") as file:
                    file.seek(start)
                    return file.read(max(end - start, 0))
            except (FileNotFoundError, IsADirectoryError):
                self._absent()
                return None

    def stat(self, key: str) -> ObjectStat | None:
        """See :class:`Bucket`."""
        with self._translated():
            try:
                found = self._path(key).stat()
            except FileNotFoundError:
                self._absent()
                return None
        return ObjectStat(key, found.st_size, found.st_mtime)

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See :class:`Bucket`."""
        with self._translated():
            self._absent()
            top = self._path(prefix.rpartition("/")[0])
            for folder, folders, names in os.walk(top):
                if Path(folder) == self._folder and _INCOMING in folders:
                    folders.remove(_INCOMING)
                for name in names:
                    path = Path(folder, name)
                    key = path.relative_to(self._folder).as_posix()
                    if key.startswith(prefix):
                        with contextlib.suppress(FileNotFoundError):
                            found = path.stat()
                            yield ObjectStat(key, found.st_size, found.st_mtime)

    def delete(self, key: str) -> None:
        """See :class:`Bucket`."""
        with self._translated():
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder.joinpath(*key.split("/")) if key else self._folder

    def _incoming(self) -> Path:
        self._absent()
        folder = self._folder / _INCOMING
        folder.mkdir(exist_ok=True)
        return folder

    def _absent(self) -> None:
        if not self._folder.is_dir():
            raise BucketMissing(self._storage)

    @contextlib.contextmanager
    def _written(self, data: Data) -> Iterator[Path]:
        """Yield a durable file with these bytes; it is removed unless it was renamed."""
        draft = self._incoming() / f"{secrets.token_hex(12)}.tmp"
        try:
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def _link(self, draft: Path, target: Path) -> bool:
        try:
            os.link(draft, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return self._copy(draft, target)
        return True

    def _copy(self, draft: Path, target: Path) -> bool:
        """Publish on a file system without links; the lock makes looking and renaming one step."""
        with locked(self._incoming() / "replace.lock"):
            if target.exists():
                return False
            shutil.move(draft, target)
            return True

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except EntrepotError:
            raise
        except PermissionError as error:
            raise StorageRefused(self._storage, "user of this process", error.strerror or str(error)) from error
        except OSError as error:
            raise StorageUnreachable(self._storage, error.strerror or str(error)) from error


def _version(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"
