from collections.abc import Callable, Sequence

import attrs
import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, tables
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import name_parts, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.search import full_text, listings
from entrepot.catalog.search.listings import Search
from entrepot.catalog.visibility import Visibility
from entrepot.names import RepoType, parse_repo_id
from entrepot.names.repos import RepoRef

AddRepo = Callable[..., RepoRow]


def condition(
    catalog: Catalog, terms: Sequence[str], namespaces: Sequence[int] | None, most: int = 9
) -> set[str] | None:
    """Return the names of the repositories that a narrowed search looks at; None if it is not narrowed."""
    with catalog.read() as tx:
        found = name_parts.find_repos(tx, terms, namespaces, most=most)
        if found is None:
            return None
        return set(tx.sql.execute(sa.select(tables.repos.c.name).where(found)).scalars())


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
    assert condition(catalog, [term], ()) == {"alpha-one-of-many-words"}


def test_the_rarest_of_several_terms_is_looked_up(catalog: Catalog, add_repo: AddRepo) -> None:
    for number in range(5):
        add_repo(f"model-{number}")
    assert condition(catalog, ["model", "-3"], (), most=4) == {"model-3"}


def test_a_term_of_many_names_narrows_nothing(catalog: Catalog, add_repo: AddRepo) -> None:
    for number in range(5):
        add_repo(f"model-{number}")
    assert condition(catalog, ["model"], (), most=4) is None
    assert condition(catalog, ["model"], (), most=5) is not None
    assert condition(catalog, [""], ()) is None


def test_private_names_are_neither_counted_nor_read_for_others(
    catalog: Catalog, alice: Account, add_repo: AddRepo
) -> None:
    for number in range(5):
        add_repo(f"secret-{number}", visibility="private")
    assert condition(catalog, ["secret"], (), most=4) == set()
    assert condition(catalog, ["secret"], [alice.id], most=4) is None
    assert condition(catalog, ["secret"], None, most=9) == {f"secret-{number}" for number in range(5)}


@pytest.mark.parametrize("is_all", [False, True])
def test_a_change_of_visibility_is_followed(catalog: Catalog, add_repo: AddRepo, is_all: bool) -> None:
    row = add_repo("once-public")
    with catalog.write() as tx:
        repositories.update(tx, row.id, visibility="private")
        if is_all:
            full_text.follow_all(tx, row.namespace_id, row.type)
        else:
            full_text.follow(tx, row.id)
    assert condition(catalog, ["once"], ()) == set()
    assert condition(catalog, ["once"], [row.namespace_id]) == {"once-public"}


def test_a_renamed_repository_is_found_by_its_new_name_only(catalog: Catalog, add_repo: AddRepo) -> None:
    row = add_repo("before")
    with catalog.write() as tx:
        repositories.rename(tx, row, RepoRef(RepoType.MODEL, parse_repo_id("alice/after")), row.namespace_id)
    assert condition(catalog, ["before"], ()) == set()
    assert condition(catalog, ["after"], ()) == {"after"}
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


def test_a_list_is_the_same_whether_its_terms_are_rare_or_not(
    catalog: Catalog, add_repo: AddRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        add_repo(f"m-{number}", likes=number, visibility="private" if number % 3 else "public")
    for seen in (Visibility(), Visibility([1]), None):
        for terms in (("m-1",), ("1",), ("alice/m-",), ("M-", "0"), ("%",), ("absent",), ("é",)):
            search = Search(RepoType.MODEL, seen_by=seen, terms=terms, sort="likes", limit=4)
            found = []
            for most in (1_000, 0):
                monkeypatch.setattr(listings, "_MAX_SORTED", most)
                with catalog.read() as tx:
                    first = listings.find(tx, search)
                    after = listings.position_of(first[-1], "likes") if first else None
                    second = listings.find(tx, attrs.evolve(search, after=after))
                    found.append(([row.name for row in (*first, *second)], listings.count(tx, search)))
            assert found[0] == found[1], (seen, terms)


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
