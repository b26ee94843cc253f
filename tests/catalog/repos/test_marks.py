"""Rows about repositories that a reader may not see are not read; they follow when a repository changes or moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, tables
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import likes
from entrepot.catalog.database import Read, Write
from entrepot.catalog.repos import activity, lineage, marks, repo_tags, repositories
from entrepot.catalog.repos.lineage import EdgeRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.search import full_text
from entrepot.catalog.visibility import PUBLIC, PUBLIC_ONLY, Visibility
from entrepot.names import Oid, RepoId, RepoRef, RepoType
from tests.support.database_steps import steps_of

OID = Oid("1" * 40)
BASE = (RepoType.MODEL, "someone/base")


def note(tx: Write, row: RepoRow, user: Account) -> None:
    """Add a row of each marked table about a repository."""
    likes.add(tx, row.id, user.id, row.id)
    activity.add(tx, row, user.id, row.id * activity.DAY_MS)
    lineage.put(tx, [EdgeRow(row.id, OID, "trained_on", BASE[0], BASE[1], "", "run-1", lineage.API, row.id)])
    repo_tags.set_card_tags(tx, row.id, ["tag"])


def lists_of(user: Account, seen: Visibility | None) -> dict[str, Callable[[Read], object]]:
    return {
        "likes": lambda tx: likes.public_of(tx, user.id, after=None, limit=5),
        "number of likes": lambda tx: likes.count_public_of(tx, user.id),
        "activity of a user": lambda tx: activity.by_account(tx, user.id, 0, seen),
        "activity in an account": lambda tx: activity.by_owner(tx, user.id, 0, seen),
        "uses": lambda tx: lineage.uses_of(tx, [BASE], seen, limit=100),
        "edges of a run": lambda tx: lineage.edges_of_run(tx, "run-1", seen, limit=100),
    }


@pytest.mark.parametrize("sees_own", [False, True])
def test_hidden_repositories_cost_a_list_nothing(
    catalog: Catalog,
    alice: Account,
    add_account: Callable[..., Account],
    add_repo: Callable[..., RepoRow],
    *,
    sees_own: bool,
) -> None:
    bob = add_account("bob")
    shown = [add_repo(f"shown-{number}") for number in range(3)]
    his = add_repo("his", bob, visibility="private")
    with catalog.write() as tx:
        for row in (*shown, his):
            note(tx, row, alice)
    wanted = lists_of(alice, Visibility(namespaces=[bob.id]) if sees_own else PUBLIC_ONLY)
    with catalog.read() as tx:
        found = {name: read(tx) for name, read in wanted.items()}
    before = {name: steps_of(catalog, read) for name, read in wanted.items()}
    for number in range(30):
        row = add_repo(f"hidden-{number}", visibility="private")
        with catalog.write() as tx:
            note(tx, row, alice)
    after = {name: steps_of(catalog, read) for name, read in wanted.items()}
    assert {name: after[name] - before[name] for name in wanted if abs(after[name] - before[name]) > 20} == {}
    with catalog.read() as tx:
        assert {name: read(tx) for name, read in wanted.items()} == found


def marks_in(tx: Read) -> set[tuple[str, int]]:
    return {(table.name, mark) for table in marks.MARKED for mark in tx.sql.execute(sa.select(table.c.mark)).scalars()}


def test_marks_follow_the_visibility_and_the_namespace(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account], repo: RepoRow
) -> None:
    bob = add_account("bob")
    named = [table.name for table in marks.MARKED]
    with catalog.write() as tx:
        note(tx, repo, alice)
        assert marks_in(tx) == {(name, PUBLIC) for name in named}
        tx.sql.execute(sa.update(tables.repos).values(visibility="private"))
        full_text.follow(tx, repo.id)
        assert marks_in(tx) == {(name, alice.id) for name in named}
        repositories.rename(tx, repo, RepoRef(RepoType.MODEL, RepoId("bob", "moved")), bob.id)
        assert marks_in(tx) == {(name, bob.id) for name in named}
        tx.sql.execute(sa.update(tables.repos).values(visibility="public"))
        full_text.follow_all(tx, bob.id, RepoType.MODEL)
        assert marks_in(tx) == {(name, PUBLIC) for name in named}
        assert [str(item.repo.id) for item in likes.public_of(tx, alice.id, after=None, limit=5)] == ["bob/moved"]


def test_what_is_recorded_about_a_repository_that_has_just_changed_has_its_new_mark(
    catalog: Catalog, alice: Account, add_repo: Callable[..., RepoRow]
) -> None:
    before = add_repo("just-published", visibility="private")
    with catalog.write() as tx:
        repositories.update(tx, before.id, visibility="public")
        full_text.follow(tx, before.id)
        note(tx, before, alice)
        assert marks_in(tx) == {(table.name, PUBLIC) for table in marks.MARKED}


def test_every_table_with_a_mark_is_renewed() -> None:
    of_repos = {"repos", "repo_name_parts"}  # computed, and part of the key, which other functions write
    found = {table.name for table in tables.metadata.tables.values() if "mark" in table.c}
    assert {table.name for table in marks.MARKED} == found - of_repos
