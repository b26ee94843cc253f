"""Unlocking: files of a flexible entity that may be changed until the next commit."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

import attrs

from entrepot.errors import CannotWrite, LockedByMutability, PathMissing
from entrepot.names import RepoPath
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.scans import state_of
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.state.rows import TrackedFile, settled


def unlock_files(entity: Entity, paths: Sequence[str], *, unlocks_all: bool = False) -> tuple[str, ...]:
    """Make tracked files writable, so that a change of them can be added; return their paths.

    Args:
        paths: inside the entity, with either kind of slash.
        unlocks_all: unlock every tracked file.

    Raises:
        LockedByMutability: the entity is strict; nothing was changed.
        PathMissing: a path is no tracked or staged file; nothing was changed.
    """
    state = entity.state
    recover(state)
    if entity.spec().mutability is Mutability.STRICT:
        raise LockedByMutability("You cannot use this command for this entity because mutability cannot be strict.")
    with state.locked():
        tracked, staged = state.database.files(entity.folder), state.database.staged(entity.folder)
        known = {*tracked, *staged}
        wanted = list(known) if unlocks_all else [_known(entity, path, known) for path in paths]
        missing = tuple(path for path, found in zip(paths, wanted, strict=False) if found is None)
        if missing:
            raise PathMissing(missing)
        found = sorted(path for path in wanted if path is not None)
        rows = {path: _unlock(entity, path, tracked.get(path)) for path in found}
        with state.database.transaction() as transaction:
            transaction.put_files(entity.folder, {path: row for path, row in rows.items() if row is not None})
    return tuple(map(str, found))


def _known(entity: Entity, path: str, known: set[RepoPath]) -> RepoPath | None:
    candidates = (path, entity.path_inside(path))
    return next((RepoPath(text) for text in candidates if RepoPath(text) in known), None)


def _unlock(entity: Entity, path: RepoPath, row: TrackedFile | None) -> TrackedFile | None:
    place = entity.path / path
    try:
        before = state_of(os.lstat(place))
        is_same = row is not None and row.state == before
        os.chmod(place, stat.S_IMODE(before.mode) | 0o644)
        after = state_of(os.lstat(place))
    except FileNotFoundError:
        return attrs.evolve(row, is_unlocked=True) if row is not None else None
    except OSError as error:
        raise CannotWrite(str(place), error.strerror or str(error)) from error
    if row is None:
        return None
    return attrs.evolve(row, is_unlocked=True, state=settled(after) if is_same else row.state)
