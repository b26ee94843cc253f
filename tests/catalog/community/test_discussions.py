from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import discussions
from entrepot.catalog.community.discussions import (
    CLOSED,
    DRAFT,
    MERGED,
    OPEN,
    DiscussionFilter,
    DiscussionRow,
    EventRow,
)
from entrepot.catalog.database import Write
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, new_uid

AddRepo = Callable[..., RepoRow]


def start(tx: Write, repo: RepoRow, author: int, *, is_pull: bool = False, status: str = OPEN) -> DiscussionRow:
    num = discussions.next_number(tx, repo.id)
    base = MAIN if is_pull else None
    discussion = DiscussionRow(
        0, new_uid(), repo.id, num, "t", author, is_pull, status, base, None, None, False, False, 0, 1, 1
    )
    return discussions.add(tx, discussion)


def happen(tx: Write, discussion: DiscussionRow, author: int, kind: str = "comment") -> EventRow:
    return discussions.add_event(tx, EventRow(0, new_uid(), discussion.id, kind, author, {"x": 1}, 1))


def test_numbers_count_up_in_each_repository_and_are_never_used_twice(catalog: Catalog, add_repo: AddRepo) -> None:
    one, two = add_repo("one"), add_repo("two")
    with catalog.write() as tx:
        talks = [start(tx, repo, 1) for repo in (one, one, two)]
        assert [discussion.num for discussion in talks] == [1, 2, 1]
        discussions.remove(tx, talks[1].id)
        assert start(tx, one, 1).num == 3


def test_open_discussions_of_a_repository_are_counted_up_to_a_limit(catalog: Catalog, add_repo: AddRepo) -> None:
    one, two = add_repo("one"), add_repo("two")
    with catalog.write() as tx:
        for status in (OPEN, CLOSED, OPEN):
            start(tx, one, 1, status=status)
        for status in (DRAFT, MERGED):
            start(tx, one, 1, is_pull=True, status=status)
        assert [discussions.count_alive(tx, repo.id) for repo in (one, two)] == [3, 0]
        for _ in range(discussions.MAX_COUNTED):
            start(tx, two, 1)
        start(tx, two, 1)
        assert discussions.count_alive(tx, two.id) == discussions.MAX_COUNTED


def test_counting_open_discussions_reads_an_index_only(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.read() as tx:
        if tx.sql.dialect.name != "sqlite":
            pytest.skip("the plan of PostgreSQL depends on how many rows there are")
        statement = discussions._COUNT_ALIVE.statement.params(repo=repo.id)
        text = statement.compile(dialect=tx.sql.dialect, compile_kwargs={"literal_binds": True})
        plan = [row[-1] for row in tx.sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()]
    assert any("COVERING INDEX discussions_by_status (repo_id=? AND status=?)" in step for step in plan), plan


def test_stored_discussions_are_found(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        discussion = start(tx, repo, 7, is_pull=True, status=DRAFT)
        assert discussions.find(tx, repo.id, 1) == discussion
        assert discussions.find(tx, repo.id, 2) is None
        discussions.change(tx, discussion.id, status=MERGED, title="new")
        discussions.count_comment(tx, discussion.id)
        found = discussions.find(tx, repo.id, 1)
    assert found == attrs.evolve(discussion, status=MERGED, title="new", comments=1)
    assert (discussion.is_alive, found.is_alive) == (True, False)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (DiscussionFilter(), [4, 3, 2, 1]),
        (DiscussionFilter(is_pull=True), [4, 3]),
        (DiscussionFilter(is_pull=False), [2, 1]),
        (DiscussionFilter(states=(OPEN, DRAFT)), [4, 1]),
        (DiscussionFilter(states=(CLOSED,), author_id=8), [2]),
        (DiscussionFilter(author_id=9), []),
    ],
)
def test_lists_are_filtered_and_newest_first(
    catalog: Catalog, repo: RepoRow, wanted: DiscussionFilter, numbers: list[int]
) -> None:
    with catalog.write() as tx:
        start(tx, repo, 7)
        start(tx, repo, 8, status=CLOSED)
        start(tx, repo, 8, is_pull=True, status=MERGED)
        start(tx, repo, 7, is_pull=True, status=DRAFT)
        assert [discussion.num for discussion in discussions.page(tx, repo.id, wanted, offset=0, limit=9)] == numbers
        assert [discussion.num for discussion in discussions.page(tx, repo.id, wanted, offset=1, limit=1)] == numbers[
            1:2
        ]
        assert discussions.count(tx, repo.id, wanted) == len(numbers)


def test_only_pull_requests_that_go_on_count_as_open(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        start(tx, repo, 7)
        start(tx, repo, 8, is_pull=True, status=CLOSED)
        start(tx, repo, 9, is_pull=True, status=DRAFT)
        assert [discussions.has_open_pull(tx, repo.id, author) for author in (7, 8, 9)] == [False, False, True]


def test_events_come_in_their_order(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        discussion, other = start(tx, repo, 7), start(tx, repo, 7)
        events = [happen(tx, discussion, 7), happen(tx, discussion, 8, "commit")]
        foreign = happen(tx, other, 7)
        assert discussions.events_of(tx, discussion.id) == events
        assert discussions.count_events(tx, discussion.id) == 2
        assert discussions.find_event(tx, discussion.id, events[0].uid) == events[0]
        assert discussions.find_event(tx, discussion.id, foreign.uid) is None
        discussions.set_data(tx, events[0].id, {"x": 2})
        assert discussions.events_of(tx, discussion.id)[0].data == {"x": 2}
        discussions.remove(tx, discussion.id)
        assert discussions.events_of(tx, discussion.id) == []
        assert discussions.events_of(tx, other.id) == [foreign]


def test_deleted_accounts_are_left_out(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account], repo: RepoRow
) -> None:
    bob = add_account("bob")
    with catalog.write() as tx:
        discussion = start(tx, repo, bob.id)
        happen(tx, discussion, bob.id)
        assert set(discussions.people(tx, [alice.id, bob.id, 0])) == {alice.id, bob.id}
        accounts.remove(tx, bob.id)
        assert set(discussions.people_by_uid(tx, [alice.uid, bob.uid])) == {alice.uid}
        found = discussions.find(tx, repo.id, 1)
        assert found is not None
        # The database may give the row id of the last account to the next one.
        assert [found.author_id, discussions.events_of(tx, discussion.id)[0].author_id] == [0, 0]
