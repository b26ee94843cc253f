"""Rows of grants: what they give to a user, directly, through organisations, and as to everyone."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import folders, grants
from entrepot.catalog.repos.folders import EVERYONE, FolderRow
from entrepot.catalog.repos.grants import EDIT, NO_ROLES, VIEW, GrantedRoles
from entrepot.names import RepoType

MODEL, DATASET = RepoType.MODEL, RepoType.DATASET


@pytest.fixture
def folder(catalog: Catalog, alice: Account) -> FolderRow:
    """A folder for models, next to one for datasets with the same namespace."""
    with catalog.write() as tx:
        fresh = accounts.fresh("alice.llm", folders.KIND, 1)
        place = accounts.add(tx, attrs.evolve(fresh, parent_id=alice.id))
        for kind in (MODEL, DATASET):
            folders.add(tx, kind, place.id, alice.id, 5)
        made = folders.at(tx, MODEL, place.id)
    assert made is not None
    return made


def roles(catalog: Catalog, folder: FolderRow, *subjects: int, kind: RepoType = MODEL) -> GrantedRoles:
    with catalog.read() as tx:
        alone = grants.roles_at(tx, (folder.namespace_id, kind), subjects)
        together = grants.roles_in(tx, {folder.namespace_id}, subjects)
    assert together.get((folder.namespace_id, kind), NO_ROLES) == alone
    return alone


def test_the_highest_of_several_grants_counts(
    catalog: Catalog, alice: Account, folder: FolderRow, add_account: Callable[..., Account]
) -> None:
    bob, acme = add_account("bob"), add_account("acme", "org")
    assert roles(catalog, folder, bob.id) == NO_ROLES
    assert NO_ROLES.highest is None
    with catalog.write() as tx:
        for subject, role in ((bob.id, VIEW), (acme.id, EDIT), (EVERYONE, VIEW)):
            grants.put(tx, folder.id, subject, role, alice.id, 7)
        assert grants.places_of(tx, [bob.id]) == {(folder.namespace_id, MODEL)}
        assert grants.places_of(tx, [alice.id]) == frozenset()
        assert grants.count(tx, folder.id) == 3
    assert roles(catalog, folder, bob.id) == GrantedRoles(VIEW, VIEW)
    assert roles(catalog, folder, bob.id, acme.id) == GrantedRoles(EDIT, VIEW)
    assert roles(catalog, folder, alice.id) == GrantedRoles(None, VIEW)
    assert roles(catalog, folder, bob.id, kind=DATASET) == NO_ROLES
    assert (GrantedRoles(VIEW, EDIT).highest, GrantedRoles(None, VIEW).highest) == (EDIT, VIEW)


def test_a_grant_is_replaced_and_removed(catalog: Catalog, alice: Account, folder: FolderRow) -> None:
    with catalog.write() as tx:
        grants.put(tx, folder.id, EVERYONE, EDIT, alice.id, 7)
        grants.put(tx, folder.id, EVERYONE, VIEW, alice.id, 8)
        [row] = grants.list_of(tx, folder.id, limit=9)
        assert (row.kind, row.subject, row.role, row.granter, row.granted_ms) == ("public", None, VIEW, "alice", 8)
        assert grants.find(tx, folder.id, EVERYONE) == row
        assert [grants.remove(tx, folder.id, EVERYONE) for _ in range(2)] == [True, False]
        assert grants.find(tx, folder.id, EVERYONE) is None


def test_grants_end_with_their_subject_and_forget_their_granter(
    catalog: Catalog, folder: FolderRow, add_account: Callable[..., Account]
) -> None:
    bob, zed = add_account("bob"), add_account("zed")
    with catalog.write() as tx:
        grants.put(tx, folder.id, bob.id, VIEW, zed.id, 7)
        grants.put(tx, folder.id, zed.id, VIEW, zed.id, 7)
        accounts.remove(tx, zed.id)
        assert [(row.subject, row.granter) for row in grants.list_of(tx, folder.id, limit=9)] == [("bob", None)]


def test_folders_and_grants_end_with_the_owner(catalog: Catalog, alice: Account, folder: FolderRow) -> None:
    with catalog.write() as tx:
        grants.put(tx, folder.id, EVERYONE, VIEW, alice.id, 7)
        accounts.remove(tx, alice.id)
        assert folders.find(tx, MODEL, "alice.llm") is None
        assert accounts.find(tx, "alice.llm") is None
        assert grants.count(tx, folder.id) == 0
