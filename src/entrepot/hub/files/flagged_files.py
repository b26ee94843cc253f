"""Contents that a scanner has flagged: their names, and who may still read them.

A result of a scanner belongs to a content and to the owner of the repositories that have it. All code that
serves bytes of a repository calls :func:`check_served` first: files by path and previews
(``hub/repos/contents.py``), LFS (``hub/files/lfs.py``) and chunks (``hub/files/chunks.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import attrs

from entrepot.catalog import Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.files import file_links, scans
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import NotAllowed
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.names import Oid, Sha256, XetHash
from entrepot.settings import Settings

FLAGGED = "unsafe"
"""The status of files that are hidden or refused; a suspicious one is shown only."""

_PAGE = 500


def hides(settings: Settings) -> bool:
    """Return whether flagged files are hidden."""
    return settings.scanning in ("hide", "refuse")


def name_small(row: RepoRow, oid: Oid) -> str:
    """Return the name of the content of a file that git stores in a repository.

    Objects of two repositories with the same id may differ: SHA-1 has collisions.
    """
    return _digest("git", row.uid, oid)


def name_large(owner: str, sha256: Sha256 | None, xet_hash: XetHash | None) -> str:
    """Return the name of the content of a large file; ``owner``: uid of the owner of the repository."""
    return _digest("sha256", owner, sha256 or "") if xet_hash is None else _digest("xet", owner, xet_hash)


def check_served(
    hub: HubContext,
    tx: Read,
    caller: MaybeCaller,
    row: RepoRow,
    *,
    oid: Oid | None = None,
    sha256: Sha256 | None = None,
    xet_hash: XetHash | None = None,
) -> None:
    """Raise if the bytes of a file are hidden from the caller, who may read the files of the repository.

    Args:
        oid: of a file that git stores.
        sha256, xet_hash: of a large file; None if unknown.

    Raises:
        NotAllowed: a scanner has flagged the file, and the caller may not write to the repository.
    """
    if not hides(hub.settings):
        return
    names = [name_small(row, oid)] if oid is not None else []
    if sha256 is not None or xet_hash is not None:
        owner = accounts.by_ids(tx, [row.owner_id])[row.owner_id].uid
        # A file that was scanned as it arrived is stored as chunks later, and has two names.
        names += [name_large(owner, sha256, None)] if sha256 is not None else []
        names += [name_large(owner, None, xet_hash)] if xet_hash is not None else []
    is_flagged = scans.have_status(tx, names, FLAGGED)
    if is_flagged and (caller is None or not access.may_manage(tx, caller, row)):
        raise NotAllowed(
            "A scanner has found that loading this file is unsafe, so this hub does not serve it; "
            "those who may write to the repository can read it and delete it"
        )


def flagged_of(hub: HubContext, tx: Read, contents: Sequence[str]) -> set[str]:
    """Return those of the named contents that are hidden from readers, because a scanner has flagged them."""
    if not hides(hub.settings):
        return set()
    return {content for (content, _), found in scans.find(tx, contents).items() if found.status == FLAGGED}


def carry_over(hub: HubContext, tx: Write, repo_id: int, *, old_owner: int, new_owner: int) -> None:
    """Keep the flags of scanners on the files of a repository when another account becomes its owner.

    Results belong to owners. The next scan finds again what is at a head, but not what only old revisions have.
    """
    if hub.settings.scanning == "off" or old_owner == new_owner:
        return
    owners = accounts.by_ids(tx, [old_owner, new_owner])
    source, target = owners[old_owner].uid, owners[new_owner].uid
    after: str | None = None
    while page := file_links.committed_links(tx, repo_id, after=after, limit=_PAGE):
        after = page[-1].uid
        wanted = [link.sha256 for link in page]
        forms: list[tuple[Sha256, XetHash | None]] = [(sha256, None) for sha256 in wanted]
        forms += file_links.xet_hashes(tx, repo_id, wanted).items()
        renamed = {name_large(source, *form): name_large(target, *form) for form in forms}
        for (content, _), found in scans.find(tx, list(renamed)).items():
            if found.status == FLAGGED:
                scans.put(tx, attrs.evolve(found, content=renamed[content]))


def _digest(kind: str, owner: str, name: str) -> str:
    return hashlib.sha256(f"{kind}:{owner}:{name}".encode()).hexdigest()
