from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import tokens
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.tokens import Token
from entrepot.catalog.repos import trusted_publishers
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.repos.trusted_publishers import PublisherRow
from entrepot.names import Sha256, new_uid


def row(repo: RepoRow, user: Account, created_ms: int = 1) -> PublisherRow:
    return PublisherRow(new_uid(), repo.id, user.id, "ci", "https://ci.example", {"sub": "x"}, "write", created_ms)


def test_publishers_are_added_listed_used_and_removed(
    catalog: Catalog, alice: Account, add_repo: Callable[..., RepoRow]
) -> None:
    repo, other = add_repo("a"), add_repo("b")
    first, second, elsewhere = row(repo, alice, 1), row(repo, alice, 2), row(other, alice)
    with catalog.write() as tx:
        for item in (second, first, elsewhere):
            trusted_publishers.add(tx, item)
        trusted_publishers.note_use(tx, first.uid, 5)
        assert list(trusted_publishers.of_repo(tx, repo.id)) == [attrs.evolve(first, used_ms=5), second]
        trusted_publishers.remove(tx, first)
        assert list(trusted_publishers.of_repo(tx, repo.id)) == [second]
        assert list(trusted_publishers.of_repo(tx, other.id)) == [elsewhere]


def test_tokens_of_a_publisher_expire_and_go_with_it(catalog: Catalog, alice: Account, repo: RepoRow) -> None:
    one, two = row(repo, alice), row(repo, alice)
    with catalog.write() as tx:
        for number, (owner, expires) in enumerate(((one, 10), (one, 20), (two, 10))):
            token = Token(new_uid(), alice.id, "t", "write", 1, expires, grant_uid=owner.uid)
            tokens.add(tx, token, Sha256(f"{number}" * 64))
        assert trusted_publishers.remove_expired_tokens(tx, one, 10) == 1
        trusted_publishers.remove(tx, one)
        assert [token.grant_uid for token in tokens.of_user(tx, alice.id)] == [two.uid]


def test_a_token_of_an_issuer_is_used_once_until_it_expires(catalog: Catalog) -> None:
    with catalog.write() as tx:
        assert trusted_publishers.use_once(tx, "a" * 64, 10, 1)
        assert not trusted_publishers.use_once(tx, "a" * 64, 10, 9)
        assert trusted_publishers.use_once(tx, "b" * 64, 10, 9)
        assert trusted_publishers.use_once(tx, "a" * 64, 30, 10), "an expired one is forgotten: it is refused anyway"
