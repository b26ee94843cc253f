"""Queries for bulk uploads: a few statements for many small files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.files import file_links, linked_forms, xet_files
from entrepot.catalog.files.file_links import SHARED
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.lists import slices
from entrepot.names import Sha256, XetHash

_F = file_tables.files
_L = file_tables.file_links

_USER: sa.BindParameter[int] = sa.bindparam("user")
# Statements are built once: building one costs more than running it on cached pages.
_KEPT = (
    sa.select(
        _L.c.sha256,
        _L.c.size,
        (_L.c.xet_file.is_(None) & _F.c.is_raw & ~_F.c.is_damaged & _F.c.sweeping_ms.is_(None)).label("is_raw"),
        (_L.c.xet_file.is_not(None) & ~linked_forms.is_form_damaged()).label("is_chunked"),
    )
    .outerjoin(_F, _F.c.sha256 == _L.c.sha256)
    .where((_L.c.repo_id == sa.bindparam("repo")) & _L.c.sha256.in_(sa.bindparam("wanted", expanding=True)))
    .where((_L.c.is_verified.is_(True) | _L.c.xet_file.is_(None)) & _L.c.owner_id.in_([SHARED, _USER]))
)


@attrs.frozen
class FileState:
    """The stored form of a file in a repository according to its rows: size, whether raw, and whether as intact chunks.

    A row with ``is_raw`` may only announce the bytes; check that they exist.
    """

    size: int
    is_raw: bool
    is_chunked: bool


@attrs.frozen
class ProvenFile:
    """A file whose sha256 is verified, made of chunks of stored xorbs.

    ``xorbs``: the chunks that it uses of each, packed (see ``xet.ChunkSet``).
    """

    sha256: Sha256
    row: XetFileRow
    xorbs: Mapping[XetHash, bytes]


def stored_forms(tx: Read, repo_id: int, user_id: int, sha256s: Sequence[Sha256]) -> dict[Sha256, FileState]:
    """Return the stored form of those files that commits of a repository name, or that the account has sent to it."""
    found: dict[Sha256, FileState] = {}
    for batch in slices(sha256s):
        names = {"repo": repo_id, "user": user_id, "wanted": batch}
        for row in tx.sql.execute(_KEPT, names):
            found[row.sha256] = FileState(row.size, bool(row.is_raw), bool(row.is_chunked))
    return found


def put(tx: Write, repo_id: int, arrivals: Sequence[ProvenFile], user_id: int, now_ms: int) -> list[Sha256]:
    """Record files whose xorbs are stored and were touched, and let a repository use them for an account.

    Returns:
        Files that the repository had already; it no longer needs their raw bytes.
    """
    xet_files.put_many(tx, [(item.row, item.xorbs) for item in arrivals], now_ms)
    there = file_links.usable(tx, repo_id, [item.sha256 for item in arrivals])
    for item in arrivals:
        if item.sha256 in there:
            linked_forms.set_chunked(tx, repo_id, item.sha256, item.row.id, item.row.hash)
    forms = {item.sha256: LinkedForm(item.row.size, item.row.id, item.row.hash) for item in arrivals}
    file_links.link_forms(tx, repo_id, forms, user_id, now_ms)
    return list(there)
