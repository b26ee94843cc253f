"""The storage that repositories use: logical, stored and shared bytes, and bytes that a deletion frees.

Stored, shared and freed bytes are those of large files, as raw bytes or chunks; small files in the database count as
logical bytes only. For the operator whole xorbs count, because a sweep frees these. Of a xorb that also holds chunks of
other repositories, callers see the chunks of this one only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.accounts import usage
from entrepot.catalog.accounts.usage import StoredBytes
from entrepot.catalog.files import bucket_files, file_links, xorbs
from entrepot.catalog.files.bucket_files import BucketTotals
from entrepot.catalog.files.file_links import REPO, LinkUser
from entrepot.catalog.repos import refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.errors import LimitExceeded, RepoNotFound, RevisionNotFound
from entrepot.hub import access, revisions
from entrepot.hub.callers import MaybeCaller, read_by
from entrepot.hub.context import HubContext
from entrepot.hub.files import preparation
from entrepot.names import ROOT, Oid, RepoRef, Sha256, XetHash
from entrepot.storage import fsck, objects
from entrepot.storage.fsck import ReachableSet
from entrepot.storage.trees import Trees
from entrepot.xet import ChunkSet, read_index

MAX_TOGETHER = 100
"""Maximum number of refs whose joint deletion is measured."""

_PAGE = 100


@attrs.frozen
class StorageCost:
    """Figures of one repository, or of one revision of it, in bytes.

    Attributes:
        logical: size of all files, each counted as often as it occurs (revision),
            or of all large files that any commit names, once each (repository), or of all files (bucket).
        stored: size of the stored data of its large files, compressed and deduplicated; for the operator with
            the chunks of others in the same xorbs. Uploads that no commit names count for their uploader, for those
            who may write, and for the operator.
        shared: the part of ``stored`` that other repositories which the caller
            can read need too (for a revision: or that other refs of its repository need).
        freed: the rest, which a deletion frees (of a revision: of every ref that points at it) after the grace
            period, unless something that the caller cannot read needs some of it: a repository, or an upload.
    """

    name: str
    logical: int
    stored: int
    shared: int
    freed: int


class LocalOperator:
    """The operator of the hub on its own machine, who may see everything."""


OPERATOR = LocalOperator()


def as_fields(cost: StorageCost) -> dict[str, str | int]:
    """Return the figures by name, for JSON."""
    return attrs.asdict(cost)


def of_repo(hub: HubContext, caller: MaybeCaller | LocalOperator, ref: RepoRef) -> StorageCost:
    """Return the storage cost of a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo: no access.
    """
    with hub.read() as tx:
        return _of_row(tx, _row(tx, caller, ref), caller)


def of_revision(hub: HubContext, caller: MaybeCaller | LocalOperator, ref: RepoRef, revision: str) -> StorageCost:
    """Return the storage cost of one revision of a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RevisionNotFound: no access, or the revision does not exist.
    """
    with hub.read() as tx:
        row = _row(tx, caller, ref)
        commit, root = revisions.tree_of(hub.store, tx, row.id, revision)
        listed = list(Trees(hub.store, tx, row.id).everything(root, ROOT))
        files = {item.lfs.sha256 for item in listed if item.lfs}
        here = _shown(tx, caller, usage.holdings(tx, row.id, files), usage.chunk_uses(tx, row.id, files))
        # Files in the histories of other refs stay, as do those of other repositories.
        others = usage.holdings(tx, row.id, _files_of_others(hub, tx, row.id, commit))
        shared = usage.needed_elsewhere(tx, here, row.id, _seen_by(caller)) | (_keys(here) & _keys(others))
        return _cost(f"{row.ref}@{revision}", sum(item.size for item in listed), here, shared)


def freed_without(hub: HubContext, caller: MaybeCaller, ref: RepoRef, names: Sequence[str]) -> int:
    """Return the bytes that deleting several refs together frees after the grace period, with their histories.

    Args:
        names: full names of refs, at most :data:`MAX_TOGETHER`.

    What other refs or other repositories need is not counted. Repositories that the caller cannot read are not
    considered, so the result may be too large.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RevisionNotFound: no access, or a ref does not exist.
        LimitExceeded: there are more than :data:`MAX_TOGETHER` names.
    """
    if len(names) > MAX_TOGETHER:
        raise LimitExceeded("the number of refs", MAX_TOGETHER)
    with hub.read() as tx:
        row = _row(tx, caller, ref)
        known: dict[str, Oid] = dict(refs.everything(tx, row.id))
        for name in names:
            if name not in known:
                raise RevisionNotFound(name)
        gone, kept = ReachableSet(), ReachableSet()
        fsck.extend(hub.store, tx, row.id, gone, [known[name] for name in names])
        fsck.extend(hub.store, tx, row.id, kept, [oid for name, oid in known.items() if name not in names])
        here = _shown(tx, caller, usage.holdings(tx, row.id, gone.files), usage.chunk_uses(tx, row.id, gone.files))
        needed = usage.needed_elsewhere(tx, here, row.id, _seen_by(caller))
        needed |= _keys(usage.holdings(tx, row.id, kept.files))
        return sum(holding.size for holding in here if holding.key not in needed)


@attrs.frozen
class RefCost:
    """A branch or tag, and the storage cost of the commit that it points at."""

    ref: str
    cost: StorageCost


@attrs.frozen
class RepoCosts:
    """The storage cost of a repository and of its refs; ``left_out``: refs that were not measured."""

    total: StorageCost
    refs: Sequence[RefCost]
    left_out: int


def of_refs(hub: HubContext, caller: MaybeCaller, ref: RepoRef, *, most: int) -> RepoCosts:
    """Return the storage cost of a repository and of its branches and tags, for those who may change it.

    Args:
        most: refs that are measured; each takes a walk over the histories of the others.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    with hub.read() as tx:
        row, _ = access.manageable(tx, caller, ref, by_alias=True)
        names = [name for name, _ in refs.everything(tx, row.id) if name.startswith(("refs/heads/", "refs/tags/"))]
    costs = [RefCost(name, of_revision(hub, caller, row.ref, name)) for name in names[:most]]
    return RepoCosts(of_repo(hub, caller, row.ref), costs, max(len(names) - most, 0))


def of_everything(hub: HubContext) -> list[StorageCost]:
    """Return the storage cost of each repository of the hub, for its operator."""
    found: list[StorageCost] = []
    last = 0
    while True:
        with hub.read() as tx:
            page = repositories.everything(tx, after=last, limit=_PAGE)
            found += [_of_row(tx, row, OPERATOR) for row in page]
        if not page:
            return found
        last = page[-1].id


def _row(tx: Read, caller: MaybeCaller | LocalOperator, ref: RepoRef) -> RepoRow:
    if not isinstance(caller, LocalOperator):
        return access.readable(tx, caller, ref)
    row = repositories.find(tx, ref)
    if row is None:
        raise RepoNotFound
    return row


def _seen_by(caller: MaybeCaller | LocalOperator) -> Visibility | None:
    """Return where a caller can read private content: what others store must not show in the figures."""
    return None if isinstance(caller, LocalOperator) else read_by(caller)


def _user_of(tx: Read, row: RepoRow, caller: MaybeCaller | LocalOperator) -> LinkUser:
    """Return the user of whose uploads the figures tell: those of others that no commit names are for writers."""
    return REPO if isinstance(caller, LocalOperator) else preparation.link_user(tx, caller, row)


def _of_row(tx: Read, row: RepoRow, caller: MaybeCaller | LocalOperator) -> StorageCost:
    if row.type.kind.has_commits:
        files = file_links.usable_by(tx, row.id, _user_of(tx, row, caller))
        here = _shown(tx, caller, usage.holdings(tx, row.id, files), usage.chunk_uses(tx, row.id, files))
        logical = file_links.used_bytes(tx, [row.id]).get(row.id, 0)
    else:
        here = _shown(tx, caller, usage.bucket_holdings(tx, row.id), usage.bucket_chunk_uses(tx, row.id))
        logical = bucket_files.totals(tx, [row.id]).get(row.id, BucketTotals()).size
    return _cost(str(row.ref), logical, here, usage.needed_elsewhere(tx, here, row.id, _seen_by(caller)))


def _shown(
    tx: Read,
    caller: MaybeCaller | LocalOperator,
    here: Sequence[StoredBytes],
    uses: Iterable[tuple[XetHash, bytes]],
) -> Sequence[StoredBytes]:
    """Return the stored bytes of a repository, with the sizes that the caller may know.

    Of a xorb, callers may know the size of the repository's own chunks: the others may belong to private files. The
    operator sees whole xorbs.
    """
    if isinstance(caller, LocalOperator):
        return here
    ranges: dict[XetHash, set[bytes]] = {}
    for xorb, packed in uses:
        ranges.setdefault(xorb, set()).add(packed)
    partly: dict[XetHash, ChunkSet] = {}
    for held in here:
        if held.xorb is not None and not (used := ChunkSet(ranges.get(held.xorb, ()))).covers(0, held.chunks):
            partly[held.xorb] = used
    rows = xorbs.find_many(tx, list(partly))
    sizes = {xorb: partly[xorb].serialised_size(read_index(row.directory)) for xorb, row in rows.items()}
    return [attrs.evolve(held, size=sizes.get(held.xorb, 0)) if held.xorb in partly else held for held in here]


def _files_of_others(hub: HubContext, tx: Read, repo_id: int, commit: Oid) -> set[Sha256]:
    """Return the large files in the histories of all refs except those at a commit."""
    reach = ReachableSet()
    others = [oid for _, oid in refs.everything(tx, repo_id) if objects.peel(tx, repo_id, oid) != commit]
    fsck.extend(hub.store, tx, repo_id, reach, others)
    return reach.files


def _cost(name: str, logical: int, here: Sequence[StoredBytes], shared: set[str]) -> StorageCost:
    stored = sum(holding.size for holding in here)
    common = sum(holding.size for holding in here if holding.key in shared)
    return StorageCost(name, logical, stored, common, stored - common)


def _keys(holdings: Iterable[StoredBytes]) -> set[str]:
    return {holding.key for holding in holdings}
