"""Plans of publications."""

from __future__ import annotations

import hashlib

import pytest

from entrepot.errors import ChunkMissing, ContentDamaged
from entrepot.names import RepoPath, Sha256
from entrepot.workspace.manifests import Manifest, ManifestEntry
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.outbox import pack_name
from entrepot.workspace.stores.push_plans import check_terms, contents_of, find_unpacked, plan_version
from tests.support.chunk_stores import Desk, noise

FILES = {"a": noise(300_000, 1), "b": noise(9000, 2), "same": noise(9000, 2)}


def test_contents_are_counted_once(desk: Desk) -> None:
    contents = contents_of(desk.draft(FILES).manifest)
    assert sorted(contents.values()) == [9000, 300_000]
    assert contents_of(Manifest({RepoPath("x"): ManifestEntry(cid="z", size=5)})) == {}


def test_everything_is_sent_to_an_empty_store(desk: Desk) -> None:
    desk.pack(FILES)
    local = desk.outbox.knowledge()
    plan = plan_version(contents_of(desk.draft(FILES).manifest), Knowledge(), desk.outbox, local)
    assert (len(plan.sent), len(plan.files), len(plan.packs), plan.relied, plan.kept) == (1, 2, 1, (), ())
    assert plan.bytes_known == 0
    check_terms(plan)


def test_nothing_is_sent_when_everything_is_known(desk: Desk) -> None:
    desk.pack(FILES)
    known = desk.outbox.knowledge()
    plan = plan_version(contents_of(desk.draft(FILES).manifest), known, desk.outbox, Knowledge())
    assert (plan.sent, plan.files, plan.packs, len(plan.relied)) == ((), (), (), 1)
    assert plan.kept == tuple(known.indexes)
    assert plan.bytes_known == 309_000


def test_contents_that_nobody_has_are_found(desk: Desk) -> None:
    desk.pack({"a": FILES["a"]})
    contents = contents_of(desk.draft(FILES).manifest)
    local = desk.outbox.knowledge()
    missing = Sha256(hashlib.sha256(FILES["b"]).hexdigest())
    assert find_unpacked(contents, Knowledge(), desk.outbox, local) == [missing]
    with pytest.raises(ChunkMissing, match=missing):
        plan_version(contents, Knowledge(), desk.outbox, local)


def test_a_content_whose_pack_is_gone_is_unpacked(desk: Desk) -> None:
    desk.pack(FILES)
    local = desk.outbox.knowledge()
    [pack] = [pack for pack, _ in local.packs.values()]
    (desk.folder / "outbox/packs" / pack_name(pack)).unlink()
    assert len(find_unpacked(contents_of(desk.draft(FILES).manifest), Knowledge(), desk.outbox, local)) == 2


def test_a_wrong_size_is_refused(desk: Desk) -> None:
    desk.pack(FILES)
    contents = {Sha256(hashlib.sha256(FILES["b"]).hexdigest()): 9001}
    with pytest.raises(ContentDamaged):
        plan_version(contents, Knowledge(), desk.outbox, desk.outbox.knowledge())
