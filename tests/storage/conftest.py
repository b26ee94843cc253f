"""A store with one repository in a temporary folder; accessing blobs inside a transaction fails the test."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from entrepot.blobs import LocalBlobs
from entrepot.catalog import open_catalog
from entrepot.catalog.accounts import accounts
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import RepoType, new_uid
from entrepot.storage import CacheLimits, Store
from tests.support.guarded_blobs import GuardedLocalBlobs
from tests.support.stored_repo import StoredRepo

_MIB = 1 << 20
_LIMITS = CacheLimits(
    trees=15 * _MIB,
    large_trees=16 * _MIB,
    names=24 * _MIB,
    listings=14 * _MIB,
    indexes=23 * _MIB,
    roots=3 * _MIB,
)


@pytest.fixture
def stored_repo(tmp_path: pathlib.Path) -> Iterator[StoredRepo]:
    catalog = open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    blobs = GuardedLocalBlobs(LocalBlobs(tmp_path / "blobs", fsync=False), catalog.is_writing)
    values: dict[str, Any] = dict.fromkeys(("card", "config", "pipeline_tag", "library", "sdk"))
    values |= {"downloads": 0, "likes": 0, "created_ms": 1, "updated_ms": 1, "settings": {}, "is_disabled": False}
    with catalog.write() as tx:
        owner = accounts.add(tx, accounts.fresh("alice", "user", 1))
        row = repositories.add(
            tx,
            RepoRow(
                id=0,
                uid=new_uid(),
                namespace_id=owner.id,
                namespace=owner.name,
                type=RepoType.MODEL,
                name="m",
                creator_id=owner.id,
                visibility="public",
                gated="no",
                **values,
            ),
        )
    yield StoredRepo(Store(catalog, blobs, blobs, blobs, _LIMITS), row)
    catalog.close()
