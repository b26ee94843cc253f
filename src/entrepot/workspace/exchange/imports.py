"""Imports: plain objects of a bucket become files."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from entrepot.client.parallel import run_parallel
from entrepot.errors import CannotWrite, InvalidArgument, Malformed, ObjectsMissing, Refused
from entrepot.names import RepoPath
from entrepot.workspace.exchange.buckets import PlainBucket
from entrepot.workspace.manifests.entry_paths import check_paths, find_collision
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.state.locks import exclusive
from entrepot.workspace.stores.buckets import ObjectStat


@attrs.frozen
class ExchangeReport:
    """The result of an import or export; ``kept`` objects were in their place already."""

    objects: int
    bytes: int
    kept: int


def import_objects(
    state: KindState, bucket: PlainBucket, target: Path, *, path: str = "", key: str = "", is_forced: bool = False
) -> ExchangeReport:
    """Fetch objects into a folder; all of them are here before the first file is changed.

    Args:
        target: the folder, which is created if needed.
        path: the folder of the bucket to fetch; empty is all of it.
        key: the only object to fetch, which gets its last name.
        is_forced: replace files with other contents.

    Raises:
        ObjectsMissing: the object does not exist.
        Malformed: objects have names that files cannot have; no file was changed.
        Refused: files with other contents are in the way, or a link is; no file was changed.
        StorageRefused, BucketMissing, StorageUnreachable, CannotWrite: as they say.
    """
    if path and key:
        raise InvalidArgument("a folder and an object exclude each other")
    found = _single(bucket, key) if key else _listed(bucket, path.strip("/"))
    _check_names(found, bucket.label)
    for name, entry in found.items():
        _check_place(target, name, entry.size, is_forced=is_forced)
    folder = state.folder / "incoming"
    with exclusive(state.folder / "importing.lock", f"an import into {state.project.root}"):
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _fetch(state, bucket, list(found.values()), folder)
            return _place(found, folder, target, is_forced=is_forced)
        except OSError as error:
            raise CannotWrite(str(error.filename or target), error.strerror or str(error)) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _single(bucket: PlainBucket, key: str) -> dict[str, ObjectStat]:
    found = bucket.bucket.stat(key)
    if found is None:
        raise ObjectsMissing(bucket.label, key)
    return {key.rpartition("/")[2]: found}


def _listed(bucket: PlainBucket, path: str) -> dict[str, ObjectStat]:
    prefix = f"{path}/" if path else ""
    found = {entry.key.removeprefix(prefix): entry for entry in bucket.bucket.list(prefix)}
    # Consoles of services mark folders with empty objects whose keys end in a slash.
    found = {name: entry for name, entry in found.items() if name and not (name.endswith("/") and entry.size == 0)}
    if not found:
        raise ObjectsMissing(bucket.label, f"{prefix}*")
    return found


def _check_names(found: Mapping[str, ObjectStat], label: str) -> None:
    try:
        check_paths(found)
    except Malformed as error:
        raise Malformed(label, error.reason) from error
    collision = find_collision(map(RepoPath, found))
    if collision is not None:
        raise Malformed(label, f"{collision[0]!r} and {collision[1]!r} are the same file on some systems")


def _check_place(target: Path, name: str, size: int, *, is_forced: bool) -> None:
    """Check that a file can be written without following a link or replacing another content.

    Raises:
        Refused: it cannot.
    """
    folder = target
    for part in name.split("/")[:-1]:
        folder = folder / part
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(os.lstat(folder).st_mode):
                raise Refused(f"{folder} is not a folder; move it away")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        there = os.lstat(target / name)
        if not stat.S_ISREG(there.st_mode):
            raise Refused(f"{target / name} is not a file; move it away")
        if there.st_size != size and not is_forced:
            raise _other_content(target / name)


def _other_content(place: Path) -> Refused:
    return Refused(f"{place} exists with another content; move it away, or use --force")


def _fetch(state: KindState, bucket: PlainBucket, entries: list[ObjectStat], folder: Path) -> None:
    project = state.project
    meter = project.around.progress.begin("import", sum(entry.size for entry in entries))

    def fetch(numbered: tuple[int, ObjectStat]) -> None:
        number, entry = numbered
        with (folder / str(number)).open("xb") as file:
            for data in bucket.slices(entry.key, entry.size):
                file.write(data)
                meter.advance(len(data))

    try:
        for _ in run_parallel(fetch, enumerate(entries), project.configuration.threads):
            pass
    finally:
        meter.finish()


def _place(found: Mapping[str, ObjectStat], folder: Path, target: Path, *, is_forced: bool) -> ExchangeReport:
    drafts = {name: folder / str(number) for number, name in enumerate(found)}
    known = set(_known(drafts, target, is_forced=is_forced))
    for name, draft in drafts.items():
        if name not in known:
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(draft, place)
    return ExchangeReport(len(drafts), sum(entry.size for entry in found.values()), len(known))


def _known(drafts: Mapping[str, Path], target: Path, *, is_forced: bool) -> Iterator[str]:
    """Yield the names of files that are in their place already.

    Raises:
        Refused: another content is there.
    """
    for name, draft in drafts.items():
        place = target / name
        if place.exists():
            if filecmp.cmp(draft, place, shallow=False):
                yield name
            elif not is_forced:
                raise _other_content(place)
