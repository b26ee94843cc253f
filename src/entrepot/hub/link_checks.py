"""Links to large files that today's rule of deduplication would not have allowed.

A link that rests on a claim about chunks was made because its uploader had
sent them, could read them, or because a wider ``dedup_scope`` let them refer
to chunks of others. Only the first two are recorded as proven.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from entrepot.catalog import Read, accounts, chunk_access, repos, xet_files
from entrepot.catalog.chunk_access import Viewer
from entrepot.catalog.repos import RepoRow
from entrepot.catalog.sights import Sight
from entrepot.catalog.xet_files import UnprovenLink
from entrepot.hub import callers
from entrepot.hub.callers import read_by
from entrepot.hub.chunk_rights import ChunkRights
from entrepot.hub.house import Hub
from entrepot.names import XetHash
from entrepot.storage import chunked
from entrepot.storage.checks import Finding
from entrepot.xet import ChunkSet

_PAGE = 500


def check_links(hub: Hub) -> Iterator[Finding]:
    """Yield a finding for each committed link whose chunks the rule of today would not grant to whoever made it.

    Chunks count as theirs that they have sent, that they may read now in a
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


def _check(hub: Hub, tx: Read, link: UnprovenLink) -> Finding | None:
    row, terms = repos.by_id(tx, link.repo_id), chunked.terms_of(tx, link.file)
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


def _viewer(hub: Hub, tx: Read, link: UnprovenLink, row: RepoRow) -> Viewer:
    """Whose rights count: those of the account that made the link, as they are now."""
    account = None if link.pusher_id is None else accounts.by_ids(tx, [link.pusher_id]).get(link.pusher_id)
    realm = row.namespace_id if hub.settings.dedup_scope == "namespace" else None
    if account is None:
        return Viewer(Sight((), [row.id]), realm=realm, needs_proof=True)
    seen = read_by(callers.acting_for(tx, attrs.evolve(account, is_admin=False)))
    return Viewer(seen, f"u{account.uid}", realm=realm, needs_proof=True)


def _earlier(tx: Read, link: UnprovenLink, missing: list[tuple[XetHash, int, int]]) -> str | None:
    """Return the repository that used some of the chunks first, if that was before this link; else None."""
    wanted: dict[XetHash, list[tuple[int, int]]] = {}
    for xorb, start, end in missing:
        wanted.setdefault(xorb, []).append((start, end))
    for use in chunk_access.uses_before(tx, list(wanted), link.uid):
        inside = ChunkSet([use.ranges]).first(max(end for _, end in wanted[use.xorb]))
        if use.repo_id != link.repo_id and any(inside[start:end].any() for start, end in wanted[use.xorb]):
            other = repos.by_id(tx, use.repo_id)
            return "a repository that was deleted" if other is None else f"the {other.type.value} {other.ref.id}"
    return None
