"""The reading half of the file system.

Listings are not cached, so changes by other clients are visible immediately.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
from pathlib import Path
from typing import Any

from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.spec import AbstractFileSystem

from entrepot.client.cache.partial_files import draft_name
from entrepot.client.calls import files, trees
from entrepot.client.downloads.downloads import facts_of
from entrepot.client.downloads.fetching import WantedFile, fetch
from entrepot.client.hubs import Hub, connect
from entrepot.errors import AnswerUnusable, EntryNotFound, InvalidName, RevisionNotFound
from entrepot.fs.entries import Entry, entry_at, folder_at, page, translated
from entrepot.fs.paths import PROTOCOL, FsPath, parse, strip_protocol
from entrepot.names import ROOT


class ReadingFileSystem(AbstractFileSystem):
    """Read access to the repositories of a hub."""

    protocol = PROTOCOL
    root_marker = ""

    def __init__(self, endpoint: str | None = None, token: str | bool | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(endpoint=endpoint, token=token, **options)
        self._endpoint = endpoint
        self._secret = token

    @property
    def hub(self) -> Hub:
        """The hub of this file system.

        Raises:
            ConfigError, TokenMissing: as ``client.Hub``.
        """
        return connect(self._endpoint, self._secret, library_name="fsspec")

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:  # noqa: ANN401 - a path, or a list of them
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        return strip_protocol(os.fspath(path))

    # --- listings ---

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: ANN401
        """List a folder; for a file, return its own entry.

        Raises:
            FileNotFoundError: the path does not exist.
            PermissionError: the caller may not read the repository.
        """
        fs_path = self._parse(path)
        with translated(path):
            try:
                entries = [entry_at(fs_path, entry) for entry in self.hub.pages(page(fs_path, is_deep=False))]
            except EntryNotFound:
                entries = [self._info(fs_path)]
        return entries if detail else [entry["name"] for entry in entries]

    def info(self, path: str, **_: Any) -> Entry:  # noqa: ANN401
        """Return the entry of a path: name, size, type, and the git id or SHA-256 of a file.

        Raises:
            FileNotFoundError: the path does not exist.
            PermissionError: the caller may not read the repository.
        """
        fs_path = self._parse(path)
        with translated(path):
            return self._info(fs_path)

    def exists(self, path: str, **_: Any) -> bool:  # noqa: ANN401
        """Return whether a file or folder exists.

        Raises:
            PermissionError, HubUnreachable, HubTimeout: the hub did not reveal whether it exists.
        """
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **_: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - a list, or a mapping with detail
        """List all files below a folder with one listing; empty if the folder does not exist."""
        fs_path = self._parse(path)
        found: dict[str, Entry] = {}
        try:
            with translated(path):
                for entry in self.hub.pages(page(fs_path, is_deep=maxdepth != 1)):
                    below = entry.path.removeprefix(f"{fs_path.path}/" if fs_path.path else "")
                    if maxdepth is not None and below.count("/") >= maxdepth:
                        continue
                    if withdirs or entry.type == "file":
                        found[fs_path.name(entry.path)] = entry_at(fs_path, entry)
                if withdirs and fs_path.path:
                    found[fs_path.name(fs_path.path)] = folder_at(fs_path, fs_path.path)
        except FileNotFoundError:
            with contextlib.suppress(FileNotFoundError):
                here = self.info(path)
                found[here["name"]] = here
        names = sorted(found)
        return {name: found[name] for name in names} if detail else names

    def modified(self, path: str) -> datetime.datetime:
        """Return the time of the last commit that changed the path.

        Raises:
            FileNotFoundError: the path does not exist.
        """
        fs_path = self._parse(path)
        with translated(path):
            entries = self.hub.send(trees.describe(fs_path.ref, fs_path.revision, [fs_path.path], expand=True))
            if not entries or entries[0].last_commit is None:
                raise EntryNotFound(fs_path.path)
            return datetime.datetime.fromisoformat(entries[0].last_commit.date)

    def ukey(self, path: str) -> str:
        """Return an identifier of the content, which changes whenever the content does."""
        entry = self.info(path)
        return str(entry.get("sha256") or entry["oid"])

    checksum = ukey

    def url(self, path: str) -> str:
        """Return the URL of a file's content."""
        fs_path = self._parse(path)
        return f"{self.hub.endpoint}{files.resolve_path(fs_path.ref, fs_path.revision, fs_path.path)}"

    # --- reading ---

    def pin(self, fs_path: FsPath) -> tuple[str, int]:
        """Return the commit of a file and its size.

        Raises:
            FileNotFoundError: the file does not exist.
            IsADirectoryError: the path is the root of a repository.
        """
        if not fs_path.path:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), fs_path.prefix)
        with translated(fs_path.name(fs_path.path)):
            facts = facts_of(self.hub, fs_path.ref, fs_path.path, fs_path.revision)
        if facts.size is None:
            raise AnswerUnusable(self.url(fs_path.name(fs_path.path)), "the response lacks the size of the file")
        return facts.commit or fs_path.revision, facts.size

    def read_range(self, fs_path: FsPath, commit: str, start: int, end: int | None) -> bytes:
        """Return the bytes of a file at a commit from ``start`` up to ``end``, exclusive."""
        if end is not None and start >= end:
            return b""
        hub, call = self.hub, files.content(fs_path.ref, commit, fs_path.path)
        with translated(fs_path.name(fs_path.path)):
            if start == 0 and end is None:
                return hub.send(call)
            hub.need_network(call.subject)
            with hub.transport.stream(call, start=start, end=end) as stream:
                data = b"".join(stream.chunks())
        return data if stream.status == 206 else data[start:end]

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:  # noqa: ANN401
        """Return the content of a file or a byte range of it; negative offsets count from its end.

        Raises:
            FileNotFoundError: the file does not exist.
        """
        fs_path, commit = self._parse(path), None
        if not fs_path.path:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if (start is not None and start < 0) or (end is not None and end < 0):
            commit, size = self.pin(fs_path)
            start, end = (max(0, at + size) if at is not None and at < 0 else at for at in (start, end))
        return self.read_range(fs_path, commit or fs_path.revision, start or 0, end)

    def get_file(
        self,
        rpath: str,
        lpath: str | os.PathLike[str],
        callback: Callback = DEFAULT_CALLBACK,
        outfile: Any = None,  # noqa: ANN401
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Download a file, resuming an interrupted download, and verify its digest; for a folder, create it.

        Raises:
            FileNotFoundError: the file does not exist.
            DownloadDamaged, DiskFull, CannotWrite: as ``client.downloads.downloads``.
        """
        if outfile is not None:
            outfile.write(self.cat_file(rpath))
            return
        if self.isdir(rpath):
            os.makedirs(lpath, exist_ok=True)
            return
        fs_path = self._parse(rpath)
        with translated(rpath):
            facts = facts_of(self.hub, fs_path.ref, fs_path.path, fs_path.revision)
        if facts.commit is None or facts.etag is None:
            raise AnswerUnusable(self.url(rpath), "the response lacks the commit or the etag of the file")
        wanted = WantedFile(fs_path.ref, facts.commit, fs_path.path, facts.etag, facts.size, facts.xet_hash)
        callback.set_size(facts.size)
        draft = Path(lpath).with_name(draft_name(Path(lpath), facts.etag))
        fetch(self.hub, wanted, draft, _CallbackMeter(callback))
        os.replace(draft, lpath)

    # --- helpers ---

    def _parse(self, path: str) -> FsPath:
        try:
            return parse(path)
        except (InvalidName, RevisionNotFound) as error:
            raise FileNotFoundError(errno.ENOENT, str(error), path) from error

    def _info(self, fs_path: FsPath) -> Entry:
        if not fs_path.path:
            # Listing the root raises if the revision does not exist.
            next(iter(self.hub.pages(page(fs_path, is_deep=False))), None)
            return folder_at(fs_path, ROOT)
        entries = self.hub.send(trees.describe(fs_path.ref, fs_path.revision, [fs_path.path]))
        if not entries:
            raise EntryNotFound(
                fs_path.path, reason=f"there is no {fs_path.path} in {fs_path.ref} at {fs_path.revision}"
            )
        return entry_at(fs_path, entries[0])


class _CallbackMeter:
    def __init__(self, callback: Callback) -> None:
        self._callback = callback

    def advance(self, amount: int) -> None:
        self._callback.relative_update(amount)

    def finish(self) -> None:
        pass
