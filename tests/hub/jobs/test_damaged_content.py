from __future__ import annotations

import pytest

from entrepot.blobs import file_key, put
from entrepot.catalog.files import file_checks, xorbs
from entrepot.hub.jobs import damaged_content
from entrepot.names import Sha256, XetHash
from entrepot.storage.fsck import Finding
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

KEY = file_key(Sha256("a" * 64))
XORB = f"xorbs/bb/bb/{'b' * 64}.{'0' * 16}"
LOST = Finding("missing", KEY, "the 5 bytes of this file", 5)


def test_damage_names_every_kind_of_user(world: World, sender: Sender) -> None:
    repo, twin = world.repo(), world.repo("alice/twin")
    content = b"shared" * 50_000
    for one in (repo, twin):
        world.add_large(one, "raw.bin", content)
    world.add(repo, "object.bin", bytes(range(256)) * 2_000)
    sender.add(repo, "chunked.bin", sender.chunks("users"))
    found = {
        use
        for stat in world.hub.store.blobs.list("")
        for use in damaged_content.with_uses(world.hub, Finding("missing", stat.key, "lost")).used_by
    }
    assert found >= {
        "model alice/m: raw.bin on refs/heads/main",
        "model alice/twin: raw.bin on refs/heads/main",
        "model alice/m: chunked.bin on refs/heads/main",
    }
    assert any(use.startswith("model alice/m: the git object ") for use in found)


@pytest.mark.parametrize("where", ["model alice/m", "mirror 1", "files/strange", "xet file " + "0" * 64])
def test_what_no_one_uses_has_no_users(world: World, where: str) -> None:
    assert damaged_content.with_uses(world.hub, Finding("corrupt", where, "bad")).used_by == ()


def test_harmless_findings_are_not_looked_up(world: World) -> None:
    found = Finding("orphaned", KEY, "spare")
    assert damaged_content.with_uses(world.hub, found) is found


def test_marked_content_is_replaced_by_uploads(world: World, sender: Sender) -> None:
    repo, content = world.repo(), b"raw" * 50_000
    world.add_large(repo, "raw.bin", content)
    sender.add(repo, "chunked.bin", sender.chunks("marks"))
    blobs = world.hub.store.blobs
    for stat in list(blobs.list("")):
        blobs.delete(stat.key)
        put(blobs, stat.key, b"?" * stat.size)
        damaged_content.mark(world.hub, stat.key)
        with world.hub.read() as tx:
            name = stat.key.rpartition("/")[2].partition(".")[0]
            xorb = xorbs.find(tx, XetHash(name))
            state = xorb is not None and xorb.is_damaged, bool(file_checks.damaged(tx, [Sha256(name)]))
        assert state == (stat.key.startswith("xorbs/"), stat.key.startswith("files/"))


def test_the_reason_of_a_copy_replaces_that_it_is_missing(world: World) -> None:
    other = Finding("missing", "model alice/m", "the object 1")
    assert damaged_content.explain(world.hub, [LOST, other], {KEY: "its bytes have another sha256"}) == [
        Finding("corrupt", KEY, "its bytes have another sha256", 5),
        other,
    ]


def test_consequences_of_a_known_loss_are_recognised() -> None:
    known = [LOST, Finding("missing", XORB, "lost"), Finding("missing", "model alice/m", "the object 1")]
    for finding in (
        Finding("corrupt", "model alice/m", "the object 2: its bytes are missing", due_to="a" * 64),
        Finding("corrupt", "xet file 3", "a stored xorb is damaged", due_to="b" * 64),
        Finding("missing", "model alice/m", "the object 1"),
        Finding("corrupt", KEY, "its bytes have another sha256"),
        Finding("missing", f"{XORB[:-1]}1", "in another serialisation"),
    ):
        assert damaged_content.is_due_to(finding, known)
    for finding in (
        Finding("missing", "model alice/m", "the object 2"),
        Finding("missing", KEY.replace("a", "c"), ""),
        Finding("corrupt", f"model alice/{'a' * 64}", f"the object 3, named by refs/heads/{'a' * 64}"),
    ):
        assert not damaged_content.is_due_to(finding, known)


def test_an_explanation_marks_what_is_damaged(world: World) -> None:
    world.add_large(world.repo(), "raw.bin", b"raw" * 50_000)
    key = next(stat.key for stat in world.hub.store.blobs.list("files/"))
    size = len(b"raw" * 50_000)
    world.hub.store.blobs.delete(key)
    put(world.hub.store.blobs, key, b"?" * size)
    lost = Finding("missing", key, "the file", size)
    [explained] = damaged_content.explain(world.hub, [lost], {key: "it was damaged already"})
    assert (explained.kind, explained.what) == ("corrupt", "it was damaged already")
    assert damaged_content.explain(world.hub, [lost], {}) == [lost]
    with world.hub.read() as tx:
        assert file_checks.damaged(tx, [Sha256(key.rpartition("/")[2])])
