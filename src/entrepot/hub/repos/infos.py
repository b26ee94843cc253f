"""Metadata of repositories: of one, or of a page of those that match a search."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import attrs

from entrepot.catalog import Read
from entrepot.catalog.files import bucket_files, file_links
from entrepot.catalog.repos import download_counts, repo_tags, repositories
from entrepot.catalog.repos.file_metadata import BaseModelNames as BaseModelNames
from entrepot.catalog.repos.file_metadata import WeightCounts as WeightCounts
from entrepot.catalog.repos.repositories import RepoRow as RepoRow
from entrepot.catalog.search import listings
from entrepot.catalog.search.full_text import query_of
from entrepot.catalog.search.listings import Search
from entrepot.errors import LimitExceeded
from entrepot.hub import access, revisions
from entrepot.hub.callers import MaybeCaller, seen_by
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.names import ROOT, Oid, RepoPath, RepoRef, RepoType
from entrepot.storage import objects as stored
from entrepot.storage.trees import ListedEntry, Node, Trees
from entrepot.wire.times import format_ms

MAX_TERMS, MAX_TAGS, MAX_CONDITION = 32, 100, 500
"""Words and tags of a search at most, and characters of one of them."""

_DAY_MS = 86_400_000
_LISTED_FILES, _MEASURED_FILES = 50_000, 1_000_000
"""Maximum number of files named in one page of a list; further repositories come without their files."""

TreeKey: TypeAlias = "tuple[int, Oid]"
"""A tree of a repository: the row id of that, and the id of the tree."""

RELATIONS = ("adapter", "merge", "quantized", "finetune")
"""How a model can be made from another one."""

__all__ = ["RepoInfo", "RevisionInfo", "Search", "SearchPage", "describe", "of_rows", "query_of", "search"]


@attrs.frozen
class RepoInfo:
    """A repository with the metadata of listings; ``head`` is the commit that they describe."""

    row: RepoRow
    head: Oid | None
    tags: Sequence[str]


@attrs.frozen
class RevisionInfo:
    """A repository at a commit, with its files if requested.

    ``siblings``: every file; ``listed``: the same with sizes; both empty if
    not requested. ``used_bytes``: stored bytes of its large files.
    ``left_out``: paths among them that break the rules of names. ``main_size`` and
    ``children``: see :func:`with_main_sizes` and :func:`with_children`. ``tree``: what the files are of.
    """

    info: RepoInfo
    siblings: Sequence[Node] = ()
    listed: Sequence[ListedEntry] = ()
    used_bytes: int = 0
    downloads_all_time: int = 0
    left_out: Sequence[RepoPath] = ()
    main_size: int | None = None
    children: Mapping[str, int] | None = None
    tree: TreeKey | None = None


@attrs.frozen
class SearchPage:
    """One page of a search; ``after``: start of the next page, None at the end.

    ``total``: the number of all matches, up to the one at which counting stops; None if they were not counted.
    """

    infos: Sequence[RevisionInfo]
    after: tuple[float, int] | None
    total: int | None = None


def describe(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    revision: str,
    *,
    with_files: bool,
    with_sizes: bool,
    is_known: Callable[[TreeKey], bool] | None = None,
) -> RevisionInfo:
    """Return all metadata of one repository at a revision.

    Args:
        is_known: returns whether the files of a tree are known, so that they are left out; asked about the tree of
            the revision if no sizes are needed, once the caller may see it.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
    """
    with hub.read() as tx:
        revisions.lookups(ref, revision)(tx)
        row = access.visible(tx, caller, ref)
        repo_tags.ask_ahead(tx, [row.id])
        download_counts.ask_ahead(tx, row.id)
        head = revisions.resolve(tx, row.id, revision)
        info = RepoInfo(row, head, repo_tags.tags_of(tx, [row.id]).get(row.id, ()))
        trees = Trees(hub.store, tx, row.id)
        tree = (row.id, stored.root_of(hub.store, tx, row.id, head)) if with_files or with_sizes else None
        is_listed = tree is not None and (with_sizes or is_known is None or not is_known(tree))
        siblings = contents.files_of(hub, tx, row, head, trees=trees) if is_listed else []
        listed = trees.measure(siblings) if with_sizes else []
        totals = download_counts.totals(tx, row.id)
        left_out = tuple(trees.left_out)
        return RevisionInfo(info, siblings, listed, totals.used_bytes, totals.downloads, left_out=left_out, tree=tree)


@attrs.frozen
class DayDownloads:
    """The downloads of one day (UTC): its date as in ISO 8601, and their number."""

    day: str
    count: int


def downloads_by_day(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> list[DayDownloads]:
    """Return the downloads of a repository on each of the last 30 days, today at the end.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    today = hub.now_ms() // _DAY_MS
    begin = today - download_counts.WINDOW_DAYS
    with hub.read() as tx:
        known = download_counts.by_day(tx, access.visible(tx, caller, ref).id, begin)
    days = range(begin + 1, today + 1)
    return [DayDownloads(format_ms(day * _DAY_MS)[:10], known.get(day, 0)) for day in days]


def with_main_sizes(hub: HubContext, found: Sequence[RevisionInfo]) -> list[RevisionInfo]:
    """Return the same with the size of all files at the head of main, for repositories that the caller may see.

    A single repository may have a million files. Of several, those after the first 50,000 files have no size.
    """
    sized, left = list[RevisionInfo](), _LISTED_FILES if len(found) > 1 else _MEASURED_FILES
    with hub.read() as tx:
        heads = repositories.heads_of(tx, [full.info.row.id for full in found])
        for full in found:
            head = heads.get(full.info.row.id)
            if head is None or left <= 0:
                sized.append(full)
                continue
            trees = Trees(hub.store, tx, full.info.row.id)
            root = stored.root_of(hub.store, tx, full.info.row.id, head)
            size = 0
            for item in itertools.islice(trees.everything(root, ROOT), left + 1):
                size += item.size
                left -= 1
            sized.append(full if left < 0 else attrs.evolve(full, main_size=size))
    return sized


def with_children(
    hub: HubContext, caller: MaybeCaller, found: Sequence[RevisionInfo], *, most: int | None = None
) -> list[RevisionInfo]:
    """Return the same with how many models that the caller may see are made from each, by relation.

    Args:
        most: stop counting those of a relation at this number; None: count all.
    """
    names = {full.info.row.id: str(full.info.row.ref.id) for full in found}
    with hub.read() as tx:
        tags = [f"base_model:{word}:{name}" for name in names.values() for word in RELATIONS]
        counted = listings.count_tagged(tx, tags, seen_by(caller), most=most)
    return [
        attrs.evolve(
            full, children={word: counted.get(f"base_model:{word}:{names[full.info.row.id]}", 0) for word in RELATIONS}
        )
        for full in found
    ]


def check_conditions(wanted: Search) -> None:
    """Refuse a search whose conditions the database would take too long to read.

    Raises:
        LimitExceeded: it has more than 32 words or 100 tags, or one of them is longer than 500 characters.
    """
    for what, values, most in (("words", wanted.terms, MAX_TERMS), ("tags", wanted.tags, MAX_TAGS)):
        if len(values) > most:
            raise LimitExceeded(f"the number of {what} of a search", most)
        if any(len(value) > MAX_CONDITION for value in values):
            raise LimitExceeded(f"the length of one of the {what} of a search", MAX_CONDITION)


def search(
    hub: HubContext, caller: MaybeCaller, wanted: Search, *, with_files: bool = False, with_totals: bool = False
) -> SearchPage:
    """Return one page of repositories that the caller may see.

    Args:
        wanted: search conditions; its ``seen_by`` is replaced by the caller's visibility.
        with_files: also return the names of all files.
        with_totals: also return ``downloads_all_time``.

    Raises:
        LimitExceeded: as :func:`check_conditions`.
    """
    check_conditions(wanted)
    with hub.read() as tx:
        rows = listings.find(tx, attrs.evolve(wanted, seen_by=seen_by(caller), limit=wanted.limit + 1))
        page = rows[: wanted.limit]
        found = _infos(hub, tx, page, with_files=with_files)
        if with_totals:
            totals = download_counts.all_times(tx, [row.id for row in page])
            found = [attrs.evolve(full, downloads_all_time=totals.get(full.info.row.id, 0)) for full in found]
    return SearchPage(found, listings.position_of(page[-1], wanted.sort) if len(rows) > len(page) else None)


def search_counted(hub: HubContext, caller: MaybeCaller, wanted: Search, *, most: int) -> SearchPage:
    """Return one page as :func:`search` does, with the number of all matches.

    Args:
        most: stop counting at this number, which is more than a page has.

    Raises:
        LimitExceeded: as :func:`check_conditions`.
    """
    check_conditions(wanted)
    with hub.read() as tx:
        seen = attrs.evolve(wanted, seen_by=seen_by(caller), limit=wanted.limit + 1)
        found = listings.find_counted(tx, seen, most=most)
        page = found.rows[: wanted.limit]
        after = listings.position_of(page[-1], wanted.sort) if len(found.rows) > len(page) else None
        return SearchPage(_infos(hub, tx, page, with_files=False), after, found.total)


def newest(hub: HubContext, caller: MaybeCaller, wanted: Search, kinds: Sequence[RepoType]) -> Sequence[RevisionInfo]:
    """Return the repositories of several types that match, those that have changed last first.

    Args:
        wanted: search conditions without a type; ``limit``: the number for all types together.
    """
    check_conditions(wanted)
    wanted = attrs.evolve(wanted, seen_by=seen_by(caller), sort="lastModified")
    with hub.read() as tx:
        rows = [row for kind in kinds for row in listings.find(tx, attrs.evolve(wanted, type=kind))]
        return _infos(hub, tx, sorted(rows, key=lambda row: -row.updated_ms)[: wanted.limit], with_files=False)


def used_bytes(tx: Read, ids: Sequence[int]) -> dict[int, int]:
    """Return the bytes of the large files of repositories, and of the files of buckets, by row id."""
    return file_links.used_bytes(tx, ids) | {key: total.size for key, total in bucket_files.totals(tx, ids).items()}


def of_rows(hub: HubContext, tx: Read, rows: Sequence[RepoRow]) -> list[RevisionInfo]:
    """Return the metadata of listings for these repositories, for a caller who may see them."""
    return _infos(hub, tx, rows, with_files=False)


def _infos(hub: HubContext, tx: Read, rows: Sequence[RepoRow], *, with_files: bool) -> list[RevisionInfo]:
    if not rows:
        return []
    ids = [row.id for row in rows]
    tags, used, heads = repo_tags.tags_of(tx, ids), used_bytes(tx, ids), repositories.heads_of(tx, ids)
    found, left = [], _LISTED_FILES
    for row in rows:
        head = heads.get(row.id)
        siblings = contents.files_of(hub, tx, row, head, most=left) if with_files and head else []
        left -= len(siblings)
        found.append(RevisionInfo(RepoInfo(row, head, tags.get(row.id, ())), siblings, (), used.get(row.id, 0)))
    return found
