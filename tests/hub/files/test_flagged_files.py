from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.catalog.repos import repositories as rows
from entrepot.errors import NotAllowed
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext
from entrepot.hub.files import lfs, reconstructions, xet_tokens
from entrepot.hub.files.lfs import ObjectPlan, RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import contents, histories, repositories
from entrepot.hub.scanning import pickle_scans, scan_jobs
from entrepot.hub.scanning.scanners import ScanFailed
from entrepot.hub.search import searches
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType, Sha256, XetHash
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

HOSTILE = b"cos\nsystem\n(S'true'\ntR."


@pytest.fixture
def hiding(make_world: Callable[..., World]) -> World:
    return make_world(scanning="hide")


@pytest.fixture
def ref(hiding: World) -> RepoRef:
    return hiding.repo("alice/m")


@pytest.fixture
def sender(hiding: World) -> Sender:
    return Sender(hiding)


def scan(world: World, ref: RepoRef) -> None:
    for _ in scan_jobs.scan_steps(world.hub, world.row_id(ref)):
        pass


def test_a_flagged_file_is_read_by_writers_only(hiding: World, ref: RepoRef) -> None:
    hiding.add(ref, "m.pkl", HOSTILE)
    hiding.add(ref, "n.pkl", b"N.")
    # Nobody has judged it yet.
    assert hiding.read(ref, "m.pkl", by=hiding.bob) == HOSTILE
    scan(hiding, ref)
    for reader in (hiding.bob, None, hiding.caller("alice", "read")):
        with pytest.raises(NotAllowed, match="unsafe"):
            contents.locate(hiding.hub, reader, ref, "main", RepoPath("m.pkl"))
        with pytest.raises(NotAllowed, match="unsafe"):
            contents.locate(hiding.hub, reader, ref, "main", RepoPath("m.pkl"), is_raw=True)
    paths = [RepoPath("m.pkl"), RepoPath("n.pkl")]
    few = contents.read_small_files(hiding.hub, hiding.bob, ref, "main", paths, most_each=99, most_bytes=99)
    assert [file.path for file in few.files] == ["n.pkl"]
    assert hiding.read(ref, "n.pkl", by=hiding.bob) == b"N."
    assert hiding.read(ref, "m.pkl", by=hiding.alice) == HOSTILE


def planned(hub: HubContext, world: World, ref: RepoRef, wanted: RequestedObject, by: str) -> ObjectPlan:
    [plan] = lfs.plan_downloads(hub, world.caller(by), ref, [wanted])
    return plan


def fetched(world: World, plan: ObjectPlan) -> bytes:
    assert isinstance(plan.link, SignedUrl)
    content = lfs.fetch(world.hub, plan.wanted.sha256, plan.link.query)
    return content.read_at(0, plan.wanted.size)


def test_a_large_flagged_file_is_served_by_no_interface(hiding: World, ref: RepoRef) -> None:
    data = HOSTILE + bytes(100_000)
    sha256 = hiding.add_large(ref, "m.pkl", data)
    wanted = RequestedObject(sha256, len(data))
    before = planned(hiding.hub, hiding, ref, wanted, "bob")
    assert fetched(hiding, before) == data
    scan(hiding, ref)
    refused = planned(hiding.hub, hiding, ref, wanted, "bob")
    assert refused.link is None
    assert refused.refusal is not None
    assert refused.refusal[0] == 403
    with pytest.raises(NotAllowed):  # a link from before leads nowhere
        fetched(hiding, before)
    assert fetched(hiding, planned(hiding.hub, hiding, ref, wanted, "alice")) == data
    with pytest.raises(NotAllowed):
        hiding.read(ref, "m.pkl", by=hiding.bob)


def reconstruct(world: World, ref: RepoRef, file: XetHash, by: str) -> None:
    token = xet_tokens.issue_read(world.hub, world.caller(by), ref, "main")
    given = xet_tokens.check(world.hub, token.secret, token.store)
    reconstructions.reconstruct(world.hub, given, file, 0, None)


def test_chunks_of_a_flagged_file_are_not_told(hiding: World, ref: RepoRef) -> None:
    sha256 = hiding.add_large(ref, "m.pkl", HOSTILE + bytes(100_000))
    hiding.clock.advance(120_000)
    while hub_work.run_next(hiding.hub, "jobs") is not None:
        pass
    located = contents.locate(hiding.hub, hiding.alice, ref, "main", RepoPath("m.pkl"))
    assert located.lfs is not None
    assert located.lfs.sha256 == Sha256(sha256)
    assert located.xet_hash is not None
    with pytest.raises(NotAllowed):
        reconstruct(hiding, ref, located.xet_hash, "bob")
    reconstruct(hiding, ref, located.xet_hash, "alice")


def test_a_link_to_chunks_ends_when_their_file_is_flagged(hiding: World, ref: RepoRef, sender: Sender) -> None:
    pieces = [HOSTILE + bytes(50_000), bytes(50_000)]
    file, _ = sender.add(ref, "m.pkl", pieces)
    tokens = [sender.give_read(ref, hiding.caller(name)) for name in ("bob", "alice")]
    [[theirs], [own]] = [reconstructions.reconstruct(hiding.hub, token, file, 0, None).parts for token in tokens]
    reconstructions.fetch(hiding.hub, theirs.name, theirs.query).close()
    scan(hiding, ref)
    with pytest.raises(NotAllowed, match="unsafe"):
        reconstructions.fetch(hiding.hub, theirs.name, theirs.query)
    reconstructions.fetch(hiding.hub, own.name, own.query).close()


def test_a_warning_hides_nothing(make_world: Callable[..., World]) -> None:
    world = make_world(scanning="warn")
    ref = world.repo("alice/m")
    world.add(ref, "m.pkl", HOSTILE)
    scan(world, ref)
    assert world.read(ref, "m.pkl", by=world.bob) == HOSTILE


def test_what_is_only_suspicious_is_not_hidden(hiding: World, ref: RepoRef) -> None:
    hiding.add(ref, "m.pkl", b"cmy.module\nload\n(tR.")
    scan(hiding, ref)
    assert hiding.read(ref, "m.pkl", by=hiding.bob)


def test_a_flagged_file_that_no_head_has_stays_hidden(hiding: World, ref: RepoRef) -> None:
    commit = hiding.add(ref, "m.pkl", HOSTILE)
    scan(hiding, ref)
    hiding.add(ref, "m.pkl", b"N.")
    hiding.clock.advance(200 * 86_400_000)
    for _ in scan_jobs.rescan_steps(hiding.hub):
        pass
    with pytest.raises(NotAllowed):
        hiding.read(ref, "m.pkl", str(commit), by=hiding.bob)
    assert hiding.read(ref, "m.pkl", by=hiding.bob) == b"N."


def test_a_file_stays_hidden_when_its_scanner_breaks(
    hiding: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    hiding.add(ref, "m.pkl", HOSTILE)
    scan(hiding, ref)

    def fail(_content: object) -> None:
        raise ScanFailed("it is not there")

    with monkeypatch.context() as patch:
        patch.setattr("entrepot.hub.scanning.contents.PICKLE_VERSION", "next")
        patch.setattr(pickle_scans, "scan_content", fail)
        scan(hiding, ref)
        with pytest.raises(NotAllowed):
            hiding.read(ref, "m.pkl", by=hiding.bob)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_file_of_an_old_revision_stays_hidden_when_another_owner_gets_it(
    hiding: World, ref: RepoRef, *, is_chunked: bool
) -> None:
    accounts.create_org(hiding.hub, "lab", admin="alice")
    hiding.add(ref, "small.pkl", HOSTILE)
    hiding.add_large(ref, "large.pkl", HOSTILE + bytes(100_000))
    old = str(hiding.head(ref))
    if is_chunked:
        hiding.clock.advance(120_000)
        while hub_work.run_next(hiding.hub, "jobs") is not None:
            pass
    scan(hiding, ref)
    hiding.add(ref, "small.pkl", b"N.")
    hiding.add(ref, "large.pkl", b"N.")
    moved = RepoRef(ref.type, RepoId("lab", "m"))
    repositories.move(hiding.hub, hiding.alice, ref, moved)
    for path in ("small.pkl", "large.pkl"):
        with pytest.raises(NotAllowed):
            hiding.read(moved, path, old, by=hiding.bob)


def test_a_difference_shows_no_line_of_a_flagged_file(hiding: World, ref: RepoRef) -> None:
    old = hiding.head(ref)
    hiding.add(ref, "m.pkl", HOSTILE)
    scan(hiding, ref)
    spec = f"{old}..main"
    assert "system" in histories.compare(hiding.hub, hiding.alice, ref, spec)
    for reader in (hiding.bob, None):
        shown = histories.compare(hiding.hub, reader, ref, spec)
        assert "m.pkl" in shown
        assert "system" not in shown


def test_the_text_of_a_hidden_card_is_neither_quoted_nor_searched(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    program = tmp_path / "scanner.py"
    program.write_text("import sys; sys.exit(1 if b'EICAR' in sys.stdin.buffer.read() else 0)")
    world = make_world(scanning="hide", scan_command=(sys.executable, str(program)))
    ref = world.repo("alice/d", kind=RepoType.DATASET)

    def quoted() -> tuple[str | None, bool]:
        world.clock.advance(60_000)
        while hub_work.run_next(world.hub, handlers.new_owner()) is not None:
            pass
        with world.hub.read() as tx:
            row = rows.find(tx, ref)
            assert row is not None
            assert row.card == {"license": "mit"}, "metadata stay"
        found = searches.full_text(world.hub, None, "zanzibar", [RepoType.DATASET], skip=0, limit=9)
        return row.files.summary, bool(found.items)

    card = "---\nlicense: mit\n---\n# A card\n\nAbout Zanzibar{}.\n"
    world.add(ref, "README.md", card.format(" EICAR").encode())
    assert quoted() == (None, False)
    world.add(ref, "README.md", card.format("").encode())
    assert quoted() == ("About Zanzibar.", True)
