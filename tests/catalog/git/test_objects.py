from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.files import file_links, files
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import DeletedPointer, ObjectRow, ObjectSize
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, Oid, RepoPath, Sha256

AddRepo = Callable[..., RepoRow]
SHA = Sha256("5" * 64)
ALL = 10**9


def oid(number: int) -> Oid:
    return Oid(f"{number:040x}")


def file(number: int) -> ObjectRow:
    return ObjectRow(oid(number), "blob", number, b"x", None, None)


def touched(catalog: Catalog, repo: RepoRow) -> dict[Oid, int]:
    with catalog.read() as tx:
        return {row_oid: touched_ms for row_oid, _, _, touched_ms in objects.everything(tx, repo.id)}


def test_objects_come_back_as_they_were_stored(catalog: Catalog, repo: RepoRow) -> None:
    rows = [
        ObjectRow(oid(1), "tree", 0, b"", None, None),
        ObjectRow(oid(2), "blob", 10**12, None, SHA, None),
        ObjectRow(oid(3), "blob", 130, b"\x00pointer", SHA, 2**40),
    ]
    with catalog.write() as tx:
        objects.put(tx, repo.id, rows, 1)
    with catalog.read() as tx:
        assert [objects.find(tx, repo.id, row.oid) for row in rows] == rows
        assert objects.find(tx, repo.id, oid(4)) is None
        assert sorted(objects.find_many(tx, repo.id, [oid(9), oid(3), oid(1)]), key=lambda row: row.oid) == [
            rows[0],
            rows[2],
        ]


def test_more_objects_than_fit_in_one_statement_are_found(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        objects.put(tx, repo.id, (file(number) for number in range(1201)), 1)
    wanted = [oid(number) for number in range(1300)]
    with catalog.write() as tx:
        assert len(list(objects.find_many(tx, repo.id, wanted))) == 1201
        assert len(objects.measure(tx, repo.id, wanted)) == 1201
        assert objects.remove(tx, repo.id, wanted, touched_before_ms=ALL) == 1201
    assert touched(catalog, repo) == {}


def test_only_a_pointer_tells_what_it_points_at(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        objects.put(tx, repo.id, [ObjectRow(oid(1), "blob", 9, None, SHA, None)], 1)
        objects.put(tx, repo.id, [ObjectRow(oid(2), "blob", 130, b"p", SHA, 77)], 1)
        assert objects.measure(tx, repo.id, [oid(1), oid(2), oid(3)]) == {
            oid(1): ObjectSize(9, None, None),
            oid(2): ObjectSize(130, SHA, 77),
        }


def test_an_object_belongs_to_its_repository(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    with catalog.write() as tx:
        objects.put(tx, repo.id, [file(1)], 1)
        assert objects.find(tx, other.id, oid(1)) is None
        assert list(objects.find_many(tx, other.id, [oid(1)])) == []
        assert objects.measure(tx, other.id, [oid(1)]) == {}
        assert objects.remove(tx, other.id, [oid(1)], touched_before_ms=ALL) == 0
    assert touched(catalog, repo) == {oid(1): 1}


def test_storing_again_changes_nothing_but_the_time(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        objects.put(tx, repo.id, [file(1), file(2)], 5)
        objects.put(tx, repo.id, [ObjectRow(oid(1), "tree", 99, b"other", None, None), file(3)], 9)
        assert objects.find(tx, repo.id, oid(1)) == file(1)
    assert touched(catalog, repo) == {oid(1): 9, oid(2): 5, oid(3): 9}


def test_storing_nothing_is_allowed(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        objects.put(tx, repo.id, [], 1)
    assert touched(catalog, repo) == {}


def test_a_prefix_finds_up_to_two_commits_and_nothing_else(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    ids = [Oid(start + "0" * (40 - len(start))) for start in ("abc1", "abc2", "abc3", "abd")]
    with catalog.write() as tx:
        objects.put(tx, repo.id, [ObjectRow(one, "commit", 1, b"", None, None) for one in ids], 1)
        objects.put(tx, repo.id, [ObjectRow(Oid("abd1" + "f" * 36), "tree", 1, b"", None, None)], 1)
        objects.put(tx, other.id, [ObjectRow(Oid("abd2" + "f" * 36), "commit", 1, b"", None, None)], 1)
    with catalog.read() as tx:
        assert objects.with_prefix(tx, repo.id, "abd") == [ids[3]]
        assert objects.with_prefix(tx, repo.id, "abc2") == [ids[1]]
        assert len(objects.with_prefix(tx, repo.id, "abc")) == 2
        assert objects.with_prefix(tx, repo.id, ids[0]) == [ids[0]]
        assert objects.with_prefix(tx, repo.id, "abe") == []


def test_a_prefix_takes_the_first_and_the_last_id_in(catalog: Catalog, repo: RepoRow) -> None:
    ends = [Oid("ab" + "0" * 38), Oid("ab" + "f" * 38)]
    with catalog.write() as tx:
        objects.put(tx, repo.id, [ObjectRow(one, "commit", 1, b"", None, None) for one in ends], 1)
        assert sorted(objects.with_prefix(tx, repo.id, "ab")) == ends


def test_copies_are_whole_and_counted(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    target = add_repo("target")
    rows = [file(1), ObjectRow(oid(2), "blob", 9, None, SHA, None), ObjectRow(oid(3), "blob", 130, b"p", SHA, 77)]
    with catalog.write() as tx:
        objects.put(tx, repo.id, rows, 1)
        assert objects.copy(tx, repo.id, target.id, [oid(1), oid(2), oid(3), oid(4)], 7) == 3
        assert [objects.find(tx, target.id, row.oid) for row in rows] == rows
    assert touched(catalog, target) == {oid(1): 7, oid(2): 7, oid(3): 7}
    assert touched(catalog, repo) == {oid(1): 1, oid(2): 1, oid(3): 1}


def test_copying_touches_what_the_target_has_and_counts_what_the_source_has(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    target = add_repo("target")
    with catalog.write() as tx:
        objects.put(tx, repo.id, [file(1), file(2)], 1)
        objects.put(tx, target.id, [file(2), file(3)], 1)
        assert objects.copy(tx, repo.id, target.id, [oid(1), oid(2), oid(3)], 7) == 2
    assert touched(catalog, target) == {oid(1): 7, oid(2): 7, oid(3): 1}


def test_many_objects_are_copied(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    target = add_repo("target")
    with catalog.write() as tx:
        objects.put(tx, repo.id, (file(number) for number in range(1201)), 1)
        assert objects.copy(tx, repo.id, target.id, [oid(number) for number in range(1201)], 2) == 1201
    assert len(touched(catalog, target)) == 1201


def test_a_whole_repository_is_copied(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    target, other = add_repo("target"), add_repo("other")
    rows = [file(1), ObjectRow(oid(2), "blob", 9, None, SHA, None), ObjectRow(oid(3), "blob", 130, b"p", SHA, 77)]
    with catalog.write() as tx:
        objects.put(tx, repo.id, rows, 1)
        objects.put(tx, other.id, [file(4)], 1)
        objects.copy_all(tx, repo.id, target.id, 7)
        assert [objects.find(tx, target.id, row.oid) for row in rows] == rows
    assert touched(catalog, target) == {oid(1): 7, oid(2): 7, oid(3): 7}
    assert touched(catalog, repo) == {oid(1): 1, oid(2): 1, oid(3): 1}


def test_touching_restarts_the_grace_of_the_named_objects_here(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    other = add_repo("other")
    with catalog.write() as tx:
        objects.put(tx, repo.id, [file(1), file(2)], 1)
        objects.put(tx, other.id, [file(1)], 1)
        objects.touch(tx, repo.id, [oid(1), oid(9)], 5)
    assert touched(catalog, repo) == {oid(1): 5, oid(2): 1}
    assert touched(catalog, other) == {oid(1): 1}


def test_pointers_are_found_by_what_they_point_at(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    elsewhere, other = Sha256("6" * 64), add_repo("other")
    pointers = [ObjectRow(oid(number), "blob", 130, b"p", SHA, 77) for number in (1, 2)]
    with catalog.write() as tx:
        objects.put(tx, repo.id, [*pointers, ObjectRow(oid(3), "blob", 9, None, SHA, None), file(4)], 1)
        objects.put(tx, repo.id, [ObjectRow(oid(5), "blob", 130, b"p", elsewhere, 77)], 1)
        assert objects.pointing_at(tx, repo.id, [SHA]) == {oid(1), oid(2)}
        assert objects.pointing_at(tx, repo.id, [SHA, elsewhere]) == {oid(1), oid(2), oid(5)}
        assert objects.pointing_at(tx, other.id, [SHA]) == set()


def test_everything_tells_kind_and_size(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        objects.put(tx, repo.id, [file(5), ObjectRow(oid(6), "commit", 200, b"", None, None)], 3)
        assert sorted(objects.everything(tx, repo.id)) == [(oid(5), "blob", 5, 3), (oid(6), "commit", 200, 3)]


def test_an_object_touched_meanwhile_is_not_removed(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        objects.put(tx, repo.id, [file(1), file(2), file(3)], 5)
        objects.put(tx, repo.id, [file(2)], 10)
        assert objects.remove(tx, repo.id, [oid(1), oid(2)], touched_before_ms=10) == 1
    assert touched(catalog, repo) == {oid(2): 10, oid(3): 5}


def test_pointers_to_files_that_no_commit_names_are_found(catalog: Catalog, repo: RepoRow) -> None:
    pointers = {Oid(digit * 40): Sha256(digit * 64) for digit in "abc"}
    with catalog.write() as tx:
        rows = [ObjectRow(oid, "blob", 1, b"x", sha256, 9) for oid, sha256 in pointers.items()]
        objects.put(tx, repo.id, [*rows, ObjectRow(Oid("d" * 40), "blob", 1, b"x", None, None)], 1)
        for digit in "bc":
            files.reserve(tx, Sha256(digit * 64), 9, 1)
            file_links.link(tx, repo.id, [Sha256(digit * 64)], None, 1)
        file_links.name_links(tx, repo.id, [(Sha256("c" * 64), RepoPath("c"))], MAIN, 1)
        assert objects.pointers_to_deleted_files(tx, repo.id, [*pointers, Oid("d" * 40), Oid("e" * 40)]) == {
            Oid("a" * 40): DeletedPointer(Sha256("a" * 64), 9, is_back=False),
            Oid("b" * 40): DeletedPointer(Sha256("b" * 64), 9, is_back=True),
        }
        assert objects.pointers_to_deleted_files(tx, repo.id, []) == {}


def test_annotated_tags_are_picked_from_other_objects(catalog: Catalog, repo: RepoRow) -> None:
    tag = ObjectRow(Oid("a" * 40), "tag", 1, b"x", None, None)
    with catalog.write() as tx:
        objects.put(tx, repo.id, [tag, ObjectRow(Oid("b" * 40), "commit", 1, b"x", None, None)], 1)
        assert objects.tags(tx, repo.id, [Oid("a" * 40), Oid("b" * 40), Oid("c" * 40)]) == {tag.oid: tag}
