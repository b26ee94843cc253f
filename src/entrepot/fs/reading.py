"""The half of the file system that looks and reads.

Listings are not cached: what another writer did is seen at once.
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
    """Repositories of a hub, to be looked at and read."""

    protocol = PROTOCOL
    root_marker = ""

    def __init__(self, endpoint: str | None = None, token: str | bool | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(endpoint=endpoint, token=token, **options)
        self._endpoint = endpoint
        self._secret = token

    @property
    def hub(self) -> Hub:
        """The hub behind it.

        Raises:
            ConfigError, TokenMissing: as ``client.Hub``.
        """
        return connect(self._endpoint, self._secret, library_name="fsspec")

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:  # noqa: ANN401 - a path, or a list of them
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        return strip_protocol(os.fspath(path))

    # --- looking ---

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: ANN401
        """What is in a folder; a file is its own list.

        Raises:
            FileNotFoundError: there is nothing.
            PermissionError: the hub does not let this caller look.
        """
        place = self._parse(path)
        with translated(path):
            try:
                entries = [entry_at(place, entry) for entry in self.hub.pages(page(place, is_deep=False))]
            except EntryNotFound:
                entries = [self._info(place)]
        return entries if detail else [entry["name"] for entry in entries]

    def info(self, path: str, **_: Any) -> Entry:  # noqa: ANN401
        """What is at a path: name, size, type, and the git id or SHA-256 of a file.

        Raises:
            FileNotFoundError: there is nothing.
            PermissionError: the hub does not let this caller look.
        """
        place = self._parse(path)
        with translated(path):
            return self._info(place)

    def exists(self, path: str, **_: Any) -> bool:  # noqa: ANN401
        """Whether there is a file or folder.

        Raises:
            PermissionError, HubUnreachable, HubTimeout: nobody can tell.
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
        """All files below a folder by one listing; empty when there is no such folder."""
        place = self._parse(path)
        found: dict[str, Entry] = {}
        try:
            with translated(path):
                for entry in self.hub.pages(page(place, is_deep=maxdepth != 1)):
                    below = entry.path.removeprefix(f"{place.path}/" if place.path else "")
                    if maxdepth is not None and below.count("/") >= maxdepth:
                        continue
                    if withdirs or entry.type == "file":
                        found[place.name(entry.path)] = entry_at(place, entry)
                if withdirs and place.path:
                    found[place.name(place.path)] = folder_at(place, place.path)
        except FileNotFoundError:
            with contextlib.suppress(FileNotFoundError):
                here = self.info(path)
                found[here["name"]] = here
        names = sorted(found)
        return {name: found[name] for name in names} if detail else names

    def modified(self, path: str) -> datetime.datetime:
        """When the last commit changed it.

        Raises:
            FileNotFoundError: there is nothing.
        """
        place = self._parse(path)
        with translated(path):
            entries = self.hub.send(trees.describe(place.ref, place.revision, [place.path], expand=True))
            if not entries or entries[0].last_commit is None:
                raise EntryNotFound(place.path)
            return datetime.datetime.fromisoformat(entries[0].last_commit.date)

    def ukey(self, path: str) -> str:
        """A tag that changes when the content does.

        Raises:
            FileNotFoundError: there is nothing.
        """
        entry = self.info(path)
        return str(entry.get("sha256") or entry["oid"])

    checksum = ukey

    def url(self, path: str) -> str:
        """Where the content of a file is on the web."""
        place = self._parse(path)
        return f"{self.hub.endpoint}{files.resolve_path(place.ref, place.revision, place.path)}"

    # --- reading ---

    def pin(self, place: FsPath) -> tuple[str, int]:
        """The commit of a file and its size.

        Raises:
            FileNotFoundError: there is no such file.
            IsADirectoryError: it is the root of a repository.
        """
        if not place.path:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), place.prefix)
        with translated(place.name(place.path)):
            facts = facts_of(self.hub, place.ref, place.path, place.revision)
        if facts.size is None:
            raise AnswerUnusable(self.url(place.name(place.path)), "it does not tell the size of the file")
        return facts.commit or place.revision, facts.size

    def read_range(self, place: FsPath, commit: str, start: int, end: int | None) -> bytes:
        """Bytes of a file at a commit, ``end`` excluded."""
        if end is not None and start >= end:
            return b""
        hub, call = self.hub, files.content(place.ref, commit, place.path)
        with translated(place.name(place.path)):
            if start == 0 and end is None:
                return hub.send(call)
            hub.need_network(call.subject)
            with hub.transport.stream(call, start=start, end=end) as stream:
                data = b"".join(stream.chunks())
        return data if stream.status == 206 else data[start:end]

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:  # noqa: ANN401
        """The bytes of a file, or some of them; negative offsets count from its end.

        Raises:
            FileNotFoundError: there is no such file.
        """
        place, commit = self._parse(path), None
        if not place.path:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if (start is not None and start < 0) or (end is not None and end < 0):
            commit, size = self.pin(place)
            start, end = (max(0, at + size) if at is not None and at < 0 else at for at in (start, end))
        return self.read_range(place, commit or place.revision, start or 0, end)

    def get_file(
        self,
        rpath: str,
        lpath: str | os.PathLike[str],
        callback: Callback = DEFAULT_CALLBACK,
        outfile: Any = None,  # noqa: ANN401
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Download a file: continued after an interruption, checked by its digest; a folder is made.

        Raises:
            FileNotFoundError: there is no such file.
            DownloadDamaged, DiskFull, CannotWrite: as ``client.downloads.downloads``.
        """
        if outfile is not None:
            outfile.write(self.cat_file(rpath))
            return
        if self.isdir(rpath):
            os.makedirs(lpath, exist_ok=True)
            return
        place = self._parse(rpath)
        with translated(rpath):
            facts = facts_of(self.hub, place.ref, place.path, place.revision)
        if facts.commit is None or facts.etag is None:
            raise AnswerUnusable(self.url(rpath), "it does not say which file this is")
        wanted = WantedFile(place.ref, facts.commit, place.path, facts.etag, facts.size, facts.xet_hash)
        callback.set_size(facts.size)
        draft = Path(lpath).with_name(draft_name(Path(lpath), facts.etag))
        fetch(self.hub, wanted, draft, _CallbackMeter(callback))
        os.replace(draft, lpath)

    # --- inside ---

    def _parse(self, path: str) -> FsPath:
        try:
            return parse(path)
        except (InvalidName, RevisionNotFound) as error:
            raise FileNotFoundError(errno.ENOENT, str(error), path) from error

    def _info(self, place: FsPath) -> Entry:
        if not place.path:
            # Whether the revision is there shows in its tree.
            next(iter(self.hub.pages(page(place, is_deep=False))), None)
            return folder_at(place, ROOT)
        entries = self.hub.send(trees.describe(place.ref, place.revision, [place.path]))
        if not entries:
            raise EntryNotFound(place.path, reason=f"there is no {place.path} in {place.ref} at {place.revision}")
        return entry_at(place, entries[0])


class _CallbackMeter:
    def __init__(self, callback: Callback) -> None:
        self._callback = callback

    def advance(self, amount: int) -> None:
        self._callback.relative_update(amount)

    def finish(self) -> None:
        pass
