"""Read buckets: lists of files and folders, the file at a path, and its content."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog.files import bucket_files
from entrepot.catalog.files.bucket_files import BucketFile as BucketFile
from entrepot.catalog.files.bucket_files import BucketFolder as BucketFolder
from entrepot.catalog.files.bucket_files import BucketPage
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import EntryNotFound, InvalidPath
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunks
from entrepot.names import RepoPath, RepoRef, parse_folder, parse_path
from entrepot.storage.contents import Content, EmptyContent


@attrs.frozen
class LocatedBucketFile:
    """A file of a bucket, to be described or read."""

    repo: RepoRow
    file: BucketFile

    def open(self, hub: HubContext) -> Content:
        """Return the content; the caller closes it.

        Raises:
            XorbDamaged: a part of the file is lost or in quarantine.
        """
        return EmptyContent() if self.file.file is None else chunks.open_file(hub, self.file.file)


def list_tree(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    prefix: str,
    *,
    is_deep: bool,
    limit: int,
    after: bytes | None = None,
) -> BucketPage:
    """Return a page of a folder of a bucket, or the file at exactly this path; nothing if there is neither.

    Args:
        prefix: path of the folder, may end in ``/``; empty for the whole bucket.
        is_deep: return all files below the folder, and no folders.
        after: ``after`` of the previous page.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, NotAllowed: no access.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        try:
            path = parse_folder(prefix)
        except InvalidPath:
            return BucketPage((), None)  # no file can have such a path
        find = bucket_files.list_files if is_deep else bucket_files.list_folder
        return find(tx, row.id, path, after=after, limit=limit)


def paths_info(hub: HubContext, caller: MaybeCaller, ref: RepoRef, paths: Sequence[str]) -> list[BucketFile]:
    """Return the file at each path, in this order, without folders and missing ones.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, NotAllowed: no access.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        wanted = [RepoPath(path) for path in paths if _is_possible(path)]
        found = bucket_files.find(tx, row.id, list(dict.fromkeys(wanted)))
    return [found[path] for path in wanted if path in found]


def locate(hub: HubContext, caller: MaybeCaller, ref: RepoRef, path: str) -> LocatedBucketFile:
    """Return the file at a path.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, NotAllowed: no access.
        EntryNotFound: the file does not exist.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        found = bucket_files.find(tx, row.id, [RepoPath(path)] if _is_possible(path) else [])
    if not found:
        raise EntryNotFound(path)
    return LocatedBucketFile(row, found[RepoPath(path)])


def _is_possible(path: str) -> bool:
    try:
        parse_path(path)
    except InvalidPath:
        return False
    return True
