from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, tables, visibility
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility, visible_condition, visible_private


@pytest.fixture
def seen(
    catalog: Catalog, add_repo: Callable[..., RepoRow], alice: Account, add_account: Callable[..., Account]
) -> Callable[..., list[str]]:
    """Names of the repositories in sight: ``open`` is public, ``one`` and ``two`` are alice's, ``his`` is bob's."""
    bob = add_account("bob")
    rows = {"open": add_repo("open")}
    for name, owner in (("one", alice), ("two", alice), ("his", bob)):
        rows[name] = add_repo(name, owner, visibility="private")
    people = {"alice": alice.id, "bob": bob.id}

    def look(condition: str, namespaces: tuple[str, ...] = (), repos: tuple[str, ...] = ()) -> list[str]:
        in_sight = Visibility((people[name] for name in namespaces), (rows[name].id for name in repos))
        clause = {
            "all": visible_condition(None),
            "in_sight": visible_condition(in_sight),
            "private_in": visible_private(in_sight),
        }[condition]
        with catalog.read() as tx:
            query = sa.select(tables.repos.c.name).where(clause).order_by(tables.repos.c.name)
            return list(tx.sql.execute(query).scalars())

    return look


def test_namespaces_and_single_repositories_are_seen(seen: Callable[..., list[str]]) -> None:
    assert seen("in_sight") == ["open"]
    assert seen("in_sight", ("alice",)) == ["one", "open", "two"]
    assert seen("in_sight", (), ("two",)) == ["open", "two"]
    assert seen("in_sight", ("bob",), ("two",)) == ["his", "open", "two"]
    assert seen("all") == ["his", "one", "open", "two"]


def test_more_than_fifty_namespaces_are_known_without_a_query(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Visibility] = []
    monkeypatch.setattr(visibility, "_namespaces", lambda _tx, seen: asked.append(seen) or seen.namespaces)
    with catalog.read() as tx:
        assert visibility.namespaces_of(tx, Visibility(range(1, 52))) is None
        assert asked == []
        assert visibility.namespaces_of(tx, Visibility(range(1, 51))) == list(range(1, 51))
        assert len(asked) == 1


def test_private_ones_are_told_apart(seen: Callable[..., list[str]]) -> None:
    assert seen("private_in") == []
    assert seen("private_in", ("bob",), ("one",)) == ["his", "one"]
