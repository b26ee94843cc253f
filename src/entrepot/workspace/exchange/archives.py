"""Archives in the zip format, which come from anywhere: names, sizes and counts are not trusted."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from entrepot.errors import CannotWrite, EntrepotError, LimitExceeded, Malformed, SourceUnreadable
from entrepot.names import RepoPath
from entrepot.workspace.manifests.entry_paths import check_paths, find_collision

MAX_ENTRIES = 1_000_000
HIGHEST_RATIO = 200
"""How many times larger than its archive the content may be."""

_FREE_BYTES = 1 << 20
"""Contents up to this size are not compared with the size of their archive."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How contents may be compressed: ``zipfile`` bounds what one read of other methods makes of a few bytes by nothing."""

_SLICE = 1 << 20


def unpack_archives(folder: Path) -> int:
    """Replace the zip archives directly in a folder by their contents; return the number of files.

    Raises: as :func:`unpack_archive`; archives before the faulty one are unpacked.
    """
    archives = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".zip" and path.is_file())
    return sum(_replace(path, folder) for path in archives)


def unpack_archive(archive: Path, folder: Path) -> int:
    """Unpack an archive into a folder and return the number of its files.

    Raises:
        Malformed: it is not a zip archive, is encrypted, has a file that is neither stored nor deflated, a path that
            leads out of the folder, a link, or two names for one file; nothing was unpacked. Or its content is damaged.
        LimitExceeded: it has too many entries, or its content is too large in comparison to it.
        SourceUnreadable, CannotWrite: it cannot be read, a file cannot be written, or a file exists.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = _checked(opened, archive)
            budget = max(_FREE_BYTES, HIGHEST_RATIO * archive.stat().st_size)
            if sum(entry.file_size for entry in entries.values()) > budget:
                raise _too_large(archive, budget)
            for path, entry in entries.items():
                budget -= _unpack(opened, entry, folder / path, archive, budget)
            return len(entries)
    except EntrepotError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Malformed(f"archive {archive.name}", str(error) or type(error).__name__) from error
    except OSError as error:
        raise SourceUnreadable(str(archive), error.strerror or str(error)) from error


def _replace(archive: Path, folder: Path) -> int:
    count = unpack_archive(archive, folder)
    archive.unlink()
    return count


def _checked(opened: zipfile.ZipFile, archive: Path) -> dict[RepoPath, zipfile.ZipInfo]:
    """Return the entries of an archive that are files, by path."""
    what = f"archive {archive.name}"
    entries = opened.infolist()
    if len(entries) > MAX_ENTRIES:
        raise LimitExceeded(f"the number of entries of {archive.name}", MAX_ENTRIES, "split it")
    found = dict(_files(entries, what))
    try:
        check_paths(found)
    except Malformed as error:
        raise Malformed(what, error.reason) from error
    collision = find_collision(found)
    if collision is not None:
        raise Malformed(what, f"{collision[0]!r} and {collision[1]!r} are the same file on some systems")
    return found


def _files(entries: list[zipfile.ZipInfo], what: str) -> Iterator[tuple[RepoPath, zipfile.ZipInfo]]:
    seen: set[str] = set()
    for entry in entries:
        if entry.is_dir():
            continue
        mode = entry.external_attr >> 16
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise Malformed(what, f"{entry.filename[:100]!r} is a link or a special file")
        if entry.flag_bits & 1:
            raise Malformed(what, f"{entry.filename[:100]!r} is encrypted")
        if entry.compress_type not in _METHODS:
            reason = f"{entry.filename[:100]!r} is compressed by another method than 'deflate'"
            raise Malformed(what, f"{reason}; zip it again with that one, the default of most programs")
        if entry.filename in seen:
            raise Malformed(what, f"{entry.filename[:100]!r} occurs twice")
        seen.add(entry.filename)
        yield RepoPath(entry.filename), entry


def _unpack(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path, archive: Path, budget: int) -> int:
    """Write one file and return its size; the size that the archive states is not believed."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        target = place.open("xb")
    except OSError as error:
        raise CannotWrite(str(place), error.strerror or str(error)) from error
    with target, opened.open(entry) as source:
        size = _copy(source, target, place, archive, budget)
    if (entry.external_attr >> 16) & 0o100:
        place.chmod(place.stat().st_mode | 0o100)
    return size


def _copy(source: IO[bytes], target: IO[bytes], place: Path, archive: Path, budget: int) -> int:
    size = 0
    while data := source.read(_SLICE):
        size += len(data)
        if size > budget:
            raise _too_large(archive, budget)
        try:
            target.write(data)
        except OSError as error:
            raise CannotWrite(str(place), error.strerror or str(error)) from error
    return size


def _too_large(archive: Path, budget: int) -> LimitExceeded:
    cure = f"an archive may grow to {HIGHEST_RATIO} times its size"
    return LimitExceeded(f"the content of {archive.name} in bytes", budget, cure)


def copy_source(source: Path, folder: Path) -> None:
    """Copy a file, or the content of a folder, into a folder; links stay links.

    Raises:
        OSError: it cannot be read or written.
    """
    if source.is_dir():
        shutil.copytree(source, folder, dirs_exist_ok=True, symlinks=True)
    else:
        shutil.copy2(source, folder / source.name)
