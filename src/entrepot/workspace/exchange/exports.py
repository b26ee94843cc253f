"""Exports: the files of a version become plain objects of a bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from entrepot.blobs.keys import check_prefix
from entrepot.client.parallel import run_parallel
from entrepot.errors import InvalidArgument, InvalidName, Refused, SourceUnreadable
from entrepot.names import RepoPath
from entrepot.workspace.exchange.buckets import PlainBucket
from entrepot.workspace.exchange.imports import ExchangeReport
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.transfers.checkouts import fetch_contents
from entrepot.workspace.projects.versions import Version, read_version, resolve
from entrepot.workspace.stores import draft_path

_AT_ONCE = 1 << 30


def export_version(
    state: KindState, name: str, bucket: PlainBucket, *, prefix: str = "", is_forced: bool = False
) -> tuple[str, ExchangeReport]:
    """Store every file of a version as an object ``<prefix>/<path>``; the workspace does not change.

    Contents are fetched in portions of 1 GiB. Objects that have their content already are kept.

    Args:
        name: a tag, or the name of an entity, whose latest version is taken.
        is_forced: replace objects with another content.

    Returns:
        The tag of the version, and what was stored.

    Raises:
        Refused: objects with another content are in the way; those that were checked before them may be stored.
        ChunkMissing, ContentDamaged, RecordMissing: contents of the version cannot be fetched.
        StorageRefused, BucketMissing, StorageUnreachable: as they say.
    """
    folder = _folder(prefix)
    recover(state)
    repository = state.initialised_metadata()
    with state.locked():
        tag, commit = resolve(state, repository.refs(), name)
        version = read_version(state, tag, commit)
        there = {entry.key: entry.size for entry in bucket.bucket.list(folder)}
        files = version.manifest.files
        if not is_forced:
            _check_sizes(files, there, folder)
        total = kept = 0
        for portion in _portions(files):
            had = {path for path in portion if draft_path(state.drafts, files[path]).exists()}
            fetch_contents(state, version, portion)
            sent = list(_send(state, bucket, version, portion, there, folder, is_forced))
            total, kept = total + sum(size for size, _ in sent), kept + sum(known for _, known in sent)
            for path in portion:
                if path not in had:
                    draft_path(state.drafts, files[path]).unlink(missing_ok=True)
        return str(tag), ExchangeReport(len(files), total, kept)


def _folder(prefix: str) -> str:
    plain = prefix.strip("/")
    try:
        return check_prefix(f"{plain}/") if plain else ""
    except InvalidName as error:
        raise InvalidArgument(f"the prefix {prefix[:100]!r} cannot be used: {error}") from error


def _check_sizes(files: Mapping[RepoPath, ManifestEntry], there: Mapping[str, int], folder: str) -> None:
    """Refuse before anything is sent what sizes tell already."""
    for path, entry in files.items():
        size = there.get(f"{folder}{path}")
        if size is not None and entry.size >= 0 and size != entry.size:
            raise _other_content(f"{folder}{path}")


def _other_content(key: str) -> Refused:
    return Refused(f"the object {key} exists with another content; choose another prefix, or use --force")


def _portions(files: Mapping[RepoPath, ManifestEntry]) -> Iterator[list[RepoPath]]:
    portion: list[RepoPath] = []
    size = 0
    for path, entry in files.items():
        portion.append(path)
        size += max(entry.size, 0)
        if size >= _AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _send(
    state: KindState,
    bucket: PlainBucket,
    version: Version,
    portion: Sequence[RepoPath],
    there: Mapping[str, int],
    folder: str,
    is_forced: bool,
) -> Iterator[tuple[int, bool]]:
    """Store files; yield for each its size and whether its object was there."""
    meter = state.project.around.progress.begin("export", None)

    def send(path: RepoPath) -> tuple[int, bool]:
        draft, key = draft_path(state.drafts, version.manifest.files[path]), f"{folder}{path}"
        size = draft.stat().st_size
        meter.advance(size)
        if there.get(key) == size and bucket.digest(key, size) == _digest(draft):
            return size, True
        if not bucket.put_file(key, draft, is_forced=is_forced):
            if bucket.digest(key, size) != _digest(draft):  # it came while the version was fetched, or has this size
                raise _other_content(key)
            return size, True
        return size, False

    try:
        yield from run_parallel(send, portion, state.project.configuration.threads)
    except OSError as error:
        raise SourceUnreadable(str(error.filename or folder), error.strerror or str(error)) from error
    finally:
        meter.finish()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
