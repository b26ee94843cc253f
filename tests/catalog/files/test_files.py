from collections.abc import Callable, Sequence

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.files import files, xet_files
from entrepot.catalog.files.files import SWEEP_LEASE_MS, StoredForm
from entrepot.catalog.files.xet_files import Claim, XetFileRow
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.errors import Busy
from entrepot.names import MAIN, Oid, RepoPath, Sha256, XetHash, branch_ref, new_uid

AddRepo = Callable[..., RepoRow]


def sha(number: int) -> Sha256:
    return Sha256(f"{number:064x}")


A, B, C, D = sha(0xA), sha(0xB), sha(0xC), sha(0xD)
PATH = RepoPath("weights/model.bin")


def store(catalog: Catalog, *sha256s: Sha256, now_ms: int = 1) -> None:
    with catalog.write() as tx:
        for number, sha256 in enumerate(sha256s):
            files.reserve(tx, sha256, 10 + number, now_ms)


def commit(catalog: Catalog, repo: RepoRow, *sha256s: Sha256, path: RepoPath = PATH) -> None:
    with catalog.write() as tx:
        files.link(tx, repo.id, sha256s, 7, 1)
        files.name_links(tx, repo.id, [(sha256, path) for sha256 in sha256s], MAIN, 1)


def readable(catalog: Catalog, seen_by: Sequence[int] = ()) -> set[Sha256]:
    with catalog.read() as tx:
        return set(files.readable_elsewhere(tx, Visibility(seen_by), [A, B, C]))


def test_a_file_keeps_the_size_it_was_stored_with(catalog: Catalog) -> None:
    with catalog.write() as tx:
        files.reserve(tx, A, 2**40, 1)
        files.reserve(tx, A, 5, 2)
        assert list(files.everything(tx)) == [(A, 2**40)]


def test_totals_count_every_file_once(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    with catalog.read() as tx:
        assert files.totals(tx) == (0, 0)
    store(catalog, A, B)
    commit(catalog, repo, A)
    commit(catalog, add_repo("other"), A)
    with catalog.read() as tx:
        assert files.totals(tx) == (2, 21)


def test_a_repository_may_use_what_is_linked_to_it_named_or_not(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    other = add_repo("other")
    store(catalog, A, B, C)
    commit(catalog, repo, A)
    with catalog.write() as tx:
        files.link(tx, repo.id, [B], None, 1)
        files.link(tx, other.id, [C], None, 1)
        assert files.usable(tx, repo.id, [A, B, C]) == {A: 10, B: 11}
        assert files.usable(tx, other.id, [A, B, C]) == {C: 12}
        assert files.usable(tx, repo.id, []) == {}


def test_many_files_are_looked_up(catalog: Catalog, repo: RepoRow) -> None:
    many = [sha(number) for number in range(1201)]
    with catalog.write() as tx:
        for one in many:
            files.reserve(tx, one, 1, 1)
        files.link(tx, repo.id, many, None, 1)
        files.name_links(tx, repo.id, [(one, PATH) for one in many], MAIN, 1)
        files.touch(tx, many, 2)
        assert len(files.usable(tx, repo.id, many)) == 1201
        assert len(files.readable_elsewhere(tx, Visibility(), many)) == 1201
        files.unlink(tx, repo.id, many)
        assert files.linked(tx, repo.id) == {}
        assert len(files.unused(tx, 3)) == 1201


def test_a_file_committed_in_public_is_readable_by_everyone(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B)
    commit(catalog, repo, A)
    with catalog.read() as tx:
        assert files.readable_elsewhere(tx, Visibility(), [A, B]) == {A: 10}


def test_a_file_that_no_commit_names_is_not_readable_elsewhere(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        files.link(tx, repo.id, [A], None, 1)
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


def test_one_who_sees_everything_reads_closed_repositories_but_neither_disabled_nor_deleted_ones(
    catalog: Catalog, add_repo: AddRepo
) -> None:
    store(catalog, A, B, C)
    commit(catalog, add_repo("closed", visibility="private", gated="auto"), A)
    commit(catalog, add_repo("off", is_disabled=True), B)
    gone = add_repo("gone")
    commit(catalog, gone, C)
    with catalog.write() as tx:
        repositories.unlink(tx, gone, 1)
        assert files.readable_elsewhere(tx, None, [A, B, C]) == {A: 10}


def test_one_readable_repository_is_enough(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    store(catalog, A)
    for closed in (add_repo("p", visibility="private"), add_repo("g", gated="auto"), repo):
        commit(catalog, closed, A)
    assert readable(catalog) == {A}


def test_linking_again_leaves_the_link_as_it_is(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B)
    commit(catalog, repo, A)
    with catalog.read() as tx:
        before = files.link_of(tx, repo.id, A)
    with catalog.write() as tx:
        files.link(tx, repo.id, [A, B, B], 8, 99)
        assert files.link_of(tx, repo.id, A) == before
        assert files.linked(tx, repo.id) == {A: 1, B: 99}
    assert before is not None
    assert (before.path, before.ref, before.pusher_id, before.size) == (PATH, MAIN, 7, 10)


def test_a_file_that_is_not_stored_is_not_linked(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        files.link(tx, repo.id, [A], None, 1)
        assert files.usable(tx, repo.id, [A]) == {}


def test_a_link_takes_the_name_of_the_last_commit(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, A)
    commit(catalog, repo, A)
    commit(catalog, other, A)
    with catalog.write() as tx:
        files.name_links(tx, repo.id, [(A, RepoPath("new.bin"))], branch_ref("dev"), 60)
        files.name_links(tx, repo.id, [], MAIN, 70)
        here, there = files.link_of(tx, repo.id, A), files.link_of(tx, other.id, A)
    assert here is not None
    assert there is not None
    assert (here.path, here.ref, here.linked_ms) == ("new.bin", branch_ref("dev"), 60)
    assert (there.path, there.ref, there.linked_ms) == (PATH, MAIN, 1)


def test_a_duplicate_may_use_what_its_source_has_committed(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    copy = add_repo("copy")
    store(catalog, A, B)
    commit(catalog, repo, A)
    with catalog.write() as tx:
        files.link(tx, repo.id, [B], None, 1)
        files.copy_links(tx, repo.id, copy.id, 9, 50)
        source, target = files.link_of(tx, repo.id, A), files.link_of(tx, copy.id, A)
        assert files.linked(tx, copy.id) == {A: 50}
    assert source is not None
    assert target is not None
    assert (target.path, target.ref, target.pusher_id) == (PATH, MAIN, 9)
    assert target.uid != source.uid


def test_committed_files_are_listed_in_pages(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    many = [sha(number) for number in range(5)]
    store(catalog, *many, A, B)
    commit(catalog, repo, *many)
    commit(catalog, add_repo("other"), B)
    with catalog.write() as tx:
        files.link(tx, repo.id, [A], None, 1)
    found, after = [], None
    with catalog.read() as tx:
        while page := files.committed_links(tx, repo.id, after=after, limit=2):
            found.extend(page)
            after = page[-1].uid
    assert sorted(one.sha256 for one in found) == many
    assert [one.uid for one in found] == sorted(one.uid for one in found)


def test_links_are_found_by_id_in_their_own_repository_only(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, A)
    commit(catalog, repo, A)
    with catalog.read() as tx:
        link = files.link_of(tx, repo.id, A)
        assert link is not None
        assert files.links_by_uid(tx, repo.id, [link.uid, new_uid()]) == [link]
        assert files.links_by_uid(tx, other.id, [link.uid]) == []
        assert files.link_of(tx, other.id, A) is None


def test_unlinking_takes_a_file_from_one_repository(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, A, B)
    commit(catalog, repo, A, B)
    commit(catalog, other, A)
    with catalog.write() as tx:
        files.unlink(tx, repo.id, [A])
        assert files.usable(tx, repo.id, [A, B]) == {B: 11}
        assert files.usable(tx, other.id, [A, B]) == {A: 10}


def test_used_bytes_count_committed_files(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other, empty = add_repo("other"), add_repo("empty")
    store(catalog, A, B, C)
    commit(catalog, repo, A, B)
    commit(catalog, other, A)
    with catalog.write() as tx:
        files.link(tx, other.id, [C], None, 1)
        assert files.used_bytes(tx, [repo.id, other.id, empty.id]) == {repo.id: 21, other.id: 10}


def test_a_file_is_unused_when_nothing_links_it_and_its_grace_is_over(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B, now_ms=5)
    with catalog.write() as tx:
        files.link(tx, repo.id, [B], None, 1)
        assert files.unused(tx, 5) == []
        assert files.unused(tx, 6) == [(A, 10)]
        files.unlink(tx, repo.id, [B])
        assert sorted(files.unused(tx, 6)) == [(A, 10), (B, 11)]


def test_storing_or_touching_a_file_starts_its_grace_again(catalog: Catalog) -> None:
    store(catalog, A, B, C, now_ms=5)
    with catalog.write() as tx:
        files.reserve(tx, A, 10, 10)
        files.touch(tx, [B], 10)
        assert files.unused(tx, 10) == [(C, 12)]


def test_a_file_that_holds_a_large_object_is_used_but_one_behind_a_pointer_is_not(
    catalog: Catalog, repo: RepoRow
) -> None:
    store(catalog, A, B)
    with catalog.write() as tx:
        objects.put(tx, repo.id, [ObjectRow(Oid("1" * 40), "blob", 10, None, A, None)], 1)
        objects.put(tx, repo.id, [ObjectRow(Oid("2" * 40), "blob", 130, b"p", B, 11)], 1)
        assert files.unused(tx, 9) == [(B, 11)]
        assert list(files.needed(tx)) == [(A, 10)]
        assert not files.begin_sweep(tx, A, 9, 9)


def test_a_file_is_swept_only_while_it_is_unused(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B, C, now_ms=5)
    with catalog.write() as tx:
        files.link(tx, repo.id, [A], None, 1)
        files.touch(tx, [B], 10)
        assert [files.begin_sweep(tx, one, 10, 20) for one in (A, B, C, sha(99))] == [False, False, True, False]
    with catalog.write() as tx:
        for one in (A, B, C):
            files.end_sweep(tx, one)
        assert sorted(files.everything(tx)) == [(A, 10), (B, 11)]


def test_a_file_that_is_being_swept_cannot_be_stored_until_that_has_ended(catalog: Catalog) -> None:
    store(catalog, A, now_ms=5)
    with catalog.write() as tx:
        assert files.begin_sweep(tx, A, 10, 20)
    with catalog.write() as tx, pytest.raises(Busy):
        files.reserve(tx, A, 10, 21)
    with catalog.write() as tx:
        files.end_sweep(tx, A)
        files.reserve(tx, A, 10, 22)
        assert files.unused(tx, 22) == []
        assert files.unused(tx, 23) == [(A, 10)]


def test_a_sweep_that_died_does_not_keep_a_file_from_being_stored_for_ever(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, now_ms=5)
    ended = 20 + SWEEP_LEASE_MS
    with catalog.write() as tx:
        assert files.begin_sweep(tx, A, 10, 20)
        with pytest.raises(Busy):
            files.reserve(tx, A, 10, ended - 1)
        files.reserve(tx, A, 10, ended)
        files.link(tx, repo.id, [A], None, ended)
        files.end_sweep(tx, A)
        assert files.usable(tx, repo.id, [A]) == {A: 10}


def test_files_that_a_link_or_a_large_object_names_are_needed(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B, C)
    with catalog.write() as tx:
        files.link(tx, repo.id, [A], None, 1)
        objects.put(tx, repo.id, [ObjectRow(Oid("1" * 40), "blob", 11, None, B, None)], 1)
        assert sorted(files.needed(tx)) == [(A, 10), (B, 11)]


def test_files_of_a_deleted_repository_stay_until_it_is_erased(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    commit(catalog, repo, A)
    with catalog.write() as tx:
        repositories.unlink(tx, repo, 1)
        assert files.unused(tx, 99) == []
        repositories.erase(tx, repo.id)
        assert files.unused(tx, 99) == [(A, 10)]


# --- chunks -----------------------------------------------------------------

F, G = XetHash("f" * 64), XetHash("e" * 64)


def claim(catalog: Catalog, row: RepoRow, sha256: Sha256, file: XetHash, *, is_named: bool = True) -> None:
    """Add a link of a repository that is based on a claim."""
    with catalog.write() as tx:
        xet_files.put(tx, XetFileRow(file, 10, b""), {}, 1)
        xet_files.claim(tx, row.id, [Claim(sha256, file, 10)], None, 1)
        xet_files.link_claimed(tx, row.id, [sha256], None, 1)
        if is_named:
            files.name_links(tx, row.id, [(sha256, PATH)], MAIN, 1)


def kept(catalog: Catalog, row: RepoRow, sha256: Sha256) -> StoredForm | None:
    with catalog.read() as tx:
        found = files.stored_form(tx, row.id, sha256)
        announced = files.xet_hashes(tx, row.id, [sha256]).get(sha256)
    assert announced == (None if found is None else found.xet_hash)
    return found


def test_a_file_is_kept_raw_then_both_ways_then_as_chunks(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    store(catalog, A)
    assert kept(catalog, repo, A) is None
    commit(catalog, repo, A)
    assert kept(catalog, repo, A) == StoredForm(10, True, None)
    with catalog.write() as tx:
        assert not files.drop_raw(tx, A)
        files.set_chunked(tx, A, F)
        assert files.chunks_of(tx, A) == F
        assert files.chunks_of(tx, B) is None
    assert kept(catalog, repo, A) == StoredForm(10, True, F)
    with catalog.write() as tx:
        assert files.is_raw(tx, A)
        assert files.drop_raw(tx, A)
        assert not files.drop_raw(tx, A)
        assert not files.is_raw(tx, A)
        assert not files.is_raw(tx, B)
    assert kept(catalog, repo, A) == StoredForm(10, False, F)
    assert kept(catalog, add_repo("other"), A) is None


def test_chunks_that_were_announced_stay(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        files.set_chunked(tx, A, F)
        files.set_chunked(tx, A, G)
        files.put_chunked(tx, A, 10, G, 5)
        assert files.chunks_of(tx, A) == F


def test_a_raw_upload_of_a_chunked_file_is_kept_too(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        files.put_chunked(tx, A, 10, F, 5)
        files.link(tx, repo.id, [A], None, 5)
        files.reserve(tx, A, 10, 6)
        assert not files.is_raw(tx, A)
        assert files.confirm(tx, A, 10)
        assert files.is_raw(tx, A)
        assert not files.confirm(tx, B, 10)
    assert kept(catalog, repo, A) == StoredForm(10, True, F)


def test_a_proven_size_replaces_the_announced_one(catalog: Catalog) -> None:
    store(catalog, A, B)
    with catalog.write() as tx:
        files.confirm(tx, A, 99)
        files.put_chunked(tx, B, 77, F, 5)
        assert dict(files.everything(tx)) == {A: 99, B: 77}


def test_a_claim_refers_to_its_own_chunks_even_if_the_sha256_is_stored(catalog: Catalog, repo: RepoRow) -> None:
    claim(catalog, repo, A, F)
    assert kept(catalog, repo, A) == StoredForm(10, False, F)
    store(catalog, A)
    assert kept(catalog, repo, A) == StoredForm(10, False, F)
    with catalog.write() as tx:
        files.set_chunked(tx, A, G)
    assert kept(catalog, repo, A) == StoredForm(10, False, F)


def test_raw_files_wait_for_being_chunked_oldest_first(catalog: Catalog, repo: RepoRow) -> None:
    for number, sha256 in enumerate((C, A, B, D)):
        store(catalog, sha256, now_ms=number + 1)
    commit(catalog, repo, A, B, C)
    with catalog.write() as tx:
        files.link(tx, repo.id, [D], None, 1)
        found = files.raw_of(tx, repo.id, larger_than=9, limit=9)
        assert found == [(C, 10, None), (A, 10, None), (B, 10, None)]
        assert files.raw_of(tx, repo.id, larger_than=9, limit=1, skip=1) == found[1:2]
        assert files.raw_of(tx, repo.id, larger_than=10, limit=9) == []
        files.set_chunked(tx, A, F)
        assert files.raw_of(tx, repo.id, larger_than=9, limit=9)[1] == (A, 10, F)
        files.drop_raw(tx, A)
        objects.put(tx, repo.id, [ObjectRow(Oid("1" * 40), "blob", 10, None, B, None)], 1)
        assert files.raw_of(tx, repo.id, larger_than=9, limit=9) == [(C, 10, None)]


def test_raw_bytes_that_a_git_object_needs_are_not_given_up(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        files.set_chunked(tx, A, F)
        objects.put(tx, repo.id, [ObjectRow(Oid("1" * 40), "blob", 10, None, A, None)], 1)
        assert not files.drop_raw(tx, A)


def test_a_claim_is_proven_when_just_these_chunks_are_known_to_have_the_sha256(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    wrong, right, copy = repo, add_repo("right"), add_repo("copy")
    claim(catalog, wrong, A, F)
    claim(catalog, right, A, G)
    for make_row in (lambda tx: None, lambda tx: files.reserve(tx, A, 10, 1)):
        with catalog.write() as tx:
            make_row(tx)
        assert readable(catalog) == set()
    with catalog.write() as tx:
        files.put_chunked(tx, A, 10, G, 1)
        assert files.proven(tx, wrong.id, [A, B]) == []
        assert files.proven(tx, right.id, [A, B]) == [A]
        repositories.update(tx, right.id, visibility="private")
    assert readable(catalog) == set()
    with catalog.write() as tx:
        repositories.update(tx, right.id, visibility="public")
        files.copy_links(tx, wrong.id, copy.id, None, 1)
        assert files.usable(tx, copy.id, [A]) == {}
        files.copy_links(tx, right.id, copy.id, None, 1)
        assert files.usable(tx, copy.id, [A]) == {A: 10}
    assert readable(catalog) == {A}
    assert kept(catalog, copy, A) == StoredForm(10, False, G)


def test_what_no_commit_names_is_not_proven(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B)
    commit(catalog, repo, A)
    with catalog.write() as tx:
        files.link(tx, repo.id, [B], None, 1)
        assert files.proven(tx, repo.id, [A, B, C]) == [A]


def test_a_lie_is_noted_about_the_chunks_that_were_looked_at(catalog: Catalog, repo: RepoRow) -> None:
    claim(catalog, repo, A, F)
    with catalog.write() as tx:
        files.mark_false_claim(tx, repo.id, A, G)
        assert len(xet_files.unverified(tx, 9)) == 1
        files.mark_false_claim(tx, repo.id, A, F)
        assert xet_files.unverified(tx, 9) == []


def test_a_claim_about_other_chunks_keeps_no_bytes(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    store(catalog, A)
    claim(catalog, repo, A, F)
    with catalog.write() as tx:
        assert list(files.needed(tx)) == []
        assert files.unused(tx, 9) == [(A, 10)]
        files.put_chunked(tx, A, 10, F, 1)
        assert files.unused(tx, 9) == []
        assert list(files.needed(tx)) == [(A, 10)]
        assert files.drop_raw(tx, A)
        assert list(files.needed(tx)) == []
        files.unlink(tx, repo.id, [A])
        assert files.unused(tx, 9) == [(A, 0)]


def test_chunks_are_not_proven_of_a_file_that_is_being_swept(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, now_ms=1)
    late = 20 + SWEEP_LEASE_MS
    with catalog.write() as tx:
        assert files.begin_sweep(tx, A, 9, 20)
        assert not files.begin_sweep(tx, A, 9, 21)
        with pytest.raises(Busy):
            files.put_chunked(tx, A, 10, F, 21)
        files.link(tx, repo.id, [A], None, 21)
        assert files.usable(tx, repo.id, [A]) == {}
        files.put_chunked(tx, A, 10, F, late)
        assert not files.is_raw(tx, A)
        files.end_sweep(tx, A)
        assert files.chunks_of(tx, A) == F


def test_raw_bytes_are_left_over_when_their_file_is_kept_as_chunks(catalog: Catalog) -> None:
    store(catalog, A, B, now_ms=5)
    with catalog.write() as tx:
        files.set_chunked(tx, A, F)
        assert files.chunked_only(tx, [A, B, C], 9) == set()
        files.drop_raw(tx, A)
        assert files.chunked_only(tx, [A, B, C], 5) == set()
        assert files.chunked_only(tx, [A, B, C], 6) == {A}
        files.reserve(tx, A, 10, 7)  # a client uploads it again
        assert files.chunked_only(tx, [A, B, C], 7) == set()


def test_adopted_orphans_count_as_untouched(catalog: Catalog) -> None:
    store(catalog, A, now_ms=5)
    with catalog.write() as tx:
        files.adopt(tx, A, 99)
        files.adopt(tx, B, 33)
        assert dict(files.everything(tx)) == {A: 10, B: 33}
        assert files.unused(tx, 5) == [(B, 33)]
