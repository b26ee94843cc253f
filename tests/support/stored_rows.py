"""Rows of the catalog as tests write them and look at them."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from entrepot.catalog import Catalog, Read, file_tables
from entrepot.catalog.files import file_links, files
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, RepoPath, Sha256, XetHash

PATH = RepoPath("weights/model.bin")


def sha(number: int) -> Sha256:
    """Return a digest that is easy to tell from others."""
    return Sha256(f"{number:064x}")


def store(catalog: Catalog, *sha256s: Sha256, now_ms: int = 1) -> None:
    """Record raw files of 10, 11, 12 … bytes."""
    with catalog.write() as tx:
        for number, sha256 in enumerate(sha256s):
            files.reserve(tx, sha256, 10 + number, now_ms)


def commit(catalog: Catalog, repo: RepoRow, *sha256s: Sha256, path: RepoPath = PATH) -> None:
    """Link files to a repository, as a commit of the account 7 does that names them on ``main``."""
    with catalog.write() as tx:
        file_links.link(tx, repo.id, sha256s, 7, 1)
        file_links.name_links(tx, repo.id, [(sha256, path) for sha256 in sha256s], MAIN, 1)


def everything(tx: Read) -> list[tuple[Sha256, int]]:
    """Return (sha256, size) of every stored file."""
    return [
        (row.sha256, row.size)
        for row in tx.sql.execute(sa.select(file_tables.files.c.sha256, file_tables.files.c.size))
    ]


def in_realm(tx: Read, realm: int, wanted: Collection[XetHash]) -> set[XetHash]:
    """Return the given xorbs that a realm has uploaded or used."""
    realms = file_tables.xorb_realms
    return set(wanted) & set(tx.sql.execute(sa.select(realms.c.xorb).where(realms.c.realm == realm)).scalars())
