"""The local cache: contents by their etag, and revisions as folders of links to them.

The layout is that of huggingface_hub below a separate folder for each hub, which
keeps repositories of the same name on two hubs apart:

    <root>/<hub>/models--ns--name/
        blobs/<etag>                    the content of a file, named after its etag
        blobs/<etag>.incomplete         the first part of a content during its download
        snapshots/<commit>/<path>       links to ../../blobs/<etag>
        refs/<revision>                 the commit that a branch or tag last resolved to
        .no_exist/<commit>/<path>       empty: the commit has no such file
        .entrepot/trees/<commit>.json   all files of a commit with their etags, as listed by the hub
        .entrepot/drafts/               temporary files that are renamed when complete
    <root>/<hub>/.locks/                locks between processes

Contents are written before links: a link never points to content that is
incomplete or unverified, even if a process is killed. Files that only entrepot
writes are in ``.entrepot``, because huggingface_hub may share the cache,
and its ``trees/<commit>.json``, which is never touched, has another format.
Source: huggingface_hub 2.4.0, documentation of its cache.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path

import attrs
import msgspec

from entrepot.client.cache.file_locks import locked
from entrepot.client.cache.partial_files import INCOMPLETE, exclusive_draft, sweep_drafts
from entrepot.errors import CannotWrite, DiskFull, InvalidName, InvalidPath, RevisionNotFound
from entrepot.names import VERSIONED_TYPES, RepoRef, is_oid, parse_path, parse_repo_id, parse_revision
from entrepot.wire.repos.trees import TreeEntry

_SAFE_TAG = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_PLAIN = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC})
_TREE = msgspec.json.Decoder(list[TreeEntry])

OWN = ".entrepot"
"""The folder of a cached repository for files that only entrepot writes."""

LOCKS = ".locks"


@attrs.frozen
class KnownAbsent:
    """A file that is known not to exist in a commit."""

    commit: str
    path: str


@attrs.frozen
class RepoCache:
    """The cached files of one repository. Safe to use from several threads and processes."""

    folder: Path
    locks: Path

    # --- paths ---

    def blob(self, etag: str) -> Path:
        """Return the path for the content with this etag, which may not exist."""
        name = etag if _SAFE_TAG.fullmatch(etag) else hashlib.sha256(etag.encode()).hexdigest()
        return self.folder / "blobs" / name

    def snapshot(self, commit: str) -> Path:
        """Return the folder of a commit's files."""
        return self.folder / "snapshots" / _checked(commit)

    def pointer(self, commit: str, path: str) -> Path:
        """Return the path for a file of a commit, which may not exist.

        Raises:
            InvalidPath: the path would be outside the folder.
        """
        return self.snapshot(commit) / checked_path(path)

    def listing(self, commit: str) -> Path:
        """Return the path for the list of a commit's files, which may not exist."""
        return self.folder / OWN / "trees" / f"{_checked(commit)}.json"

    @property
    def drafts(self) -> Path:
        """The folder of temporary files."""
        return self.folder / OWN / "drafts"

    def sweep(self) -> None:
        """Remove temporary files of killed processes that no download will resume."""
        for folder in (self.folder / "blobs", self.drafts):
            sweep_drafts(folder)

    # --- lookups ---

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a revision last resolved to, or None; a full commit id is returned as it is."""
        if is_oid(revision):
            return revision
        try:
            text = (self.folder / "refs" / parse_revision(revision)).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError, RevisionNotFound):
            return None
        return text if is_oid(text) else None

    def find(self, revision: str, path: str) -> Path | KnownAbsent | None:
        """Return the path of a file, KnownAbsent if the commit is known not to contain it, or None if unknown."""
        commit = self.resolve(revision)
        if commit is None:
            return None
        pointer = self.pointer(commit, path)
        if pointer.is_file():
            return pointer
        return KnownAbsent(commit, path) if (self.folder / ".no_exist" / commit / path).is_file() else None

    def tree(self, commit: str) -> list[TreeEntry] | None:
        """Return the files of a commit as listed by the hub, or None if unknown."""
        try:
            return _TREE.decode(self.listing(commit).read_bytes())
        except (OSError, msgspec.MsgspecError):
            return None

    # --- writes ---

    def note_ref(self, revision: str, commit: str) -> None:
        """Record the commit of a branch or tag; does nothing if the cache is not writable."""
        if revision != commit and self.resolve(revision) != commit:
            with contextlib.suppress(CannotWrite):
                write_file(self.folder / "refs" / parse_revision(revision), commit.encode("ascii"), self.drafts)

    def note_absent(self, commit: str, path: str) -> None:
        """Record that a commit does not contain a file; does nothing if the cache is not writable."""
        with contextlib.suppress(CannotWrite):
            write_file(self.folder / ".no_exist" / _checked(commit) / checked_path(path), b"", self.drafts)

    def note_tree(self, commit: str, files: Sequence[TreeEntry]) -> None:
        """Record all files of a commit; does nothing if the cache is not writable."""
        with contextlib.suppress(CannotWrite):
            write_file(self.listing(commit), msgspec.json.encode(files), self.drafts)

    def link(self, commit: str, path: str, etag: str) -> Path:
        """Link a file of a commit to its content, which must exist, and return the path of the link.

        If symbolic links are not permitted, creates a hard link or a copy.
        """
        pointer = self.pointer(commit, path)
        target = os.path.relpath(self.blob(etag), pointer.parent)
        with writing(pointer):
            if not _is_link_to(pointer, target) and not _make_link(target, pointer):
                _replace_by_link(target, pointer, self.drafts)
        return pointer

    def put(self, etag: str, data: bytes) -> None:
        """Store a small, verified content; atomic, so no lock is needed."""
        write_file(self.blob(etag), data)

    @contextlib.contextmanager
    def lock(self, etag: str) -> Iterator[bool]:
        """Hold the lock for downloading the content with this etag.

        See :func:`~entrepot.client.cache.file_locks.locked`.
        """
        with writing(self.locks), locked(self.locks / f"{self.blob(etag).name}.lock") as is_held:
            yield is_held


def repo_cache(root: Path, ref: RepoRef) -> RepoCache:
    """Return the cache of a repository below the cache of its hub."""
    name = folder_name(ref)
    return RepoCache(root / name, root / LOCKS / name)


def hub_folder(endpoint: str) -> str:
    """Return the name of the cache folder of a hub."""
    endpoint = endpoint.rstrip("/").lower()
    readable = re.sub(r"[^a-z0-9.]+", "-", endpoint).strip("-.")[:80]
    if _PLAIN.fullmatch(endpoint):
        return readable
    return f"{readable}-{hashlib.sha256(endpoint.encode()).hexdigest()[:8]}"


def folder_name(ref: RepoRef) -> str:
    """Return the folder name of a repository: ``models--ns--name``."""
    return "--".join((ref.type.plural, *str(ref.id).split("/")))


def parse_folder_name(name: str) -> RepoRef | None:
    """Return the repository of a folder name, or None."""
    plural, _, rest = name.partition("--")
    kind = next((kind for kind in VERSIONED_TYPES if kind.plural == plural), None)
    namespace, double, base = rest.partition("--")
    if kind is None or not double:
        return None
    try:
        return RepoRef(kind, parse_repo_id(f"{namespace}/{base}"))
    except InvalidName:
        return None


def checked_path(path: str) -> str:
    """Return the path if it is safe to create below a folder.

    The names of files in a repository are untrusted.

    Raises:
        InvalidPath: the path would be outside the folder, or Windows does not support it.
    """
    parsed = parse_path(path)
    if os.name == "nt" and re.search(r'[<>:"|?*\\]', parsed):
        raise InvalidPath(path, "Windows does not support this file name")
    return parsed


@contextlib.contextmanager
def writing(path: Path, needed: int = 0) -> Iterator[None]:
    """Translate an OSError about a local file to an error that says what to do.

    Args:
        needed: number of bytes to be written, for the message.

    Raises:
        DiskFull: there is not enough space.
        CannotWrite: any other OSError.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, DiskFull | CannotWrite) or error.errno is None:
            raise
        if error.errno in _FULL:
            raise DiskFull(str(path.parent), needed) from error
        raise CannotWrite(str(error.filename or path), error.strerror or str(error)) from error


def write_file(path: Path, data: bytes, drafts: Path | None = None) -> None:
    """Write a file atomically, replacing an existing one; missing folders are created.

    Args:
        drafts: folder for the temporary file, on the same file system; None is the folder of the file.

    Raises:
        DiskFull, CannotWrite: nothing was changed.
    """
    with writing(path, len(data)):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with exclusive_draft(path, drafts) as (draft, file):
                rest = memoryview(data)
                while rest:
                    rest = rest[file.write(rest) :]
                _put_in_place(draft, path, file)
        except IsADirectoryError as error:
            raise CannotWrite(str(path), "a folder with this name is in the way") from error


def _put_in_place(draft: Path, path: Path, file: FileIO) -> None:
    if os.name == "nt":
        file.close()  # Windows cannot rename an open file
    os.replace(draft, path)


def _make_link(target: str, pointer: Path) -> bool:
    """Create a link where no file exists; return whether that was possible."""
    for _ in range(2):
        try:
            os.symlink(target, pointer)
        except FileNotFoundError:
            pointer.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            return False
        else:
            return True
    return False


def _is_link_to(pointer: Path, target: str) -> bool:
    try:
        return os.readlink(pointer) == target
    except OSError:
        return False


def _replace_by_link(target: str, pointer: Path, drafts: Path) -> None:
    for folder in (drafts, pointer.parent):
        folder.mkdir(parents=True, exist_ok=True)
    draft = drafts / f".{secrets.token_hex(6)}{INCOMPLETE}"
    try:
        try:
            os.symlink(target, draft)
        except OSError:
            blob = pointer.parent / target
            try:
                os.link(blob, draft)
            except OSError:
                shutil.copyfile(blob, draft)
        os.replace(draft, pointer)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def _checked(commit: str) -> str:
    if not is_oid(commit):
        raise InvalidPath(commit, "it is not a commit id")
    return commit


def cache_root(cache: Path, endpoint: str) -> Path:
    """Return the cache of one hub below the cache of all hubs."""
    return cache / hub_folder(endpoint)
