"""A real SSH server on loopback that serves one folder by SFTP, in a thread of the test."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.sftp import SFTP_FAILURE, SFTP_OK

from entrepot.workspace.stores import StorageConfig


@attrs.frozen
class SshHost:
    """A running server: its address, its key, and the file with the key of the user who may log in."""

    port: int
    host_key: paramiko.PKey
    user_key: Path
    folder: Path

    def config(self, folder: str = "/bucket") -> StorageConfig:
        """Return the configuration of a folder on the host."""
        return StorageConfig(
            "sftph",
            folder,
            endpoint_url="127.0.0.1",
            username="mia",
            private_key=str(self.user_key),
            port=self.port,
            host_key=f"{self.host_key.get_name()} {self.host_key.get_base64()}",
        )


class _Login(paramiko.ServerInterface):
    def __init__(self, key: paramiko.PKey) -> None:
        self._key = key

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL if (username, key) == ("mia", self._key) else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"


class _Files(SFTPServerInterface):
    """A folder as OpenSSH serves it: a plain rename does not replace a file."""

    root: Path

    def _path(self, path: str) -> str:
        return str(self.root) + self.canonicalize(path)

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        try:
            return [
                SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name)
                for entry in os.scandir(self._path(path))
            ]
        except OSError as error:
            return SFTPServer.convert_errno(error.errno or 0)

    def stat(self, path: str) -> SFTPAttributes | int:
        try:
            return SFTPAttributes.from_stat(os.stat(self._path(path)))
        except OSError as error:
            return SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> SFTPHandle | int:
        try:
            descriptor = os.open(self._path(path), flags, 0o644)
        except OSError as error:
            return SFTPServer.convert_errno(error.errno or 0)
        handle = SFTPHandle(flags)
        file = os.fdopen(descriptor, "rb" if flags & (os.O_WRONLY | os.O_RDWR) == 0 else "wb")
        handle.__dict__.update(readfile=file, writefile=file)  # where the handle looks for them
        handle.__dict__.update(stat=lambda: SFTPAttributes.from_stat(os.fstat(file.fileno())))
        return handle

    def remove(self, path: str) -> int:
        return self._done(lambda: os.unlink(self._path(path)))

    def rename(self, oldpath: str, newpath: str) -> int:
        def link() -> None:
            os.link(self._path(oldpath), self._path(newpath))
            os.unlink(self._path(oldpath))

        return SFTP_OK if self._done(link) == SFTP_OK else SFTP_FAILURE

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return self._done(lambda: os.replace(self._path(oldpath), self._path(newpath)))

    def mkdir(self, path: str, attr: SFTPAttributes) -> int:
        return self._done(lambda: os.mkdir(self._path(path)))

    def _done(self, action: Callable[[], object]) -> int:
        try:
            action()
        except OSError as error:
            return SFTPServer.convert_errno(error.errno or 0)
        return SFTP_OK


@contextlib.contextmanager
def running_ssh_host(folder: Path) -> Iterator[SshHost]:
    """Yield a server for a folder; it ends with the block."""
    root = folder / "root"
    (root / "bucket").mkdir(parents=True)
    user_key = paramiko.ECDSAKey.generate()
    user_key.write_private_key_file(str(folder / "key"))
    host_key = paramiko.ECDSAKey.generate()
    files = type("_RootedFiles", (_Files,), {"root": root})
    transports: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                transport = paramiko.Transport(connection)
                transport.add_server_key(host_key)
                transport.set_subsystem_handler("sftp", SFTPServer, files)
                transports.append(transport)
                with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                    transport.start_server(server=_Login(user_key))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield SshHost(listener.getsockname()[1], host_key, folder / "key", root)
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(60)
            for transport in transports:
                transport.close()
