from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import likes
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow


def test_the_count_follows_the_rows(catalog: Catalog, alice: Account, repo: RepoRow) -> None:
    with catalog.write() as tx:
        assert likes.add(tx, repo.id, alice.id, 1)
        assert not likes.add(tx, repo.id, alice.id, 2)
        row = repositories.by_id(tx, repo.id)
        assert row is not None
        assert row.likes == 1
        assert likes.remove(tx, repo.id, alice.id)
        assert not likes.remove(tx, repo.id, alice.id)
        row = repositories.by_id(tx, repo.id)
        assert row is not None
        assert row.likes == 0


def test_only_public_repositories_that_exist_are_listed(
    catalog: Catalog, alice: Account, add_repo: Callable[..., RepoRow]
) -> None:
    rows = [add_repo("a"), add_repo("b", visibility="private"), add_repo("c")]
    with catalog.write() as tx:
        for at_ms, row in enumerate(rows):
            likes.add(tx, row.id, alice.id, at_ms)
        repositories.unlink(tx, rows[2], 9)
        found = likes.public_of(tx, alice.id, after=None, limit=9)
        assert [(str(item.repo.id), item.liked_ms) for item in found] == [("alice/a", 0)]
        assert likes.count_public_of(tx, alice.id) == 1


def test_pages_do_not_repeat_likes_of_one_moment(
    catalog: Catalog, repo: RepoRow, add_account: Callable[..., Account]
) -> None:
    people = [add_account(name) for name in ("bob", "carl", "dora")]
    with catalog.write() as tx:
        for person in people:
            likes.add(tx, repo.id, person.id, 7)
        first = likes.likers(tx, repo.id, after=None, limit=2)
        rest = likes.likers(tx, repo.id, after=first[-1], limit=2)
    assert [user_id for _, user_id in (*first, *rest)] == [person.id for person in reversed(people)]
