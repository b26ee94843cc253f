"""The local cache: content once, by its tag; revisions as folders of links to it.

The layout is that of huggingface_hub, below a folder for each hub, so that
two hubs with a repository of the same name do not mix:

    <root>/<hub>/models--ns--name/
        blobs/<etag>                    the bytes of a file, under the tag of its content
        blobs/<etag>.incomplete         the first part of them, while they arrive
        snapshots/<commit>/<path>       links to ../../blobs/<etag>
        refs/<revision>                 the commit that a branch or tag was when it was last asked for
        .no_exist/<commit>/<path>       empty: this commit has no such file
        .entrepot/trees/<commit>.json   all files of a commit with their tags, as the hub listed them
        .entrepot/drafts/               what is about to get its name
    <root>/<hub>/.locks/                locks between processes

Bytes come first, names last: a link never leads to bytes that are not
complete and checked, whenever a process is killed. What only this client
writes is in ``.entrepot``: the cache may be one that huggingface_hub uses too,
whose own ``trees/<commit>.json`` has another format and is never touched.
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
from entrepot.names import RepoRef, RepoType, parse_path, parse_repo_id, parse_revision
from entrepot.wire.repos.trees import TreeEntry

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SAFE_TAG = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_PLAIN = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC})
_TREE = msgspec.json.Decoder(list[TreeEntry])

OWN = ".entrepot"
"""The folder of a cached repository that no other client knows."""

LOCKS = ".locks"


@attrs.frozen
class KnownAbsent:
    """What the cache knows about a file that a commit does not have."""

    commit: str
    path: str


@attrs.frozen
class RepoCache:
    """What is cached of one repository. Safe to use from many threads and processes at once."""

    folder: Path
    locks: Path

    # --- where things are ---

    def blob(self, etag: str) -> Path:
        """Where the bytes with this tag are, or shall be."""
        name = etag if _SAFE_TAG.fullmatch(etag) else hashlib.sha256(etag.encode()).hexdigest()
        return self.folder / "blobs" / name

    def snapshot(self, commit: str) -> Path:
        """The folder of a commit's files."""
        return self.folder / "snapshots" / _checked(commit)

    def pointer(self, commit: str, path: str) -> Path:
        """Where a file of a commit is, or shall be.

        Raises:
            InvalidPath: such a path could lead out of the folder.
        """
        return self.snapshot(commit) / checked_path(path)

    def listing(self, commit: str) -> Path:
        """Where the list of a commit's files is, or shall be."""
        return self.folder / OWN / "trees" / f"{_checked(commit)}.json"

    @property
    def drafts(self) -> Path:
        """The folder of what is about to get its name."""
        return self.folder / OWN / "drafts"

    def sweep(self) -> None:
        """Remove what killed processes have begun to write and nothing will go on with."""
        for folder in (self.folder / "blobs", self.drafts):
            sweep_drafts(folder)

    # --- what is known ---

    def resolve(self, revision: str) -> str | None:
        """The commit that a revision is, as far as the cache knows; a full commit id is one itself."""
        if is_commit(revision):
            return revision
        try:
            text = (self.folder / "refs" / parse_revision(revision)).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError, RevisionNotFound):
            return None
        return text if is_commit(text) else None

    def find(self, revision: str, path: str) -> Path | KnownAbsent | None:
        """A file of a revision: where it is, or that it is known not to be there; None: nothing is known."""
        commit = self.resolve(revision)
        if commit is None:
            return None
        pointer = self.pointer(commit, path)
        if pointer.is_file():
            return pointer
        return KnownAbsent(commit, path) if (self.folder / ".no_exist" / commit / path).is_file() else None

    def tree(self, commit: str) -> list[TreeEntry] | None:
        """The files of a commit as the hub listed them, or None."""
        try:
            return _TREE.decode(self.listing(commit).read_bytes())
        except (OSError, msgspec.MsgspecError):
            return None

    # --- taking notes ---

    def note_ref(self, revision: str, commit: str) -> None:
        """Remember which commit a branch or tag is; where that cannot be written, it is not remembered."""
        if revision != commit and self.resolve(revision) != commit:
            with contextlib.suppress(CannotWrite):
                write_file(self.folder / "refs" / parse_revision(revision), commit.encode("ascii"), self.drafts)

    def note_absent(self, commit: str, path: str) -> None:
        """Remember that a commit has no such file; where that cannot be written, it is not remembered."""
        with contextlib.suppress(CannotWrite):
            write_file(self.folder / ".no_exist" / _checked(commit) / checked_path(path), b"", self.drafts)

    def note_tree(self, commit: str, files: Sequence[TreeEntry]) -> None:
        """Remember all files of a commit; where that cannot be written, they are not remembered."""
        with contextlib.suppress(CannotWrite):
            write_file(self.listing(commit), msgspec.json.encode(files), self.drafts)

    def link(self, commit: str, path: str, etag: str) -> Path:
        """Give a commit's file its place; the bytes are there. Returns the place.

        Where links are not allowed, the file shares the bytes, or gets a copy of them.
        """
        pointer = self.pointer(commit, path)
        target = os.path.relpath(self.blob(etag), pointer.parent)
        with writing(pointer):
            if not _is_link_to(pointer, target) and not _make_link(target, pointer):
                _replace_by_link(target, pointer, self.drafts)
        return pointer

    def put(self, etag: str, data: bytes) -> None:
        """Keep small content that was checked; atomic, so that no lock is needed."""
        write_file(self.blob(etag), data)

    @contextlib.contextmanager
    def turn(self, etag: str) -> Iterator[bool]:
        """The right to fetch the bytes with this tag; see :func:`~entrepot.client.cache.file_locks.locked`."""
        with writing(self.locks), locked(self.locks / f"{self.blob(etag).name}.lock") as is_held:
            yield is_held


def repo_cache(root: Path, ref: RepoRef) -> RepoCache:
    """The cache of a repository below the cache of its hub."""
    name = folder_name(ref)
    return RepoCache(root / name, root / LOCKS / name)


def hub_folder(endpoint: str) -> str:
    """The name of the folder in which everything of one hub is cached."""
    endpoint = endpoint.rstrip("/").lower()
    readable = re.sub(r"[^a-z0-9.]+", "-", endpoint).strip("-.")[:80]
    if _PLAIN.fullmatch(endpoint):
        return readable
    return f"{readable}-{hashlib.sha256(endpoint.encode()).hexdigest()[:8]}"


def folder_name(ref: RepoRef) -> str:
    """``models--ns--name``."""
    return "--".join((ref.type.plural, *str(ref.id).split("/")))


def parse_folder_name(name: str) -> RepoRef | None:
    """The repository that a folder is named after, or None."""
    plural, _, rest = name.partition("--")
    kind = next((kind for kind in RepoType if kind.plural == plural), None)
    namespace, double, base = rest.partition("--")
    if kind is None or not double:
        return None
    try:
        return RepoRef(kind, parse_repo_id(f"{namespace}/{base}"))
    except InvalidName:
        return None


def is_commit(revision: str) -> bool:
    """Whether a revision is a full commit id, which means one commit for ever."""
    return _COMMIT.fullmatch(revision) is not None


def checked_path(path: str) -> str:
    """The path, unless it could lead out of the folder it is put into.

    What a repository calls its files is decided by strangers.

    Raises:
        InvalidPath: it could.
    """
    parsed = parse_path(path)
    if os.name == "nt" and re.search(r'[<>:"|?*\\]', parsed):
        raise InvalidPath(path, "Windows cannot hold a file of this name")
    return parsed


@contextlib.contextmanager
def writing(path: Path, needed: int = 0) -> Iterator[None]:
    """Turn what the system says about a local file into errors that say what to do.

    Args:
        needed: bytes that shall be written, for the message.

    Raises:
        DiskFull: there is no room.
        CannotWrite: anything else is in the way.
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
    """Write a file, all of it or nothing, over whatever was there; its folders are made.

    Args:
        drafts: a folder of the same file system in which it is written before it gets its name; None is its own.

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
            raise CannotWrite(str(path), "a folder is in its place") from error


def _put_in_place(draft: Path, path: Path, file: FileIO) -> None:
    if os.name == "nt":
        file.close()  # Windows renames no open file
    os.replace(draft, path)


def _make_link(target: str, pointer: Path) -> bool:
    """Make a link where nothing is; whether that was possible."""
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
    if not is_commit(commit):
        raise InvalidPath(commit, "it is no commit id")
    return commit


def cache_root(cache: Path, endpoint: str) -> Path:
    """The cache of one hub below the cache of all."""
    return cache / hub_folder(endpoint)
