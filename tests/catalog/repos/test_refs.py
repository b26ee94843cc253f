import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, Oid, RefName, branch_ref, tag_ref

A, B, C = (Oid(letter * 40) for letter in "abc")


@pytest.mark.parametrize(
    ("before", "old", "new", "moved", "after"),
    [
        (None, None, A, True, A),
        (A, None, B, False, A),
        (A, None, A, False, A),
        (A, A, B, True, B),
        (A, A, A, True, A),
        (A, C, B, False, A),
        (None, A, B, False, None),
        (A, A, None, True, None),
        (A, B, None, False, A),
        (None, A, None, False, None),
        (None, None, None, False, None),
        (A, None, None, False, A),
    ],
)
def test_a_ref_moves_only_from_where_it_is(
    catalog: Catalog,
    repo: RepoRow,
    before: Oid | None,
    old: Oid | None,
    new: Oid | None,
    moved: bool,
    after: Oid | None,
) -> None:
    with catalog.write() as tx:
        if before is not None:
            assert refs.swap(tx, repo.id, MAIN, None, before, 1)
    with catalog.write() as tx:
        assert refs.swap(tx, repo.id, MAIN, old, new, 2) is moved
    with catalog.read() as tx:
        assert refs.find(tx, repo.id, MAIN) == after


def test_of_sixteen_writers_that_saw_the_same_head_one_wins(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        refs.swap(tx, repo.id, MAIN, None, A, 1)
    together = threading.Barrier(16)

    def race(number: int) -> Oid | None:
        new = Oid(f"{number:040x}")
        together.wait()
        with catalog.write() as tx:
            return new if refs.swap(tx, repo.id, MAIN, A, new, 2) else None

    with ThreadPoolExecutor(16) as pool:
        winners = [new for new in pool.map(race, range(16)) if new is not None]
    assert len(winners) == 1
    with catalog.read() as reading:
        assert refs.find(reading, repo.id, MAIN) == winners[0]


def test_sixteen_writers_that_try_again_all_succeed_one_after_the_other(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        refs.swap(tx, repo.id, MAIN, None, Oid(f"{0:040x}"), 1)
    together = threading.Barrier(16)

    def count_up(_number: int) -> str:
        together.wait()
        while True:
            with catalog.read() as tx:
                head = refs.find(tx, repo.id, MAIN)
            assert head is not None
            new = Oid(f"{int(head, 16) + 1:040x}")
            with catalog.write() as tx:
                if refs.swap(tx, repo.id, MAIN, head, new, 2):
                    return new

    with ThreadPoolExecutor(16) as pool:
        reached = sorted(int(new, 16) for new in pool.map(count_up, range(16)))
    assert reached == list(range(1, 17))


def test_refs_are_listed_by_name_and_stay_in_their_repository(
    catalog: Catalog, repo: RepoRow, add_repo: Callable[..., RepoRow]
) -> None:
    other = add_repo("other")
    with catalog.write() as tx:
        refs.swap(tx, repo.id, tag_ref("v1"), None, B, 1)
        refs.swap(tx, repo.id, MAIN, None, A, 1)
        refs.swap(tx, other.id, MAIN, None, C, 1)
        assert not refs.swap(tx, other.id, MAIN, A, None, 1)
    with catalog.read() as tx:
        assert refs.everything(tx, repo.id) == [(MAIN, A), (tag_ref("v1"), B)]
        assert refs.find(tx, other.id, MAIN) == C


@pytest.mark.parametrize(
    ("name", "related"),
    [
        ("refs/heads/a", "refs/heads/a/b-0"),
        ("refs/heads/a/b", "refs/heads/a/b/c"),
        ("refs/heads/a/b/c/d", "refs/heads/a/b/c"),
        ("refs/heads/a/b/c/d/e/f", "refs/heads/a/b/c"),
        ("refs/heads/a/b/c", None),
        ("refs/heads/a/b/cc", None),
        ("refs/heads/a/b/c-d", None),
        ("refs/heads/a/b0", None),
        ("refs/heads/A", None),
        ("refs/heads/a/B", None),
        ("refs/tags/a/b", None),
        ("refs/heads/z/y", "refs/heads/z"),
    ],
)
def test_refs_below_and_above_a_name_are_found(catalog: Catalog, repo: RepoRow, name: str, related: str | None) -> None:
    with catalog.write() as tx:
        for there in ("a-0", "a/b-0", "a/b/c", "a0", "z"):
            assert refs.swap(tx, repo.id, branch_ref(there), None, A, 1)
    with catalog.read() as tx:
        assert refs.find_related(tx, repo.id, RefName(name)) == related


def test_absent_refs_are_left_out(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        refs.swap(tx, repo.id, MAIN, None, A, 1)
        assert refs.find_many(tx, repo.id, [MAIN, branch_ref("dev")]) == {MAIN: A}
        assert refs.find_many(tx, repo.id, []) == {}
        assert refs.find(tx, repo.id, branch_ref("dev")) is None


def test_names_of_refs_keep_their_case(catalog: Catalog, repo: RepoRow) -> None:
    lower, upper = branch_ref("dev"), RefName("refs/heads/DEV")
    with catalog.write() as tx:
        assert refs.swap(tx, repo.id, lower, None, A, 1)
        assert refs.swap(tx, repo.id, upper, None, B, 1)
        assert (refs.find(tx, repo.id, lower), refs.find(tx, repo.id, upper)) == (A, B)
