"""Placement: fetched contents take their places in the workspace, obsolete files leave it.

Everything is fetched and verified before this begins, and written in the
journal, so that an interrupted checkout is completed, never half-done.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from entrepot.errors import CannotWrite, Refused
from entrepot.names import Oid, RepoPath
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.entities.version_tags import parse_tag
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.scans import state_of
from entrepot.workspace.projects.heads import write_head_file
from entrepot.workspace.projects.versions import Version, read_version
from entrepot.workspace.state.rows import Extent, Head, TrackedFile, settled
from entrepot.workspace.stores import FileState, draft_path


class CheckoutPlan(msgspec.Struct, frozen=True):
    """The file operations of a checkout, once everything is fetched.

    Attributes:
        placed: paths whose content comes from a draft.
        kept: paths whose content on disk is right already.
        removed: paths that leave the workspace.
    """

    tag: str
    commit: str
    extent: str
    base: str | None
    placed: list[str]
    kept: list[str]
    removed: list[str]


def finish_checkout(entity: Entity, plan: CheckoutPlan) -> None:
    """Do what a plan says; repeated after a crash, it does what is left. The caller holds the lock.

    Raises:
        CannotWrite, Refused: a file cannot be written; the next command goes on.
    """
    version = read_version(entity.state, parse_tag(plan.tag), Oid(plan.commit))
    mutability = version.spec.mutability
    files = version.manifest.files
    remove_files(entity, plan.removed)  # first, because a folder may take the place of a file, or a file that of one
    _place(entity, [(RepoPath(path), files[RepoPath(path)]) for path in plan.placed], mutability)
    for name, content in version.documents.items():
        _write_document(entity, name, content)
    for name in entity.document_names:
        if name not in version.documents:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entity.path / name)
    tracked = {}
    for text in (*plan.placed, *plan.kept):
        path = RepoPath(text)
        tracked[path] = TrackedFile(files[path], _set_mode(entity, path, files[path], mutability))
    _record(entity, plan, version, tracked)
    for text in plan.placed:
        with contextlib.suppress(OSError):
            os.unlink(draft_path(entity.state.drafts, files[RepoPath(text)]))


def place_again(entity: Entity, version: Version, paths: Iterable[RepoPath]) -> None:
    """Replace tracked files of the head by their drafts; they keep their protection. The caller holds the lock.

    Raises:
        CannotWrite, Refused: a file cannot be written.
    """
    files = {path: version.manifest.files[path] for path in paths}
    states = place_files(entity, files, version.spec.mutability)
    rows = {path: TrackedFile(entry, states[path]) for path, entry in files.items()}
    with entity.state.database.transaction() as transaction:
        transaction.put_files(entity.folder, rows)


def place_files(
    entity: Entity, files: Mapping[RepoPath, ManifestEntry], mutability: Mutability
) -> dict[RepoPath, FileState | None]:
    """Move drafts to their places, and return the states of the placed files.

    Raises:
        CannotWrite, Refused: a file cannot be written.
    """
    _place(entity, list(files.items()), mutability)
    return {path: _set_mode(entity, path, entry, mutability) for path, entry in files.items()}


def check_places(entity: Entity, paths: Iterable[str], removed: Iterable[str] = ()) -> None:
    """Check that files can be written without leaving the entity through a link.

    Args:
        removed: files that will be removed before.

    Raises:
        Refused: a folder on the way is a link or a file, or a folder is in the place of a file.
    """
    leaving = {str(entity.path / path) for path in removed}
    known: set[str] = set(leaving)
    above = os.path.dirname(entity.folder)
    while above:
        _check_folder(str(entity.state.workspace / above), known)
        above = os.path.dirname(above)
    for folder in (entity.state.workspace, entity.path):
        _check_folder(str(folder), known)
    for path in paths:
        names = path.split("/")
        for depth in range(1, len(names)):
            _check_folder(str(entity.path / "/".join(names[:depth])), known)
        place = entity.path / path
        if place.is_dir() and not place.is_symlink() and not _becomes_empty(str(place), leaving):
            raise Refused(f"the folder {place} is in the place of a file; move it away")


def _becomes_empty(folder: str, leaving: set[str]) -> bool:
    """Return whether all files in a folder are among those that leave."""
    return all(os.path.join(place, name) in leaving for place, _, names in os.walk(folder) for name in names)


def _remove_empty(folder: str) -> None:
    """Remove a folder that contains nothing but empty folders."""
    for place, _, _ in os.walk(folder, topdown=False):
        os.rmdir(place)


def remove_files(entity: Entity, paths: Iterable[str]) -> None:
    """Remove files, and folders that become empty.

    Raises:
        CannotWrite: a file cannot be removed.
    """
    for path in paths:
        place = entity.path / path
        try:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(place)
        except OSError as error:
            raise CannotWrite(str(place), error.strerror or str(error)) from error
        for parent in place.parents:
            if parent == entity.path or parent == entity.path / "data":
                break
            try:
                os.rmdir(parent)
            except OSError:
                break


def _record(entity: Entity, plan: CheckoutPlan, version: Version, tracked: dict[RepoPath, TrackedFile]) -> None:
    head = Head(plan.tag, Oid(plan.commit), Extent(plan.extent), plan.base)
    with entity.state.database.transaction() as transaction:
        transaction.drop_files(entity.folder)
        transaction.put_files(entity.folder, tracked)
        transaction.unstage(entity.folder)
        transaction.put_documents(entity.folder, version.documents)
        transaction.set_head(entity.folder, head)
        transaction.set_journal(entity.folder, None)
    write_head_file(entity, plan.tag, Oid(plan.commit))


def _place(entity: Entity, files: list[tuple[RepoPath, ManifestEntry]], mutability: Mutability) -> None:
    """Move drafts to their places; a content with several places is copied to all but the last."""
    check_places(entity, (path for path, _ in files))
    drafts = entity.state.drafts
    uses = Counter(entry.content for _, entry in files)
    for path, entry in files:
        uses[entry.content] -= 1
        draft, place = draft_path(drafts, entry), entity.path / path
        if not draft.exists():
            continue  # an earlier attempt has moved it
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if uses[entry.content] > 0:
                copy = draft.with_name(f"{draft.name}.copy")
                shutil.copyfile(draft, copy)
                draft = copy
            os.chmod(draft, mutability.file_mode(is_executable=bool(entry.x)))
            if place.is_dir() and not place.is_symlink():
                _remove_empty(str(place))
            os.replace(draft, place)
        except OSError as error:
            raise CannotWrite(str(place), error.strerror or str(error)) from error


def _write_document(entity: Entity, name: str, content: bytes) -> None:
    place = entity.path / name
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink() or not place.is_file() or place.read_bytes() != content:
            temporary = place.with_name(f".{name}.entrepot")
            temporary.write_bytes(content)
            os.replace(temporary, place)
    except OSError as error:
        raise CannotWrite(str(place), error.strerror or str(error)) from error


def _set_mode(entity: Entity, path: RepoPath, entry: ManifestEntry, mutability: Mutability) -> FileState | None:
    """Give a file the permissions of its version and return its state; None if it is not there."""
    place = entity.path / path
    try:
        found = os.lstat(place)
        if not stat.S_ISREG(found.st_mode):
            return None
        wanted = mutability.file_mode(is_executable=bool(entry.x))
        if stat.S_IMODE(found.st_mode) != wanted and (mutability.locks_files or entry.x):
            os.chmod(place, wanted)
            found = os.lstat(place)
    except OSError:
        return None
    return settled(state_of(found))


def _check_folder(folder: str, known: set[str]) -> None:
    if folder in known:
        return
    known.add(folder)
    try:
        found = os.lstat(folder)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise Refused(f"a file is in the place of the folder {folder}; move it away") from None
    if not stat.S_ISDIR(found.st_mode):
        kind = "link" if stat.S_ISLNK(found.st_mode) else "file"
        raise Refused(f"a {kind} is in the place of the folder {folder}; move it away")
