from __future__ import annotations

import os

import pytest

from entrepot.blobs import file_key, put
from entrepot.catalog.git import objects as rows
from entrepot.git import Kind, Pointer, Tag, encode_tag_object, render_pointer
from entrepot.names import Oid, Sha256
from entrepot.storage import fsck
from entrepot.storage import objects as stored
from entrepot.storage.contents import sha256_of
from tests.support.stored_repo import StoredRepo


def check(stored_repo: StoredRepo, *, checks_content: bool = True) -> list[fsck.Finding]:
    with stored_repo.store.catalog.read() as tx:
        return fsck.check_repo(stored_repo.store, tx, stored_repo.row, checks_content=checks_content)


def remove(stored_repo: StoredRepo, *oids: Oid) -> None:
    with stored_repo.store.catalog.write() as tx:
        rows.remove(tx, stored_repo.row.id, list(oids), touched_before_ms=2**60)


@pytest.fixture
def head(stored_repo: StoredRepo) -> Oid:
    pointer = render_pointer(Pointer(Sha256("a" * 64), 7))
    tree = stored_repo.tree({"a": b"1", "d/w": pointer})
    first = stored_repo.commit(tree)
    oid: Oid = stored_repo.commit(stored_repo.tree({"a": b"2"}, root=tree), first)
    stored_repo.point("refs/heads/main", oid)
    return oid


def test_everything_that_refs_lead_to_is_reached(stored_repo: StoredRepo, head: Oid) -> None:
    tag = stored.of(Kind.TAG, encode_tag_object(Tag(head, Kind.COMMIT, "t", None, "m")))
    stored_repo.put(tag, stored.of(Kind.BLOB, b"loose"))
    stored_repo.point("refs/tags/t", tag.oid)
    with stored_repo.store.catalog.read() as tx:
        reach = fsck.reachable(stored_repo.store, tx, stored_repo.row.id, "m", checks_content=True)
        stored_oids = {oid for oid, *_ in rows.everything(tx, stored_repo.row.id)}
    assert stored_oids - reach.objects == {stored.of(Kind.BLOB, b"loose").oid}
    assert reach.files == {"a" * 64}
    assert reach.findings == []


def test_loose_objects_are_harmless_and_summed_up(stored_repo: StoredRepo, head: Oid) -> None:
    stored_repo.put(stored.of(Kind.BLOB, b"loose"), stored.of(Kind.BLOB, b"more"))
    [finding] = check(stored_repo)
    assert (finding.kind, finding.where, finding.what, finding.size) == ("orphaned", "model alice/m", "2 objects", 9)
    assert not finding.is_damage


def test_a_reachable_set_is_extended_by_objects_below_loose_ones(stored_repo: StoredRepo, head: Oid) -> None:
    lost = stored.of(Kind.BLOB, b"lost")
    tree = stored_repo.tree({"x/lost": b"lost", "x/kept": b"kept"})
    loose = stored_repo.commit(tree)
    remove(stored_repo, lost.oid)
    with stored_repo.store.catalog.read() as tx:
        reach = fsck.reachable(stored_repo.store, tx, stored_repo.row.id, "m", checks_content=False)
        fsck.extend(stored_repo.store, tx, stored_repo.row.id, reach, [loose])
    assert {loose, tree, stored.of(Kind.BLOB, b"kept").oid} <= reach.objects
    assert reach.findings == []


@pytest.mark.parametrize("checks_content", [True, False])
def test_a_missing_object_is_named_with_what_needs_it(stored_repo: StoredRepo, head: Oid, checks_content: bool) -> None:
    lost = stored.of(Kind.BLOB, b"1").oid
    remove(stored_repo, lost)
    [finding] = check(stored_repo, checks_content=checks_content)
    assert finding.kind == "missing"
    assert lost in finding.what
    assert "tree" in finding.what


def test_a_submodule_need_not_be_stored(stored_repo: StoredRepo) -> None:
    from entrepot.git import Entry, Mode, encode_tree

    tree = stored.of(Kind.TREE, encode_tree([Entry("sub", Mode.GITLINK, Oid("1" * 40))]))
    stored_repo.put(tree)
    stored_repo.point("refs/heads/main", stored_repo.commit(tree.oid))
    assert check(stored_repo) == []


def test_bytes_of_a_file_are_missing_short_or_others(stored_repo: StoredRepo) -> None:
    data = b"large bytes"
    sha256 = sha256_of(data)

    def kind(size: int = len(data), *, checks_content: bool = True) -> str | None:
        finding = fsck.check_file(stored_repo.store, sha256, size, checks_content=checks_content)
        return finding.kind if finding else None

    assert kind() == "missing"
    put(stored_repo.store.blobs, file_key(sha256), data)
    assert kind() is None
    assert kind(5) == "corrupt"
    path = stored_repo.blob_path(file_key(sha256))
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.write(b"X")
    assert kind(checks_content=False) is None
    assert kind() == "corrupt"


def test_orphaned_bytes_are_found_under_any_key(stored_repo: StoredRepo) -> None:
    from entrepot.catalog.files import files

    known = Sha256("ab" * 32)
    put(stored_repo.store.blobs, file_key(known), b"known")
    with stored_repo.store.catalog.write() as tx:
        files.reserve(tx, known, 5, 1)
    keys = [file_key(Sha256(f"{number:064x}")) for number in range(600)] + ["files/x", f"files/{'c' * 64}"]
    for key in keys:
        put(stored_repo.store.blobs, key, b"s")
    with stored_repo.store.catalog.read() as tx:
        found = list(fsck.orphaned_blobs(stored_repo.store, tx, 9))
    assert sorted(finding.where for finding in found) == sorted(keys)
    assert not any(finding.is_damage for finding in found)


def test_the_digest_in_a_key() -> None:
    assert fsck.digest_of(file_key(Sha256("ab" * 32))) == "ab" * 32
    for key in ("files/x", f"files/{'ab' * 32}", f"xorbs/ab/ab/{'ab' * 32}", f"files/00/00/{'ab' * 32}"):
        assert fsck.digest_of(key) is None


def test_paths_that_no_client_can_use_are_listed_once_and_are_no_damage(stored_repo: StoredRepo) -> None:
    tree = stored_repo.tree({"ok": b"1", "Icon\r": b"2", "d/caf\udce9": b"3", "a:b": b"4"})
    first = stored_repo.commit(tree)
    stored_repo.point("refs/heads/main", stored_repo.commit(stored_repo.tree({"ok": b"2"}, root=tree), first))
    stored_repo.point("refs/heads/other", first)
    found = [finding for finding in check(stored_repo) if finding.kind == "unreadable"]
    assert not any(finding.is_damage for finding in found)
    told = [finding.what for finding in found if "refs/heads/main" in finding.what]
    assert all(any(spelled in what for what in told) for spelled in ('"Icon\\r"', '"d/caf\\351"', "a:b"))
    assert sum("caf" in finding.what for finding in found) == 1
