from __future__ import annotations

import os
from typing import Any

import pytest

from entrepot.blobs import file_key, put
from entrepot.catalog.git import objects as rows
from entrepot.git import Kind, Pointer, Tag, encode_tag_object, render_pointer
from entrepot.names import Oid, Sha256
from entrepot.storage import fsck
from entrepot.storage import objects as stored
from entrepot.storage.contents import sha256_of


def check(shelf: Any, *, checks_content: bool = True) -> list[fsck.Finding]:
    with shelf.store.catalog.read() as tx:
        return fsck.check_repo(shelf.store, tx, shelf.row, checks_content=checks_content)


def remove(shelf: Any, *oids: Oid) -> None:
    with shelf.store.catalog.write() as tx:
        rows.remove(tx, shelf.row.id, list(oids), touched_before_ms=2**60)


@pytest.fixture
def head(shelf: Any) -> Oid:
    pointer = render_pointer(Pointer(Sha256("a" * 64), 7))
    tree = shelf.tree({"a": b"1", "d/w": pointer})
    first = shelf.commit(tree)
    oid: Oid = shelf.commit(shelf.tree({"a": b"2"}, root=tree), first)
    shelf.point("refs/heads/main", oid)
    return oid


def test_everything_that_refs_lead_to_is_reached(shelf: Any, head: Oid) -> None:
    tag = stored.of(Kind.TAG, encode_tag_object(Tag(head, Kind.COMMIT, "t", None, "m")))
    shelf.put(tag, stored.of(Kind.BLOB, b"loose"))
    shelf.point("refs/tags/t", tag.oid)
    with shelf.store.catalog.read() as tx:
        reach = fsck.reachable(shelf.store, tx, shelf.row.id, "m", checks_content=True)
        stored_oids = {oid for oid, *_ in rows.everything(tx, shelf.row.id)}
    assert stored_oids - reach.objects == {stored.of(Kind.BLOB, b"loose").oid}
    assert reach.files == {"a" * 64}
    assert reach.findings == []


def test_loose_objects_are_harmless_and_summed_up(shelf: Any, head: Oid) -> None:
    shelf.put(stored.of(Kind.BLOB, b"loose"), stored.of(Kind.BLOB, b"more"))
    [finding] = check(shelf)
    assert (finding.kind, finding.where, finding.what, finding.size) == ("orphaned", "model alice/m", "2 objects", 9)
    assert not finding.is_damage


def test_a_reach_is_extended_by_what_loose_objects_lead_to(shelf: Any, head: Oid) -> None:
    lost = stored.of(Kind.BLOB, b"lost")
    tree = shelf.tree({"x/lost": b"lost", "x/kept": b"kept"})
    loose = shelf.commit(tree)
    remove(shelf, lost.oid)
    with shelf.store.catalog.read() as tx:
        reach = fsck.reachable(shelf.store, tx, shelf.row.id, "m", checks_content=False)
        fsck.extend(shelf.store, tx, shelf.row.id, reach, [loose])
    assert {loose, tree, stored.of(Kind.BLOB, b"kept").oid} <= reach.objects
    assert reach.findings == []


@pytest.mark.parametrize("checks_content", [True, False])
def test_a_missing_object_is_named_with_what_needs_it(shelf: Any, head: Oid, checks_content: bool) -> None:
    lost = stored.of(Kind.BLOB, b"1").oid
    remove(shelf, lost)
    [finding] = check(shelf, checks_content=checks_content)
    assert finding.kind == "missing"
    assert lost in finding.what
    assert "tree" in finding.what


def test_a_submodule_need_not_be_stored(shelf: Any) -> None:
    from entrepot.git import Entry, Mode, encode_tree

    tree = stored.of(Kind.TREE, encode_tree([Entry("sub", Mode.GITLINK, Oid("1" * 40))]))
    shelf.put(tree)
    shelf.point("refs/heads/main", shelf.commit(tree.oid))
    assert check(shelf) == []


def test_bytes_of_a_file_are_missing_short_or_others(shelf: Any) -> None:
    data = b"large bytes"
    sha256 = sha256_of(data)

    def kind(size: int = len(data), *, checks_content: bool = True) -> str | None:
        finding = fsck.check_file(shelf.store, sha256, size, checks_content=checks_content)
        return finding.kind if finding else None

    assert kind() == "missing"
    put(shelf.store.blobs, file_key(sha256), data)
    assert kind() is None
    assert kind(5) == "corrupt"
    path = shelf.store.blobs.path_of(file_key(sha256))
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.write(b"X")
    assert kind(checks_content=False) is None
    assert kind() == "corrupt"


def test_orphaned_bytes_are_found_under_any_key(shelf: Any) -> None:
    from entrepot.catalog.files import files

    known = Sha256("ab" * 32)
    put(shelf.store.blobs, file_key(known), b"known")
    with shelf.store.catalog.write() as tx:
        files.reserve(tx, known, 5, 1)
    keys = [file_key(Sha256(f"{number:064x}")) for number in range(600)] + ["files/x", f"files/{'c' * 64}"]
    for key in keys:
        put(shelf.store.blobs, key, b"s")
    with shelf.store.catalog.read() as tx:
        found = list(fsck.stray_blobs(shelf.store, tx, 9))
    assert sorted(finding.where for finding in found) == sorted(keys)
    assert not any(finding.is_damage for finding in found)


def test_the_digest_in_a_key() -> None:
    assert fsck.digest_of(file_key(Sha256("ab" * 32))) == "ab" * 32
    for key in ("files/x", f"files/{'ab' * 32}", f"xorbs/ab/ab/{'ab' * 32}", f"files/00/00/{'ab' * 32}"):
        assert fsck.digest_of(key) is None


def test_paths_that_no_client_can_use_are_listed_once_and_are_no_damage(shelf: Any) -> None:
    tree = shelf.tree({"ok": b"1", "Icon\r": b"2", "d/caf\udce9": b"3", "a:b": b"4"})
    first = shelf.commit(tree)
    shelf.point("refs/heads/main", shelf.commit(shelf.tree({"ok": b"2"}, root=tree), first))
    shelf.point("refs/heads/other", first)
    found = [finding for finding in check(shelf) if finding.kind == "unreadable"]
    assert not any(finding.is_damage for finding in found)
    told = [finding.what for finding in found if "refs/heads/main" in finding.what]
    assert all(any(spelled in what for what in told) for spelled in ('"Icon\\r"', '"d/caf\\351"', "a:b"))
    assert sum("caf" in finding.what for finding in found) == 1
