"""Find links to large files that the present rule of deduplication would not allow.

A link that is based on a claim about chunks was allowed because its uploader had
sent them, could read them, or because a wider ``dedup_scope`` let them refer
to chunks of others. Only the first two are recorded as proven.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.files import chunk_access, xet_files
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.files.xet_files import UnprovenLink
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.hub import callers
from entrepot.hub.callers import read_by
from entrepot.hub.context import HubContext
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.names import XetHash
from entrepot.storage import chunk_content
from entrepot.storage.fsck import Finding
from entrepot.xet import ChunkSet

_PAGE = 500


def check_links(hub: HubContext) -> Iterator[Finding]:
    """Yield a finding for each committed link whose creator may not refer to its chunks by the present rule.

    Creators may refer to chunks that they have sent, that they may read now in a
    repository where they are proven, or that no other repository had before.
    """
    if hub.settings.dedup_scope == "hub":
        return
    after = ""
    while True:
        with hub.read() as tx:
            page = xet_files.unproven_links(tx, after=after, limit=_PAGE)
            found = [finding for link in page if (finding := _check(hub, tx, link)) is not None]
        yield from found
        if len(page) < _PAGE:
            return
        after = page[-1].uid


def _check(hub: HubContext, tx: Read, link: UnprovenLink) -> Finding | None:
    row, terms = repositories.by_id(tx, link.repo_id), chunk_content.terms_of(tx, link.file)
    if row is None or terms is None:
        return None
    ranges = {(term.xorb, term.start, term.end) for term in terms}
    xorbs = list({xorb for xorb, _, _ in ranges})
    rights = ChunkRights(tx, _viewer(hub, tx, link, row), xorbs)
    missing = [one for one in ranges if not rights.of(one[0]).covers(one[1], one[2])]
    if not missing:
        return None
    earlier = _earlier(tx, link, missing)
    if earlier is None:
        return None
    return Finding(
        "unproven",
        f"{row.ref} {link.path}",
        f"the large file {link.sha256} uses chunks that came first with {earlier}; its uploader has not sent them "
        "and may not read them there now (a copy that was made while that was allowed looks the same)",
        terms.size,
    )


def _viewer(hub: HubContext, tx: Read, link: UnprovenLink, row: RepoRow) -> Viewer:
    """Return the viewer with the current rights of the account that made the link."""
    account = None if link.pusher_id is None else accounts.by_ids(tx, [link.pusher_id]).get(link.pusher_id)
    shared_in = row.owner_id if hub.settings.dedup_scope == "namespace" else None
    if account is None:
        return Viewer(Visibility((), [row.id]), realm=shared_in, needs_proof=True)
    seen = read_by(callers.acting_as(tx, attrs.evolve(account, is_admin=False)))
    return Viewer(seen, f"u{account.uid}", realm=shared_in, needs_proof=True)


def _earlier(tx: Read, link: UnprovenLink, missing: list[tuple[XetHash, int, int]]) -> str | None:
    """Return the repository that first used some of the chunks, if that was before this link; else None."""
    wanted: dict[XetHash, list[tuple[int, int]]] = {}
    for xorb, start, end in missing:
        wanted.setdefault(xorb, []).append((start, end))
    for use in chunk_access.uses_before(tx, list(wanted), link.uid):
        inside = ChunkSet([use.ranges]).first(max(end for _, end in wanted[use.xorb]))
        if use.repo_id != link.repo_id and any(inside[start:end].any() for start, end in wanted[use.xorb]):
            other = repositories.by_id(tx, use.repo_id)
            return "a repository that was deleted" if other is None else f"the {other.type.value} {other.ref.id}"
    return None
