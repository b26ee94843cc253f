from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.errors import (
    EntryNotFound,
    GatedRepo,
    InvalidCredentials,
    LimitExceeded,
    NotAllowed,
    RepoNotFound,
    RevisionNotFound,
)
from entrepot.git import Mode, Pointer, render_pointer
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.files import flagged_files
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.scanning import scan_jobs
from entrepot.hub.search import archives
from entrepot.hub.search.archives import JUDGED_EVERY_MS, PIECE, ArchiveListing
from entrepot.names import ROOT, RepoPath, RepoRef, Sha256
from tests.support.worlds import World

P = RepoPath


def described(world: World, ref: RepoRef, folder: str = "", by: MaybeCaller = None) -> ArchiveListing:
    return archives.describe(world.hub, by, ref, "main", P(folder))


def whole(world: World, listing: ArchiveListing, by: MaybeCaller = None) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for piece in archives.read(world.hub, lambda: by, listing):
        assert len(piece.data) <= PIECE
        found[piece.file.path] = found.get(piece.file.path, b"") + piece.data
        assert piece.is_last == (len(found[piece.file.path]) == piece.file.size)
    return found


def test_all_files_below_a_folder_are_read_with_the_bytes_of_large_ones(world: World) -> None:
    ref = world.repo(files={".gitattributes": b"x"})
    small = {f"d/{number}": b"%d" % number for number in range(250)}
    world.commit(ref, *(AddFile(P(path), data) for path, data in (small | {"top": b"t", "d/none": b""}).items()))
    large = bytes(range(256)) * (PIECE // 256) + b"more"
    world.add_large(ref, "d/w.bin", large)
    rules = world.read(ref, ".gitattributes")
    everything = {".gitattributes": rules, "top": b"t", "d/none": b"", "d/w.bin": large, **small}
    commit = world.head(ref)
    listing = described(world, ref)
    assert (listing.commit, listing.folder, listing.left_out) == (commit, ROOT, ())
    assert listing.time_s == world.clock.now_ms // 1000
    assert whole(world, listing) == everything
    below = {path: data for path, data in everything.items() if path.startswith("d/")}
    listing = described(world, ref, "d")
    world.add(ref, "d/later", b"1")
    assert whole(world, listing) == below, "what a branch gets later is not part of it"


def test_links_are_their_targets_and_names_that_break_a_rule_are_left_out(world: World) -> None:
    ref = world.repo(files={".gitattributes": b"x"})
    made = {"link": (Mode.SYMLINK, b"../../etc/passwd"), "run.sh": (Mode.EXECUTABLE, b"#!")}
    world.plant(ref, {**made, "x\nx": (Mode.FILE, b"1")})
    listing = described(world, ref)
    assert whole(world, listing) == {".gitattributes": b"x", "link": b"../../etc/passwd", "run.sh": b"#!"}
    assert listing.left_out == (P("x\nx"),)


def test_what_is_hidden_or_absent_is_refused_as_for_single_files(world: World) -> None:
    hidden = world.repo("alice/hidden", visibility="private")
    for by in (None, world.bob):
        for ref in (hidden, RepoRef(hidden.type, hidden.id.__class__("alice", "nowhere"))):
            with pytest.raises(RepoNotFound):
                described(world, ref, by=by)
    gated = world.repo("alice/gated")
    repositories.configure(world.hub, world.alice, gated, RepoChanges(gated="manual"))
    with pytest.raises(GatedRepo):
        described(world, gated)
    with pytest.raises(RevisionNotFound):
        archives.describe(world.hub, world.alice, gated, "nowhere", ROOT)
    for path in ("nowhere", ".gitattributes"):
        with pytest.raises(EntryNotFound):
            described(world, gated, path, by=world.alice)


def test_too_many_files_or_bytes_are_refused_with_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo(files={"a": b"12", "b": b"34"})
    count = len(described(world, ref).files)
    monkeypatch.setattr(archives, "MAX_FILES", count)
    size = sum(file.size for file in described(world, ref).files)
    monkeypatch.setattr(archives, "MAX_FILES", count - 1)
    with pytest.raises(LimitExceeded, match=r"number of files in an archive.*hf download"):
        described(world, ref)
    monkeypatch.setattr(archives, "MAX_FILES", count)
    monkeypatch.setattr(archives, "MAX_BYTES", size)
    described(world, ref)
    monkeypatch.setattr(archives, "MAX_BYTES", size - 1)
    with pytest.raises(LimitExceeded, match=r"number of bytes in an archive.*hf download"):
        described(world, ref)


def test_a_pointer_without_its_file_is_named_before_anything_is_sent(world: World) -> None:
    ref = world.repo()
    pointer = render_pointer(Pointer(Sha256("ab" * 32), 9))
    world.plant(ref, {"w.bin": (Mode.FILE, pointer)})
    with pytest.raises(EntryNotFound, match="not stored in this repository") as refused:
        described(world, ref)
    assert refused.value.path == "w.bin"


def test_a_file_that_a_scanner_has_flagged_is_named_to_readers_and_read_by_writers(
    make_world: Callable[..., World],
) -> None:
    world = make_world(scanning="hide")
    ref = world.repo(files={"a": b"1"})
    world.add(ref, "m.pkl", b"cos\nsystem\n(S'true'\ntR.")
    before = described(world, ref, by=world.bob)
    for _ in scan_jobs.scan_steps(world.hub, world.row_id(ref)):
        pass
    assert flagged_files.hides(world.hub.settings)
    with pytest.raises(NotAllowed, match=r"loading m\.pkl is unsafe"):
        described(world, ref, by=world.bob)
    with pytest.raises(NotAllowed, match="unsafe"):
        whole(world, before, by=world.bob)
    assert "m.pkl" in whole(world, described(world, ref, by=world.alice), by=world.alice)


def test_a_group_of_files_is_read_only_while_the_caller_may(world: World) -> None:
    ref = world.repo()
    world.commit(ref, *(AddFile(P(f"f/{number}"), b"x" * 100) for number in range(201)))
    pieces = archives.read(world.hub, lambda: world.bob, described(world, ref, "f", by=world.bob))
    assert next(pieces).data == b"x" * 100
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    assert len([next(pieces) for _ in range(99)]) == 99
    with pytest.raises(RepoNotFound):
        next(pieces)


@pytest.mark.parametrize("waited_ms", [JUDGED_EVERY_MS - 1, JUDGED_EVERY_MS])
def test_rights_are_judged_again_while_a_large_file_is_read(world: World, waited_ms: int) -> None:
    ref = world.repo()
    world.add_large(ref, "w.bin", bytes(3 * PIECE))
    listing = described(world, ref, by=world.bob)
    pieces = archives.read(world.hub, lambda: world.bob, listing)
    while next(pieces).file.path != "w.bin":
        pass
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    world.clock.advance(waited_ms)
    if waited_ms < JUDGED_EVERY_MS:
        assert len(next(pieces).data) == PIECE
    else:
        with pytest.raises(RepoNotFound):
            next(pieces)
    pieces.close()


def test_a_token_that_is_revoked_meanwhile_ends_the_reading(world: World) -> None:
    ref = world.repo(files={"a": b"1"}, visibility="private")
    created = accounts.create_token(world.hub, "alice", role="read", name="archive")
    identify = lambda: world.hub.identify(created.secret)  # noqa: E731
    listing = described(world, ref, by=identify())
    pieces = archives.read(world.hub, identify, listing)
    accounts.revoke_token(world.hub, "alice", "archive")
    with pytest.raises(InvalidCredentials):
        next(pieces)
