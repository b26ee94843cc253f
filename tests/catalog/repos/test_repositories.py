from collections.abc import Callable

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, community_tables, file_tables, tables
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.files import bucket_files, bucket_rights, file_links, files, scan_summaries, uploads, xet_files
from entrepot.catalog.files.bucket_files import BucketFile
from entrepot.catalog.files.bucket_rights import BucketRight
from entrepot.catalog.files.scan_summaries import ScanSummary
from entrepot.catalog.files.uploads import Upload
from entrepot.catalog.files.xet_files import Claim, XetFileRow
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import (
    activity,
    commits,
    conversions,
    download_counts,
    lineage,
    locks,
    push_reservations,
    refs,
    repo_tags,
    repositories,
    staged,
    trusted_publishers,
)
from entrepot.catalog.repos.conversions import ConversionRow
from entrepot.catalog.repos.lineage import EdgeRow
from entrepot.catalog.repos.push_reservations import PushReservation
from entrepot.catalog.repos.repositories import CardFacts, RepoPlace, RepoRow
from entrepot.catalog.repos.staged import StagedRow
from entrepot.catalog.repos.trusted_publishers import PublisherRow
from entrepot.names import MAIN, Oid, RepoId, RepoPath, RepoRef, RepoType, Sha256, XetHash, new_uid

AddRepo = Callable[..., RepoRow]
OID = Oid("a" * 40)


def model(text: str) -> RepoRef:
    namespace, _, name = text.partition("/")
    return RepoRef(RepoType.MODEL, RepoId(namespace, name))


def found(catalog: Catalog, text: str) -> RepoRow | None:
    with catalog.read() as tx:
        return repositories.find(tx, model(text))


def moved_to(catalog: Catalog, text: str) -> str | None:
    with catalog.read() as tx:
        row = repositories.find_redirect(tx, model(text))
    return str(row.ref.id) if row else None


def rename(catalog: Catalog, old: str, new: str, namespace_id: int | None = None) -> None:
    row = found(catalog, old)
    assert row is not None
    with catalog.write() as tx:
        repositories.rename(tx, row, model(new), namespace_id or row.namespace_id)


def test_a_repository_comes_back_as_it_was_added(catalog: Catalog, add_repo: AddRepo) -> None:
    added = add_repo("GPT2", visibility="private", settings={"a": [1]}, card={"license": "mit"}, sdk="static")
    assert found(catalog, "ALICE/gpt2") == added
    assert (str(added.ref), added.is_private) == ("model alice/GPT2", True)
    with catalog.read() as tx:
        assert repositories.by_id(tx, added.id) == added


def test_one_name_may_be_used_once_for_each_type(catalog: Catalog, add_repo: AddRepo) -> None:
    as_model, as_dataset = add_repo("x"), add_repo("x", type=RepoType.DATASET)
    assert found(catalog, "alice/x") == as_model
    with catalog.read() as tx:
        assert repositories.find(tx, as_dataset.ref) == as_dataset
    with pytest.raises(sa.exc.IntegrityError):
        add_repo("X")


def test_one_name_may_be_used_in_two_namespaces(
    catalog: Catalog, add_repo: AddRepo, add_account: Callable[..., Account]
) -> None:
    here, there = add_repo("x"), add_repo("x", owner=add_account("bob"))
    assert found(catalog, "alice/x") == here
    assert found(catalog, "bob/x") == there
    assert found(catalog, "carl/x") is None


def test_a_renamed_repository_is_found_by_its_new_name_and_its_old_one_points_there(
    catalog: Catalog, repo: RepoRow, add_account: Callable[..., Account]
) -> None:
    bob = add_account("Bob")
    rename(catalog, "alice/gpt2", "Bob/GPT-2", bob.id)
    renamed = found(catalog, "bob/gpt-2")
    assert renamed is not None
    assert (renamed.id, str(renamed.ref.id), renamed.namespace_id) == (repo.id, "Bob/GPT-2", bob.id)
    assert found(catalog, "alice/gpt2") is None
    assert moved_to(catalog, "ALICE/gpt2") == "Bob/GPT-2"


def test_every_earlier_name_points_at_the_present_one(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("a")
    rename(catalog, "alice/a", "alice/b")
    rename(catalog, "alice/b", "alice/c")
    assert [moved_to(catalog, f"alice/{name}") for name in "abc"] == ["alice/c", "alice/c", None]


def test_a_new_repository_takes_an_old_name_over(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("a")
    rename(catalog, "alice/a", "alice/b")
    rename(catalog, "alice/b", "alice/c")
    fresh = add_repo("A")
    assert found(catalog, "alice/a") == fresh
    assert [moved_to(catalog, f"alice/{name}") for name in "ab"] == [None, "alice/c"]


def test_a_repository_can_go_back_to_its_old_name(catalog: Catalog, add_repo: AddRepo) -> None:
    added = add_repo("a")
    rename(catalog, "alice/a", "alice/b")
    rename(catalog, "alice/b", "alice/a")
    assert found(catalog, "alice/a") == added
    assert [moved_to(catalog, f"alice/{name}") for name in "ab"] == [None, "alice/a"]


def test_a_repository_renamed_onto_an_old_name_takes_it_over(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("a")
    rename(catalog, "alice/a", "alice/b")
    add_repo("x")
    rename(catalog, "alice/x", "alice/a")
    assert [moved_to(catalog, f"alice/{name}") for name in "abx"] == [None, None, "alice/a"]


def test_a_name_changed_in_case_only_leaves_no_redirect(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("a")
    rename(catalog, "alice/a", "alice/A")
    renamed = found(catalog, "alice/a")
    assert renamed is not None
    assert renamed.name == "A"
    assert moved_to(catalog, "alice/a") is None


def test_a_redirect_is_of_one_type(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("a")
    rename(catalog, "alice/a", "alice/b")
    add_repo("a", type=RepoType.DATASET)
    assert moved_to(catalog, "alice/a") == "alice/b"


def test_a_dropped_redirect_is_not_found(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("a")
    rename(catalog, "alice/a", "alice/b")
    with catalog.write() as tx:
        repositories.drop_redirect(tx, model("Alice/A"))
    assert moved_to(catalog, "alice/a") is None


def test_a_deleted_repository_is_unreachable_and_frees_its_names(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("a")
    rename(catalog, "alice/a", "alice/b")
    deleted = found(catalog, "alice/b")
    assert deleted is not None
    with catalog.write() as tx:
        repositories.set_facts(tx, deleted.id, CardFacts(None, None, None, None, None, ("mit",)))
        repositories.unlink(tx, deleted, 50)
    with catalog.read() as tx:
        assert repositories.by_id(tx, deleted.id) is None
        assert repositories.everything(tx) == []
        assert repositories.owned_by(tx, deleted.namespace_id) == []
        assert repo_tags.public_tags(tx, RepoType.MODEL) == {}
        assert repositories.deleted_before(tx, 50) == []
        assert repositories.deleted_before(tx, 51) == [deleted.id]
    assert moved_to(catalog, "alice/a") is None
    again = add_repo("b")
    assert found(catalog, "alice/b") == again


def test_the_same_name_can_be_deleted_twice(catalog: Catalog, add_repo: AddRepo) -> None:
    for _ in range(2):
        row = add_repo("a")
        with catalog.write() as tx:
            repositories.unlink(tx, row, 1)
    with catalog.read() as tx:
        assert len(repositories.deleted_before(tx, 2)) == 2


def fill(catalog: Catalog, row: RepoRow) -> None:
    """Add a row for a repository to every table that can hold one."""
    sha, upload = Sha256(row.uid.rjust(64, "0")), Upload(new_uid(), row.id, 1, Sha256("d" * 64), 9, 5, 1)
    with catalog.write() as tx:
        refs.swap(tx, row.id, MAIN, None, OID, 1)
        objects.put(tx, row.id, [ObjectRow(OID, "commit", 1, b"x", None, None)], 1)
        commits.put(tx, row.id, OID, [Oid("b" * 40)], 2)
        commits.put_changes(tx, row.id, OID, [RepoPath("a")])
        files.reserve(tx, sha, 1, 1)
        file_links.link(tx, row.id, [sha], None, 1)
        uploads.add(tx, upload)
        uploads.put_part(tx, upload.uid, 1, "etag", 5)
        repositories.set_facts(tx, row.id, CardFacts(None, None, None, None, None, ("mit",)))
        download_counts.add(tx, 1, {row.id: 1})
        activity.add(tx, row, 1, 1)
        made = XetFileRow.of(XetHash(sha), 1, b"")
        xet_files.put(tx, made, {}, 1)
        xet_files.claim(tx, row.id, [Claim(sha, made.id, made.hash, 1)], 1, 1)
        item = BucketFile(RepoPath("a"), made.hash, made.id, 1, 1, 1)
        bucket_files.put(tx, row.id, [item])
        bucket_rights.grant(tx, row.id, [BucketRight(made.hash, made.id)], 1)
        locks.add(tx, row.id, RepoPath("a"), None, 1, 1)
        push_reservations.put(tx, row.id, 1, PushReservation(1, 1, 1))
        lineage.put(tx, [EdgeRow(row.id, OID, "trained_on", RepoType.DATASET, "a/d", "", "", lineage.API, 1)])
        conversions.put(tx, ConversionRow(row.id, OID, "f" * 64, None, [], 1))
        scan_summaries.put(tx, ScanSummary(row.id, "safe", {}, [], 1))
        trusted_publishers.add(tx, PublisherRow(new_uid(), row.id, row.creator_id or 1, "ci", "i", {}, "write", 1))
        change = StagedRow(0, RepoPath("a"), staged.DELETE, None, None, 0, 0, None)
        staged.put(tx, staged.Area(row.id, MAIN, 1), [change], 1)
        repositories.rename(tx, row, model(f"alice/{row.name}-new"), row.namespace_id)


def traces(catalog: Catalog, repo_id: int) -> set[str]:
    """Return the names of the tables that contain rows of the repository."""
    seen = set()
    with catalog.read() as tx:
        for table in tables.metadata.sorted_tables:
            if "repo_id" in table.c and tx.sql.execute(sa.select(table).where(table.c.repo_id == repo_id)).first():
                seen.add(table.name)
        parts = (
            sa.select(file_tables.upload_parts)
            .join(file_tables.uploads)
            .where(file_tables.uploads.c.repo_id == repo_id)
        )
        if tx.sql.execute(parts).first():
            seen.add("upload_parts")
        if tx.sql.execute(sa.select(tables.repos.c.id).where(tables.repos.c.id == repo_id)).first():
            seen.add("repos")
    return seen


def test_erasing_leaves_no_row_of_the_repository_and_every_row_of_others(catalog: Catalog, add_repo: AddRepo) -> None:
    erased, kept = add_repo("a"), add_repo("b")
    fill(catalog, erased)
    fill(catalog, kept)
    around = {
        table.name for table in vars(community_tables).values() if isinstance(table, sa.Table)
    }  # see test_cascades
    everywhere = {table.name for table in tables.metadata.tables.values() if "repo_id" in table.c} - around
    assert traces(catalog, erased.id) == everywhere | {"repos", "upload_parts"}
    with catalog.write() as tx:
        repositories.erase(tx, erased.id)
    assert traces(catalog, erased.id) == set()
    assert traces(catalog, kept.id) == everywhere | {"repos", "upload_parts"}
    with catalog.read() as tx:
        assert len(tx.sql.execute(sa.select(file_tables.upload_parts)).all()) == 1


def test_repositories_are_walked_in_pages_by_row_id(catalog: Catalog, add_repo: AddRepo) -> None:
    added = [add_repo(name) for name in "cab"]
    with catalog.read() as tx:
        first = repositories.everything(tx, limit=2)
        rest = repositories.everything(tx, after=first[-1].id, limit=2)
    assert first + rest == added


def test_repositories_of_an_account_are_paged_with_those_of_its_folders_and_counted_without_deleted_ones(
    catalog: Catalog, alice: Account, add_repo: AddRepo, add_account: Callable[..., Account]
) -> None:
    add_repo("other", owner=add_account("bob"))
    first, gone, second = add_repo("c"), add_repo("b"), add_repo("a")
    inside = add_account("alice.x")
    third = add_repo("z", owner=inside)
    with catalog.write() as tx:
        repositories.unlink(tx, gone, 1)
        tx.sql.execute(
            sa.update(tables.namespaces).where(tables.namespaces.c.id == inside.id).values(parent_id=alice.id)
        )
    with catalog.read() as tx:
        page = repositories.page_owned_by(tx, alice.id, after=0, limit=2)
        assert [row.id for row in page] == [first.id, second.id]
        rest = repositories.page_owned_by(tx, alice.id, after=second.id, limit=2)
        assert [row.id for row in rest] == [third.id]
        assert repositories.count(tx) == 4


def test_an_owner_sees_the_newest_change_first(
    catalog: Catalog, alice: Account, add_repo: AddRepo, add_account: Callable[..., Account]
) -> None:
    for name, updated_ms in [("old", 1), ("new", 9), ("tie", 9)]:
        add_repo(name, updated_ms=updated_ms)
    add_repo("other", owner=add_account("bob"))
    with catalog.read() as tx:
        assert [row.name for row in repositories.owned_by(tx, alice.id)] == ["tie", "new", "old"]


def test_columns_of_one_repository_are_set(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    with catalog.write() as tx:
        repositories.update(tx, repo.id, visibility="private", settings={"lfs": True})
        changed = repositories.by_id(tx, repo.id)
        assert changed is not None
        assert (changed.is_private, changed.settings) == (True, {"lfs": True})
        assert repositories.by_id(tx, other.id) == other


def test_facts_of_a_card_replace_the_earlier_ones(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    with catalog.write() as tx:
        repositories.set_facts(tx, other.id, CardFacts(None, None, None, None, None, ("mit",)))
        repositories.set_facts(
            tx, repo.id, CardFacts({"a": 1}, {"b": 2}, "text", "torch", "sdk", ("zulu", "alpha", "mit"))
        )
        assert repo_tags.tags_of(tx, [repo.id, other.id, 999]) == {
            repo.id: ["zulu", "alpha", "mit"],
            other.id: ["mit"],
        }
        repositories.set_facts(tx, repo.id, CardFacts(None, None, "image", None, None, ("beta",)))
        changed = repositories.by_id(tx, repo.id)
        assert changed is not None
        assert (changed.card, changed.config, changed.pipeline_tag, changed.library) == (None, None, "image", None)
        assert repo_tags.tags_of(tx, [repo.id, other.id]) == {repo.id: ["beta"], other.id: ["mit"]}


def test_repositories_are_found_by_their_permanent_ids(catalog: Catalog, add_repo: AddRepo) -> None:
    one, two, gone = add_repo("one"), add_repo("two"), add_repo("gone")
    with catalog.write() as tx:
        repositories.unlink(tx, gone, 5)
        assert {row.name for row in repositories.by_uids(tx, [one.uid, two.uid, gone.uid, new_uid()])} == {"one", "two"}
        place = RepoPlace(two.id, two.uid, two.type, two.namespace_id, None)
        assert repositories.places_by_uid(tx, [two.uid, gone.uid]) == [place]
        assert repositories.places_by_uid(tx, []) == []
