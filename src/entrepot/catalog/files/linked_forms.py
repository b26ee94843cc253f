"""Queries on the forms in which links store files: verified or only claimed, intact or damaged, readable elsewhere.

A repository offers a file to another one only in a form whose SHA-256 is verified and whose chunks are intact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import slices
from entrepot.catalog.visibility import Visibility, visible_private
from entrepot.names import Sha256, XetFileId, XetHash

_F = file_tables.files
_L = file_tables.file_links
_U = file_tables.xet_file_xorbs


@attrs.frozen
class LinkedForm:
    """The form in which a link stores its file: raw under its sha256 (``file`` is None), or as these chunks.

    ``is_proven``: see :class:`~entrepot.catalog.files.xet_files.Claim`. ``is_verified``: the sha256 of the chunks was
    computed by the hub.
    """

    size: int
    file: XetFileId | None = None
    hash: XetHash | None = None
    is_proven: bool = True
    is_verified: bool = True


def readable_elsewhere(tx: Read, seen_by: Visibility | None, sha256s: Sequence[Sha256]) -> dict[Sha256, LinkedForm]:
    """Return the given files that a repository visible to the caller has committed, each in one intact form.

    A file that a repository only claims to have does not count until the claim is verified.

    Args:
        seen_by: row ids of the namespaces whose private repositories the
            caller can read (None: all); a Visibility names single
            repositories too. Anyone can read ungated public ones.
    """
    return _proven_forms(tx, is_visible(seen_by), sha256s)


def proven(tx: Read, repo_id: int, sha256s: Sequence[Sha256]) -> dict[Sha256, LinkedForm]:
    """Return the given files that commits of a repository refer to and whose sha256 is verified, with their forms."""
    return _proven_forms(tx, _L.c.repo_id == repo_id, sha256s)


def is_verified(tx: Read, repo_id: int, sha256: Sha256, xet_hash: XetHash) -> bool:
    """Return whether commits of a repository name a file whose chunks are known to have this sha256."""
    here = (_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256) & (_L.c.xet_hash == xet_hash)
    query = sa.select(_L.c.sha256).where(here & _L.c.path.is_not(None) & _L.c.is_verified.is_(True))
    return tx.sql.execute(query).first() is not None


def claimed_elsewhere(
    tx: Read, seen_by: Visibility | None, sha256s: Sequence[Sha256]
) -> list[tuple[int, Sha256, XetFileId, int]]:
    """Return (repository, sha256, file, size) of the given files that visible repositories claim, unverified.

    Claims that were found to be false are excluded.

    Args:
        seen_by: as for :func:`readable_elsewhere`.
    """
    repos, found = tables.repos, list[tuple[int, Sha256, XetFileId, int]]()
    for batch in slices(sha256s):
        query = (
            sa.select(_L.c.repo_id, _L.c.sha256, _L.c.xet_file, _L.c.size)
            .join(repos, repos.c.id == _L.c.repo_id)
            .where(_L.c.sha256.in_(batch) & _L.c.path.is_not(None))
            .where(_L.c.xet_file.is_not(None) & _L.c.is_false.is_(False) & _L.c.is_verified.is_(False))
            .where(is_visible(seen_by))
            .order_by(_L.c.sha256, _L.c.repo_id)
        )
        found += [(row.repo_id, row.sha256, row.xet_file, row.size) for row in tx.sql.execute(query)]
    return found


def mark_verified(tx: Write, repo_id: int, sha256: Sha256, file: XetFileId) -> None:
    """Record that the chunks which a repository links under this sha256 do have it."""
    here = (_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256) & (_L.c.xet_file == file)
    tx.sql.execute(sa.update(_L).where(here).values(is_verified=True))


def mark_false_claim(tx: Write, repo_id: int, sha256: Sha256, file: XetFileId) -> None:
    """Record that the chunks which a repository links under this sha256 have another digest."""
    here = (_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256) & (_L.c.xet_file == file)
    tx.sql.execute(sa.update(_L).where(here).values(is_false=True))


def set_chunked(tx: Write, repo_id: int, sha256: Sha256, file: XetFileId, xet_hash: XetHash) -> None:
    """Record that a repository stores a file as chunks from now on, which the hub has made of its content.

    Links to other chunks stay, unless those are damaged.
    """
    here = (_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256) & _L.c.path.is_not(None)
    here &= _L.c.xet_file.is_(None) | (_L.c.is_verified.is_(True) & is_form_damaged())
    values = {"xet_file": file, "xet_hash": xet_hash, "is_verified": True, "is_proven": True}
    tx.sql.execute(sa.update(_L).where(here).values(values))


def mend(tx: Write, repo_id: int, forms: Mapping[XetHash, XetFileId]) -> None:
    """Let links of a repository to the same content use these files, if the ones that they use are damaged."""
    lost: set[XetHash] = set()
    for batch in slices(list(forms)):
        here = (_L.c.repo_id == repo_id) & _L.c.xet_hash.in_(batch) & is_form_damaged()
        lost.update(tx.sql.execute(sa.select(_L.c.xet_hash).where(here)).scalars())
    for xet_hash in sorted(lost):
        file = forms[xet_hash]
        here = (_L.c.repo_id == repo_id) & (_L.c.xet_hash == xet_hash) & (_L.c.xet_file != file) & is_form_damaged()
        tx.sql.execute(sa.update(_L).where(here).values(xet_file=file))


def damaged_forms(tx: Read, repo_id: int, sha256s: Sequence[Sha256]) -> set[Sha256]:
    """Return the given files of a repository whose chunks are damaged."""
    found: set[Sha256] = set()
    for batch in slices(sha256s):
        here = (_L.c.repo_id == repo_id) & _L.c.sha256.in_(batch) & is_form_damaged()
        found.update(tx.sql.execute(sa.select(_L.c.sha256).where(here)).scalars())
    return found


def is_proven() -> sa.ColumnElement[bool]:
    """Return the condition that a link refers to content whose sha256 is verified."""
    return _L.c.xet_file.is_(None) | _L.c.is_verified.is_(True)


def is_form_damaged() -> sa.ColumnElement[bool]:
    """Return the condition that a link refers to chunks of a xorb in quarantine."""
    xorbs = file_tables.xorbs
    return sa.exists().where((_U.c.file == _L.c.xet_file) & (xorbs.c.hash == _U.c.xorb) & xorbs.c.is_damaged.is_(True))


def is_visible(seen_by: Visibility | None) -> sa.ColumnElement[bool]:
    """Return the condition that a caller can read the content of a repository; see :func:`readable_elsewhere`."""
    repos = tables.repos
    there = repos.c.deleted_ms.is_(None) & repos.c.is_disabled.is_(False)
    if seen_by is None:
        return there
    return there & (((repos.c.visibility == "public") & (repos.c.gated == "no")) | visible_private(seen_by))


def _proven_forms(tx: Read, where: sa.ColumnElement[bool], sha256s: Sequence[Sha256]) -> dict[Sha256, LinkedForm]:
    repos, found = tables.repos, dict[Sha256, LinkedForm]()
    raw = _L.c.xet_file.is_(None) & _F.c.sha256.is_not(None) & _F.c.is_raw.is_(True) & _F.c.sweeping_ms.is_(None)
    chunked = _L.c.is_verified.is_(True) & ~is_form_damaged()
    for batch in slices(sha256s):
        query = (
            sa.select(_L.c.sha256, _L.c.size, _L.c.xet_file, _L.c.xet_hash)
            .join(repos, repos.c.id == _L.c.repo_id)
            .outerjoin(_F, _F.c.sha256 == _L.c.sha256)
            .where(_L.c.sha256.in_(batch) & _L.c.path.is_not(None))
            .where((raw | chunked) & where)
            # Raw bytes last: a copy of chunks needs no job.
            .order_by(_L.c.sha256, _L.c.xet_file.is_(None).desc(), _L.c.uid.desc())
        )
        found.update((row.sha256, LinkedForm(*row[1:])) for row in tx.sql.execute(query))
    return found
