"""Queries on who uses a stored content: paths of repositories and buckets, git objects, images of discussions.

For operators of the hub only: the results name private repositories.
"""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, file_tables, tables
from entrepot.catalog.database import Read
from entrepot.names import Sha256, XetHash, quote_path

_A = community_tables.attachments
_B = file_tables.bucket_files
_L = file_tables.file_links
_O = tables.objects
_U = file_tables.xet_file_xorbs
_X = file_tables.xet_files

LIMIT = 20
"""Maximum number of uses that are listed for one content."""


@attrs.frozen
class FileUse:
    """One use of a stored content in a repository, or by the account with this row id; ``what`` describes it."""

    repo_id: int | None
    user_id: int | None
    what: str


def of_raw(tx: Read, sha256: Sha256) -> list[FileUse]:
    """Return up to :data:`LIMIT` uses of the raw bytes of a large file."""
    found = _links(tx, (_L.c.sha256 == sha256) & _L.c.xet_file.is_(None))
    objects = sa.select(_O.c.repo_id, _O.c.oid).where((_O.c.sha256 == sha256) & _O.c.pointer_size.is_(None))
    found += [FileUse(it.repo_id, None, f"the git object {it.oid}") for it in tx.sql.execute(objects.limit(LIMIT))]
    images = sa.select(_A.c.user_id, _A.c.uid).where(_A.c.sha256 == sha256)
    found += [FileUse(None, it.user_id, f"the image {it.uid}") for it in tx.sql.execute(images.limit(LIMIT))]
    return found[:LIMIT]


def of_xorb(tx: Read, xorb: XetHash) -> list[FileUse]:
    """Return up to :data:`LIMIT` uses of the chunks of a xorb."""
    files = sa.select(_U.c.file).where(_U.c.xorb == xorb)
    return _chunked(tx, _L.c.xet_file.in_(files), _B.c.file.in_(files))


def of_xet_file(tx: Read, xet_hash: XetHash) -> list[FileUse]:
    """Return up to :data:`LIMIT` uses of a file that is stored as chunks."""
    files = sa.select(_X.c.id).where(_X.c.hash == xet_hash)
    return _chunked(tx, _L.c.xet_file.in_(files), _B.c.file.in_(files))


def _chunked(tx: Read, links: sa.ColumnElement[bool], in_buckets: sa.ColumnElement[bool]) -> list[FileUse]:
    found = _links(tx, links)
    paths = sa.select(_B.c.repo_id, _B.c.path).where(in_buckets).limit(LIMIT)
    found += [FileUse(it.repo_id, None, quote_path(it.path.decode(errors="replace"))) for it in tx.sql.execute(paths)]
    return found[:LIMIT]


def _links(tx: Read, where: sa.ColumnElement[bool]) -> list[FileUse]:
    query = sa.select(_L.c.repo_id, _L.c.path, _L.c.ref, _L.c.sha256).where(where).order_by(_L.c.uid).limit(LIMIT)
    found = []
    for link in tx.sql.execute(query):
        on = f" on {link.ref}" if link.ref else ""
        what = f"{quote_path(link.path)}{on}" if link.path else f"the upload {link.sha256}, which no commit names"
        found.append(FileUse(link.repo_id, None, what))
    return found
