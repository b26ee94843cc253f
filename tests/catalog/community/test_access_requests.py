from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import access_requests
from entrepot.catalog.community.access_requests import ACCEPTED, PENDING, REJECTED, AccessRequest
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import new_uid

Ask = Callable[..., AccessRequest]


@pytest.fixture
def ask(catalog: Catalog, repo: RepoRow, add_account: Callable[..., Account]) -> Ask:
    """Return a function that adds a request of a new user."""

    def add(user: str, **changes: Any) -> AccessRequest:
        asker = add_account(user)
        request = AccessRequest(0, new_uid(), repo.id, asker.id, PENDING, {"Why": user}, None, 1)
        with catalog.write() as tx:
            return access_requests.add(tx, attrs.evolve(request, **changes))

    return add


def test_a_request_comes_back_as_it_was_added(catalog: Catalog, repo: RepoRow, ask: Ask) -> None:
    made = ask("bob")
    with catalog.read() as tx:
        assert access_requests.find(tx, repo.id, made.user_id) == made
        assert access_requests.by_uid(tx, repo.id, made.uid) == made
        assert access_requests.status_of(tx, repo.id, made.user_id) == PENDING


def test_who_was_let_in_unasked_has_no_answers(catalog: Catalog, repo: RepoRow, ask: Ask) -> None:
    made = ask("bob", fields=None)
    with catalog.read() as tx:
        found = access_requests.find(tx, repo.id, made.user_id)
    assert found is not None
    assert found.fields is None


def test_a_request_belongs_to_one_repository(catalog: Catalog, ask: Ask, add_repo: Callable[..., RepoRow]) -> None:
    made, other = ask("bob"), add_repo("other")
    with catalog.read() as tx:
        assert access_requests.find(tx, other.id, made.user_id) is None
        assert access_requests.by_uid(tx, other.id, made.uid) is None
        assert access_requests.status_of(tx, other.id, made.user_id) is None


def test_a_user_has_at_most_one_request(catalog: Catalog, ask: Ask) -> None:
    made = ask("bob")
    with pytest.raises(sa.exc.IntegrityError), catalog.write() as tx:
        access_requests.add(tx, attrs.evolve(made, uid=new_uid()))


def test_a_decision_is_stored_and_a_request_forgotten(catalog: Catalog, repo: RepoRow, ask: Ask) -> None:
    made = ask("bob")
    decided = attrs.evolve(made, status=REJECTED, reason="no", handled_ms=5, handler_id=7)
    with catalog.write() as tx:
        access_requests.decide(tx, decided)
        assert access_requests.find(tx, repo.id, made.user_id) == decided
        access_requests.remove(tx, made.id)
        assert access_requests.find(tx, repo.id, made.user_id) is None


def test_pages_are_newest_first_and_neither_repeat_nor_skip(catalog: Catalog, repo: RepoRow, ask: Ask) -> None:
    for number, time in enumerate((1, 2, 2, 2, 3)):
        ask(f"user{number}", requested_ms=time)
    ask("else", status=ACCEPTED)
    seen: list[str] = []
    after = None
    with catalog.read() as tx:
        while page := access_requests.page(tx, repo.id, PENDING, after=after, limit=2):
            seen += [user.name for _, user in page]
            after = (page[-1][0].requested_ms, page[-1][0].id)
        everybody = [user.name for _, user in access_requests.everything(tx, repo.id)]
    assert seen == ["user4", "user3", "user2", "user1", "user0"]
    assert everybody == ["user0", "else", "user1", "user2", "user3", "user4"]
