"""Buckets on hosts that are reached by SFTP: an object is a file, written under another name and then renamed.

SFTP has no compare-and-swap: :meth:`SftpBucket.replace` looks and then renames.
"""

from __future__ import annotations

import contextlib
import getpass
import posixpath
import secrets
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import paramiko

from entrepot.errors import (
    BucketMissing,
    EntrepotError,
    InvalidArgument,
    LimitExceeded,
    StorageRefused,
    StorageUnreachable,
)
from entrepot.workspace.stores.buckets.interfaces import Data, ObjectStat, StoredObject
from entrepot.workspace.stores.values import StorageConfig

MAX_DEPTH = 64
"""Folders within each other that are listed; keys of this program have less than ten."""

_INCOMING = "incoming"
_TIMEOUT_S = 10.0
_SILENCE_S = 60.0
_PORT = 22
T = TypeVar("T")


class SftpBucket:
    """A bucket in a folder of a host; each thread has a connection of its own.

    Args:
        home: the user's home folder, for ``.ssh/known_hosts``.
        retries: how often a call is repeated after the connection broke.
    """

    def __init__(self, config: StorageConfig, environ: Mapping[str, str], home: Path, retries: int) -> None:
        if not config.endpoint_url:
            raise InvalidArgument(f"the storage {config.url} has no host; set endpoint-url to its name")
        self._config = config
        self._host = config.endpoint_url.removeprefix("sftp://").rstrip("/")
        self._port = config.port or _PORT
        self._username = config.username or environ.get("USER") or getpass.getuser()
        self._home = home
        self._retries = retries
        self._local = threading.local()
        self._clients: list[paramiko.SSHClient] = []
        self._lock = threading.Lock()

    def put_new(self, key: str, data: Data) -> bool:
        """See :class:`Bucket`."""
        return self._call(lambda sftp: self._put_new(sftp, key, data))

    def replace(self, key: str, data: Data, version: str) -> bool:
        """See :class:`Bucket`."""
        return self._call(lambda sftp: self._replace(sftp, key, data, version))

    def get(self, key: str, limit: int) -> StoredObject | None:
        """See :class:`Bucket`."""

        def get(sftp: paramiko.SFTPClient) -> StoredObject | None:
            try:
                with sftp.open(self._path(key), "rb") as file:
                    found = file.stat()
                    if (found.st_size or 0) <= limit:
                        file.prefetch(found.st_size or 0)
                        content = file.read(limit + 1)  # the file may be longer than the host said
                        if len(content) <= limit:
                            return StoredObject(content, _version(found))
                    raise LimitExceeded(f"the object {key}", limit, "another program may have written it")
            except FileNotFoundError:
                return None

        return self._call(get)

    def read(self, key: str, start: int, end: int) -> Data | None:
        """See :class:`Bucket`."""

        def read(sftp: paramiko.SFTPClient) -> Data | None:
            try:
                with sftp.open(self._path(key), "rb") as file:
                    size = file.stat().st_size or 0
                    length = min(end, size) - start
                    return b"".join(file.readv([(start, length)])) if length > 0 else b""
            except FileNotFoundError:
                return None

        return self._call(read)

    def stat(self, key: str) -> ObjectStat | None:
        """See :class:`Bucket`."""

        def look(sftp: paramiko.SFTPClient) -> ObjectStat | None:
            try:
                return _stat(key, sftp.stat(self._path(key)))
            except FileNotFoundError:
                return None

        return self._call(look)

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See :class:`Bucket`."""
        top = prefix.rpartition("/")[0]
        for found in self._call(lambda sftp: list(self._walk(sftp, top))):
            if found.key.startswith(prefix):
                yield found

    def delete(self, key: str) -> None:
        """See :class:`Bucket`."""

        def delete(sftp: paramiko.SFTPClient) -> None:
            with contextlib.suppress(FileNotFoundError):
                sftp.remove(self._path(key))

        self._call(delete)

    def close(self) -> None:
        """Close all connections; idempotent."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()
        self._local = threading.local()

    def _put_new(self, sftp: paramiko.SFTPClient, key: str, data: Data) -> bool:
        target = self._path(key)
        with self._written(sftp, data) as draft:
            self._make_folders(sftp, key)
            try:
                sftp.rename(draft, target)  # of version 3 of the protocol: it does not replace a file
            except OSError:
                if _is_there(sftp, target):
                    return False
                raise
        return True

    def _replace(self, sftp: paramiko.SFTPClient, key: str, data: Data, version: str) -> bool:
        try:
            if _version(sftp.stat(self._path(key))) != version:
                return False
        except FileNotFoundError:
            return False
        with self._written(sftp, data) as draft:
            sftp.posix_rename(draft, self._path(key))
        return True

    @contextlib.contextmanager
    def _written(self, sftp: paramiko.SFTPClient, data: Data) -> Iterator[str]:
        """Yield the path of a file with these bytes; it is removed unless it was renamed."""
        folder = posixpath.join(self._config.bucket, _INCOMING)
        if not _is_there(sftp, self._config.bucket):
            raise BucketMissing(self._config.url)
        if not _is_there(sftp, folder):
            _make_folder(sftp, folder)
        draft = posixpath.join(folder, secrets.token_hex(12))
        try:
            with sftp.open(draft, "wbx") as file:
                file.set_pipelined(True)
                file.write(bytes(data))
            written = sftp.stat(draft).st_size
            if written != len(data):
                raise StorageUnreachable(self._config.url, f"{written} of {len(data)} bytes were written")
            yield draft
        finally:
            with contextlib.suppress(OSError):
                sftp.remove(draft)

    def _make_folders(self, sftp: paramiko.SFTPClient, key: str) -> None:
        folder = self._config.bucket
        for part in key.split("/")[:-1]:
            folder = posixpath.join(folder, part)
            if not _is_there(sftp, folder):
                _make_folder(sftp, folder)

    def _walk(self, sftp: paramiko.SFTPClient, folder: str) -> Iterator[ObjectStat]:
        try:
            entries = sftp.listdir_attr(self._path(folder))
        except FileNotFoundError:
            if not _is_there(sftp, self._config.bucket):
                raise BucketMissing(self._config.url) from None
            return
        for entry in entries:
            key = f"{folder}/{entry.filename}" if folder else entry.filename
            if key == _INCOMING:
                continue
            if stat.S_ISDIR(entry.st_mode or 0):
                if key.count("/") >= MAX_DEPTH:
                    raise LimitExceeded(f"the depth of the folder {key[:100]}", MAX_DEPTH, "remove it from the bucket")
                yield from self._walk(sftp, key)
            else:
                yield _stat(key, entry)

    def _path(self, key: str) -> str:
        return posixpath.join(self._config.bucket, key) if key else self._config.bucket

    def _call(self, action: Callable[[paramiko.SFTPClient], T]) -> T:
        """Run an action on this thread's connection; open a new one if it broke."""
        attempt = 0
        while True:
            try:
                return action(self._connection())
            except EntrepotError:
                raise
            except PermissionError as error:
                raise StorageRefused(self._config.url, f"user '{self._username}'", "permission denied") from error
            except (OSError, EOFError, paramiko.SSHException) as error:
                self._local.sftp = None
                attempt += 1
                if attempt > self._retries:
                    raise StorageUnreachable(self._config.url, str(error) or type(error).__name__) from error

    def _connection(self) -> paramiko.SFTPClient:
        known: paramiko.SFTPClient | None = getattr(self._local, "sftp", None)
        if known is None:
            client = self._connect()
            with self._lock:
                self._clients.append(client)
            known = client.open_sftp()
            channel = known.get_channel()
            if channel is not None:
                channel.settimeout(_SILENCE_S)
            self._local.sftp = known
        return known

    def _connect(self) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        self._trust(client)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            client.connect(
                self._host,
                self._port,
                self._username,
                pkey=self._private_key(),
                timeout=_TIMEOUT_S,
                banner_timeout=_TIMEOUT_S,
                auth_timeout=_TIMEOUT_S,
                look_for_keys=self._config.private_key is None,
                allow_agent=self._config.private_key is None,
            )
        except paramiko.BadHostKeyException as error:
            reason = "it is not the known one; do not connect before you know why"
            raise StorageRefused(self._config.url, "key of the host", reason) from error
        except paramiko.AuthenticationException as error:
            raise StorageRefused(self._config.url, f"user '{self._username}'", str(error)) from error
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error):
                reason = "it is unknown; add the host to ~/.ssh/known_hosts, or pass --host-key"
                raise StorageRefused(self._config.url, "key of the host", reason) from error
            raise
        return client

    def _private_key(self) -> paramiko.PKey | None:
        """Return the private key of the configuration, of any type; None: those of the agent and of ``.ssh``."""
        path = self._config.private_key
        if path is None:
            return None
        try:
            return paramiko.PKey.from_path(path)
        except (OSError, ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise StorageRefused(self._config.url, f"private key {path}", f"it cannot be read ({reason})") from error

    def _trust(self, client: paramiko.SSHClient) -> None:
        name = self._host if self._port == _PORT else f"[{self._host}]:{self._port}"
        if self._config.host_key:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {self._config.host_key}")
            if entry is None or entry.key is None:
                raise InvalidArgument("the host key is not 'TYPE BASE64', as in known_hosts")
            client.get_host_keys().add(name, entry.key.get_name(), entry.key)
            return
        with contextlib.suppress(FileNotFoundError):
            client.load_host_keys(str(self._home / ".ssh" / "known_hosts"))


def _is_there(sftp: paramiko.SFTPClient, path: str) -> bool:
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


def _make_folder(sftp: paramiko.SFTPClient, path: str) -> None:
    try:
        sftp.mkdir(path)
    except OSError:
        if not _is_there(sftp, path):  # another writer may have made it
            raise


def _stat(key: str, found: paramiko.SFTPAttributes) -> ObjectStat:
    return ObjectStat(key, found.st_size or 0, float(found.st_mtime or 0))


def _version(found: paramiko.SFTPAttributes) -> str:
    return f"{found.st_mtime}-{found.st_size}"
