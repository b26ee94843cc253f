from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, tables
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import name_parts, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.search import full_text
from entrepot.names import RepoType, parse_repo_id
from entrepot.names.repos import RepoRef
from tests.support.database_steps import steps_of

AddRepo = Callable[..., RepoRow]


def having(catalog: Catalog, term: str, namespaces: Sequence[int] | None) -> set[str]:
    """Return the names of the repositories that the index finds."""
    parts, repos = tables.repo_name_parts, tables.repos
    with catalog.read() as tx:
        found = sa.select(parts.c.repo_id).where(name_parts.having(parts, term, namespaces))
        return set(tx.sql.execute(sa.select(repos.c.name).where(repos.c.id.in_(found))).scalars())


def steps(catalog: Catalog, term: str, namespaces: Sequence[int]) -> int:
    """Return how many steps SQLite takes to find a term."""
    parts = tables.repo_name_parts
    query = sa.select(parts.c.repo_id).where(name_parts.having(parts, term, namespaces))
    return steps_of(catalog, lambda tx: tx.sql.execute(query).all())


def rows(catalog: Catalog, table: sa.Table) -> int:
    with catalog.read() as tx:
        return tx.sql.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_a_name_has_one_part_for_each_of_its_positions() -> None:
    assert name_parts.parts_of("Gpt-2") == {b"gpt-2", b"pt-2", b"t-2", b"-2", b"2"}
    assert max(len(part) for part in name_parts.parts_of("a" * 30)) == name_parts.LENGTH


@pytest.mark.parametrize("term", ["alpha", "pha-on", "on", "alice/al", "e/alpha-o", "alpha-one-of-many-words"])
def test_a_part_of_an_id_finds_it_among_others(catalog: Catalog, add_repo: AddRepo, term: str) -> None:
    add_repo("alpha-one-of-many-words")
    add_repo("beta")
    assert having(catalog, term, ()) == {"alpha-one-of-many-words"}


def test_private_names_are_not_read_for_others(catalog: Catalog, alice: Account, add_repo: AddRepo) -> None:
    names = {add_repo(f"secret-{number}", visibility="private").name for number in range(5)}
    assert having(catalog, "secret", ()) == set()
    assert having(catalog, "secret", [alice.id]) == names
    assert having(catalog, "secret", None) == names


def test_private_names_of_others_cost_a_search_nothing(catalog: Catalog, alice: Account, add_repo: AddRepo) -> None:
    add_repo("open-1")
    add_repo("secret", visibility="private")
    before = {term: steps(catalog, term, [alice.id + 1]) for term in ("secret", "e", "open")}
    for number in range(50):
        add_repo(f"secret-{number}", visibility="private")
    assert {term: steps(catalog, term, [alice.id + 1]) for term in before} == before
    assert steps(catalog, "secret", [alice.id]) > before["secret"] + 50


@pytest.mark.parametrize("is_all", [False, True])
def test_a_change_of_visibility_is_followed(catalog: Catalog, add_repo: AddRepo, is_all: bool) -> None:
    row = add_repo("once-public")
    with catalog.write() as tx:
        repositories.update(tx, row.id, visibility="private")
        if is_all:
            full_text.follow_all(tx, row.namespace_id, row.type)
        else:
            full_text.follow(tx, row.id)
    assert having(catalog, "once", ()) == set()
    assert having(catalog, "once", [row.namespace_id]) == {"once-public"}


def test_a_renamed_repository_is_found_by_its_new_name_only(catalog: Catalog, add_repo: AddRepo) -> None:
    row = add_repo("before")
    with catalog.write() as tx:
        repositories.rename(tx, row, RepoRef(RepoType.MODEL, parse_repo_id("alice/after")), row.namespace_id)
    assert having(catalog, "before", ()) == set()
    assert having(catalog, "after", ()) == {"after"}
    assert rows(catalog, tables.repo_name_parts) == len(name_parts.parts_of("alice/after"))


@pytest.mark.parametrize("is_all", [False, True])
def test_a_deleted_repository_leaves_no_part(catalog: Catalog, add_repo: AddRepo, is_all: bool) -> None:
    row = add_repo("gone")
    with catalog.write() as tx:
        if is_all:
            repositories.unlink_all(tx, row.namespace_id, row.type, 9)
        else:
            repositories.unlink(tx, row, 9)
    assert rows(catalog, tables.repo_name_parts) == 0


def test_accounts_are_the_same_whether_their_names_are_rare_or_not(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with catalog.write() as tx:
        for number in range(15):
            accounts.add(tx, accounts.fresh(f"User-{number}", "user", 1))
        accounts.add(tx, accounts.fresh("user-org", "org", 1))
    with catalog.read() as tx:
        for terms in (["er-1"], ["USER", "1"], ["_"], ["absent"], []):
            found = []
            for most in (1_000, 0):
                monkeypatch.setattr(accounts, "_MAX_NAMED", most)
                first = accounts.named_like(tx, "user", terms, 3)
                rest = accounts.named_like(tx, "user", terms, 50, after=first[-1].name) if first else []
                found.append([account.name for account in (*first, *rest)])
            assert found[0] == found[1], terms


def test_a_removed_account_leaves_no_part(catalog: Catalog) -> None:
    before = rows(catalog, tables.account_name_parts)
    with catalog.write() as tx:
        added = accounts.add(tx, accounts.fresh("Short-Lived", "user", 1))
        accounts.remove(tx, added.id)
    assert rows(catalog, tables.account_name_parts) == before
