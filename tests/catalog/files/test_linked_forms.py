from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.files import file_links, linked_forms, xet_files, xorbs
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.names import Sha256
from tests.catalog.files.test_file_links import ONE, TWO, A, B, C, X, as_chunks, chunked, kept, link  # noqa: F401
from tests.support.stored_rows import commit, store

AddRepo = Callable[..., RepoRow]


def readable(catalog: Catalog, seen_by: Sequence[int] = ()) -> set[Sha256]:
    with catalog.read() as tx:
        return set(linked_forms.readable_elsewhere(tx, Visibility(seen_by), [A, B, C]))


def test_a_file_committed_in_public_is_readable_by_everyone(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B)
    commit(catalog, repo, A)
    with catalog.read() as tx:
        assert linked_forms.readable_elsewhere(tx, Visibility(), [A, B]) == {A: LinkedForm(10)}


def test_a_file_that_no_commit_names_is_not_readable_elsewhere(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [A], None, 1)
    assert readable(catalog, [repo.namespace_id]) == set()


@pytest.mark.parametrize(
    "changes",
    [{"visibility": "private"}, {"gated": "auto"}, {"gated": "manual"}, {"visibility": "private", "gated": "auto"}],
)
def test_a_private_or_gated_repository_shows_its_files_to_its_namespace_only(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account], add_repo: AddRepo, changes: dict[str, str]
) -> None:
    bob = add_account("bob")
    store(catalog, A)
    commit(catalog, add_repo("closed", **changes), A)
    assert readable(catalog) == set()
    assert readable(catalog, [bob.id]) == set()
    assert readable(catalog, [alice.id, bob.id]) == {A}


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_no_one_can_read_the_files_of_a_disabled_repository(
    catalog: Catalog, add_repo: AddRepo, visibility: str
) -> None:
    disabled = add_repo("off", is_disabled=True, visibility=visibility)
    store(catalog, A)
    commit(catalog, disabled, A)
    assert readable(catalog, [disabled.namespace_id]) == set()


def test_no_one_can_read_the_files_of_a_deleted_repository(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    commit(catalog, repo, A)
    assert readable(catalog) == {A}
    with catalog.write() as tx:
        repositories.unlink(tx, repo, 1)
    assert readable(catalog, [repo.namespace_id]) == set()


def test_seeing_everything_includes_private_but_not_disabled_or_deleted_repositories(
    catalog: Catalog, add_repo: AddRepo
) -> None:
    store(catalog, A, B, C)
    commit(catalog, add_repo("closed", visibility="private", gated="auto"), A)
    commit(catalog, add_repo("off", is_disabled=True), B)
    gone = add_repo("gone")
    commit(catalog, gone, C)
    with catalog.write() as tx:
        repositories.unlink(tx, gone, 1)
        assert linked_forms.readable_elsewhere(tx, None, [A, B, C]) == {A: LinkedForm(10)}


def test_one_readable_repository_is_enough(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    store(catalog, A)
    for closed in (add_repo("p", visibility="private"), add_repo("g", gated="auto"), repo):
        commit(catalog, closed, A)
    assert readable(catalog) == {A}


def test_only_verified_intact_content_is_offered_to_other_repositories(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    other = add_repo("other")
    link(catalog, repo, ONE, is_verified=False)
    assert readable(catalog) == set()
    with catalog.write() as tx:
        assert linked_forms.proven(tx, repo.id, [A]) == {}
        assert not linked_forms.is_verified(tx, repo.id, A, ONE.hash)
        assert linked_forms.claimed_elsewhere(tx, Visibility(), [A, B]) == [(repo.id, A, ONE.id, 10)]
        linked_forms.mark_verified(tx, repo.id, A, TWO.id)
        assert linked_forms.proven(tx, repo.id, [A]) == {}
        linked_forms.mark_verified(tx, repo.id, A, ONE.id)
        assert linked_forms.proven(tx, repo.id, [A, B]) == {A: LinkedForm(10, ONE.id, ONE.hash)}
        assert linked_forms.proven(tx, other.id, [A, B]) == {}
        assert linked_forms.is_verified(tx, repo.id, A, ONE.hash)
        assert not linked_forms.is_verified(tx, other.id, A, ONE.hash)
        assert linked_forms.claimed_elsewhere(tx, Visibility(), [A]) == []
        copies = linked_forms.readable_elsewhere(tx, Visibility(), [A])
        file_links.link_forms(tx, other.id, copies, 9, 2)
        assert copies == {A: LinkedForm(10, ONE.id, ONE.hash)}
    assert kept(catalog, other) == as_chunks(ONE)
    with catalog.write() as tx:
        xorbs.mark_damaged(tx, X, 1)
    assert readable(catalog) == set()


def test_uncommitted_files_are_not_proven(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B)
    commit(catalog, repo, A)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [B], None, 1)
        assert list(linked_forms.proven(tx, repo.id, [A, B, C])) == [A]


def test_a_false_claim_is_recorded_for_the_checked_chunks_only(catalog: Catalog, repo: RepoRow) -> None:
    link(catalog, repo, ONE, is_verified=False)
    with catalog.write() as tx:
        linked_forms.mark_false_claim(tx, repo.id, A, TWO.id)
        assert len(xet_files.unverified(tx, 9)) == 1
        linked_forms.mark_false_claim(tx, repo.id, A, ONE.id)
        assert xet_files.unverified(tx, 9) == []
