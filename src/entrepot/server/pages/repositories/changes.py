"""The changes between two commits as pages show them: lines of text, and sizes and new bytes of large files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.comparisons import comparisons
from entrepot.hub.comparisons.comparisons import FileDifference
from entrepot.hub.context import HubContext
from entrepot.names import Oid, RepoRef
from entrepot.server.pages.diffs import MAX_FILES, colour_diff, parse_diff
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.repositories.grids import PICTURE
from entrepot.wire.texts import legible

MAX_PICTURES = 20
"""Pictures of a comparison that a page shows."""

MAX_TEXTS = 30
"""Files of a comparison whose lines a page shows; those of others have a page of their own."""

MAX_PICTURE = 8 << 20
"""Size of the largest of them, in bytes."""

_WORDS = {"safetensors": "tensors", "gguf": "metadata"}


@attrs.frozen
class LargeChange:
    """A file whose content is compared, or a large one. ``compared``: what a page of its own compares, empty: nothing.

    ``shared``: per cent of the file that lies in chunks of the old side, None if that is not known.
    """

    path: str
    kind: str
    old_size: int | None
    new_size: int | None
    new_bytes: int | None
    shared: float | None
    compared: str


@attrs.frozen
class PictureChange:
    """A picture that differs, shown as it was and as it is; the size of a side is None where it does not exist."""

    path: str
    link: str
    old_size: int | None
    new_size: int | None


@attrs.frozen
class ChangeSummary:
    """The large files of a comparison together: their number, bytes, new bytes, and per cent shared."""

    files: int
    size: int
    new_bytes: int
    shared: float


def changes_of(hub: HubContext, caller: MaybeCaller, ref: RepoRef, spec: str) -> Mapping[str, object]:
    """Return the values of a page that shows the changes between two revisions.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        Malformed, RevisionNotFound: the specification cannot be read, or a side does not exist.
    """
    found = comparisons.list_changes(hub, caller, ref, spec, most_files=MAX_FILES, most_texts=MAX_TEXTS)
    diff = colour_diff(parse_diff(found.text))
    large = {item.path: item for item in found.files if is_large(item)}
    for file in diff.files:
        if file.path in large:  # the lines of pointers say less than the table of large files
            file.lines, file.added, file.removed, file.note, file.is_cut = [], 0, 0, "large file", False
    return {
        "diff": diff,
        "added": sum(file.added for file in diff.files),
        "removed": sum(file.removed for file in diff.files),
        "large": [describe_change(item, found.old) for item in found.files if item.content or item.path in large],
        "pictures": pictures_of(found.files),
        "summary": summarize(found.files),
        "old": found.old,
        "new": found.new,
        "file_at": f"{found.repo.ref.path}/compare/{found.old or f'{found.new}^'}..{found.new}?file=",
        "api": f"/api/{found.repo.type.plural}/{found.repo.ref.id}/diff/{quoted(spec)}",
    }


def describe_change(item: FileDifference, old: Oid | None) -> LargeChange:
    """Return a file as the table of large files shows it."""
    size = item.new.size if item.new else None
    shared = None if not size or item.new_bytes is None else _share(item.new_bytes, size)
    is_compared = item.content is not None and item.kind == "changed" and old is not None
    compared = _WORDS.get(item.content or "", "rows") if is_compared else ""
    return LargeChange(
        item.path, item.kind, item.old.size if item.old else None, size, item.new_bytes, shared, compared
    )


def pictures_of(files: Sequence[FileDifference]) -> list[PictureChange]:
    """Return the first pictures among files that differ, without those that are too large for a page."""
    found = []
    for item in files:
        sizes = [None if side is None else side.size for side in (item.old, item.new)]
        if PICTURE.search(item.path) and all(size is None or size <= MAX_PICTURE for size in sizes):
            found.append(PictureChange(legible(item.path), quoted(item.path), *sizes))
        if len(found) == MAX_PICTURES:
            break
    return found


def summarize(files: Sequence[FileDifference]) -> ChangeSummary | None:
    """Return the sums over the files whose chunks are known; None if there are none."""
    known = [(item.new.size, item.new_bytes) for item in files if item.new and item.new_bytes is not None]
    size, fresh = sum(size for size, _ in known), sum(fresh for _, fresh in known)
    return ChangeSummary(len(known), size, fresh, _share(fresh, size)) if size else None


def is_large(item: FileDifference) -> bool:
    """Return whether one side of a file is stored as a large file."""
    return any(side is not None and side.lfs is not None for side in (item.old, item.new))


def _share(fresh: int, size: int) -> float:
    """Return the per cent of a size that is not fresh, never rounded up to all of it."""
    shared = 100 * (1 - fresh / size)
    return min(round(shared, 1), 99.9) if fresh else 100.0
