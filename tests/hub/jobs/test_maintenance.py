from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.blobs import file_key, put
from entrepot.catalog import tables
from entrepot.catalog.files import file_links, files
from entrepot.errors import Busy, DataFolderError, EntrepotError, LargeFileMissing, RevisionNotFound, StoreUnavailable
from entrepot.hub.files import lfs
from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Delete
from entrepot.hub.git import git_wire
from entrepot.hub.jobs import handlers, maintenance
from entrepot.hub.repos import branches, commits, histories, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import RepoId, RepoPath, RepoRef, Sha256
from entrepot.storage import fsck
from tests.support import hub_work
from tests.support.worlds import World

P = RepoPath
DAY_MS = 86_400_000
GRACE_MS = 21 * DAY_MS


def sweep(world: World, **options: Any) -> list[tuple[str, str]]:
    return [(item.kind, item.what) for item in maintenance.gc(world.hub, **options)]


def findings(world: World, **options: Any) -> list[fsck.Finding]:
    return list(maintenance.fsck(world.hub, **options))


def damage(world: World, **options: Any) -> list[fsck.Finding]:
    return [finding for finding in findings(world, **options) if finding.is_damage]


def age_bytes(world: World, sha256: str) -> None:
    """Make stored bytes appear old by the hub's clock."""
    path = world.blob_path(file_key(Sha256(sha256)))
    os.utime(path, (1, 1))


def snapshot(world: World) -> list[Any]:
    with world.hub.read() as tx:
        rows = [tx.sql.execute(sa.select(table)).all() for table in tables.metadata.sorted_tables]
    return [*rows, sorted(stat.key for stat in world.hub.store.blobs.list(""))]


@pytest.fixture
def full(world: World) -> RepoRef:
    """A repository with data of every kind."""
    ref = world.repo()
    world.commit(ref, AddFile(P("d/a"), b"a"), AddFile(P("big"), b"b" * 300_000))
    world.add_large(ref, "w.bin", b"large bytes")
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", "annotated")
    branches.create_branch(world.hub, world.alice, ref, "empty", start=None, is_empty=True, overwrites=False)
    return ref


def test_a_used_hub_is_clean(world: World, full: RepoRef) -> None:
    histories.squash(world.hub, world.alice, full, "main", "squashed")
    repositories.duplicate(world.hub, world.alice, full, RepoId("alice", "copy"), None)
    repositories.move(world.hub, world.alice, full, RepoRef(full.type, RepoId("alice", "n")))
    lines: list[str] = []
    assert damage(world, progress=lines.append) == []
    assert damage(world, checks_content=False) == []
    assert "looking for orphaned blobs" in lines


def set_object(world: World, ref: RepoRef, kind: str, **values: Any) -> None:
    """Change the rows of all objects of a kind; without values, delete them."""
    table = tables.objects
    here = (table.c.repo_id == world.row_id(ref)) & (table.c.kind == kind)
    with world.hub.write() as tx:
        tx.sql.execute(sa.update(table).where(here).values(**values) if values else sa.delete(table).where(here))


@pytest.mark.parametrize("kind", ["commit", "tree", "blob", "tag"])
@pytest.mark.parametrize("checks_content", [True, False])
def test_a_missing_object_is_found(world: World, full: RepoRef, kind: str, checks_content: bool) -> None:
    set_object(world, full, kind)
    found = damage(world, checks_content=checks_content)
    assert {finding.kind for finding in found} == {"missing"}
    assert all(finding.where == "model alice/m" for finding in found)


@pytest.mark.parametrize("kind", ["commit", "tree", "tag"])
def test_an_object_that_does_not_unpack_is_found(world: World, full: RepoRef, kind: str) -> None:
    set_object(world, full, kind, data=b"no zlib")
    assert {finding.kind for finding in damage(world, checks_content=False)} == {"corrupt"}


@pytest.mark.parametrize("kind", ["commit", "tree", "tag", "blob"])
def test_an_object_with_other_content_is_found(world: World, full: RepoRef, kind: str) -> None:
    with world.hub.write() as tx:
        table = tables.objects
        rows = tx.sql.execute(
            sa.select(table.c.oid, table.c.data, table.c.size).where(
                (table.c.kind == kind) & (table.c.repo_id == world.row_id(full)) & table.c.data.is_not(None)
            )
        ).all()
        import zlib

        for oid, data, _ in rows:
            content = bytearray(zlib.decompress(data))
            if content:
                content[-1] ^= 1
                tx.sql.execute(sa.update(table).where(table.c.oid == oid).values(data=zlib.compress(bytes(content))))
    assert {finding.kind for finding in damage(world)} == {"corrupt"}


def blob_paths(world: World) -> list[str]:
    return [str(world.blob_path(stat.key)) for stat in world.hub.store.blobs.list("files/")]


def test_missing_bytes_are_found(world: World, full: RepoRef) -> None:
    assert len(blob_paths(world)) == 2
    for path in blob_paths(world):
        os.remove(path)
    found = damage(world, checks_content=False)
    assert [finding.kind for finding in found] == ["missing", "missing"]
    assert any("model alice/m" not in finding.where for finding in damage(world))


def test_truncated_bytes_are_found(world: World, full: RepoRef) -> None:
    for path in blob_paths(world):
        os.chmod(path, 0o600)
        os.truncate(path, 5)
    assert [finding.kind for finding in damage(world, checks_content=False)] == ["corrupt", "corrupt"]
    assert {finding.kind for finding in damage(world)} == {"corrupt"}


def test_altered_bytes_are_found_by_their_content(world: World, full: RepoRef) -> None:
    for path in blob_paths(world):
        os.chmod(path, 0o600)
        with open(path, "r+b") as file:
            file.write(b"\xff")
    assert damage(world, checks_content=False) == []
    found = damage(world)
    assert {finding.kind for finding in found} == {"corrupt"}
    assert len({finding.where for finding in found if finding.where.startswith("files/")}) == 2


def test_orphans_are_reported_but_are_not_damage(world: World, full: RepoRef) -> None:
    old = world.head(full)
    histories.squash(world.hub, world.alice, full, "main", "s")
    put(world.hub.store.blobs, file_key(Sha256("ab" * 32)), b"stray")
    put(world.hub.store.blobs, "files/readme.txt", b"no digest")
    world.upload(full, b"never committed")
    with world.hub.write() as tx:
        file_links.unlink(tx, world.row_id(full), [Sha256(world_sha(b"never committed"))])
    world.clock.advance(1)
    branches.delete_tag(world.hub, world.alice, full, "v1")
    found = findings(world)
    assert {finding.kind for finding in found} == {"orphaned"}
    assert {finding.where.split("/")[0] for finding in found} == {"model alice", "files"}
    assert len(found) == 4
    assert old


def world_sha(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_a_rehearsal_reports_deletions_and_changes_nothing(world: World, full: RepoRef) -> None:
    histories.squash(world.hub, world.alice, full, "main", "s")
    branches.delete_tag(world.hub, world.alice, full, "v1")
    put(world.hub.store.blobs, file_key(Sha256("ab" * 32)), b"stray")
    age_bytes(world, "ab" * 32)
    world.clock.advance(GRACE_MS + 1)
    before = snapshot(world)
    foreseen = sweep(world, is_rehearsal=True)
    assert snapshot(world) == before
    assert foreseen
    assert sweep(world) == foreseen
    assert sweep(world) == []


def test_exactly_the_unreachable_objects_are_deleted(world: World, full: RepoRef) -> None:
    keep = world.paths(full)
    gone = world.add_large(full, "gone.bin", b"gone")
    both = world.add_large(full, "both.bin", b"both")
    other = world.repo("bob/other")
    world.commit(other, Copy(P("both.bin"), P("both.bin"), repo=full))
    world.commit(full, Delete(P("gone.bin")), Delete(P("both.bin")))
    root = histories.squash(world.hub, world.alice, full, "main", "s")
    world.clock.advance(GRACE_MS + 1)
    kinds = [kind for kind, _ in sweep(world)]
    assert kinds == ["objects", "links", "file"]
    assert world.hub.store.blobs.stat(file_key(gone)) is None
    assert world.read(other, "both.bin") == b"both"
    assert both == world_sha(b"both")
    assert world.paths(full) == keep
    assert world.read(full, "w.bin") == b"large bytes"
    assert world.head(full) == root
    assert world.read(full, "big", "v1") == b"b" * 300_000
    assert findings(world) == []


def test_grace_is_honoured(world: World, full: RepoRef) -> None:
    world.commit(full, Delete(P("w.bin")))
    histories.squash(world.hub, world.alice, full, "main", "s")
    branches.delete_tag(world.hub, world.alice, full, "v1")
    world.clock.advance(GRACE_MS)
    assert sweep(world) == []
    world.clock.advance(1)
    assert {kind for kind, _ in sweep(world)} == {"objects", "links", "file"}


def test_the_objects_of_a_fresh_loose_commit_stay(world: World) -> None:
    ref = world.repo()
    world.add(ref, "old", b"old")
    world.clock.advance(10 * DAY_MS)
    late = world.add(ref, "late", b"late")
    histories.squash(world.hub, world.alice, ref, "main", "s")
    world.clock.advance(15 * DAY_MS)
    sweep(world)
    branches.create_branch(world.hub, world.alice, ref, "rescued", start=late, is_empty=False, overwrites=False)
    assert world.read(ref, "old", "rescued") == b"old"
    assert damage(world) == []


def test_a_deleted_repository_goes_after_its_grace(world: World, full: RepoRef) -> None:
    row_id = world.row_id(full)
    repositories.delete(world.hub, world.alice, full)
    world.clock.advance(GRACE_MS)
    assert sweep(world) == []
    world.clock.advance(1)
    assert [kind for kind, _ in sweep(world)] == ["repository", "file", "file"]
    assert list(world.hub.store.blobs.list("files/")) == []
    with world.hub.read() as tx:
        for table in tables.metadata.sorted_tables:
            if "repo_id" in table.c:
                assert tx.sql.execute(sa.select(table).where(table.c.repo_id == row_id)).first() is None


def test_a_damaged_repository_is_left_alone(world: World, full: RepoRef) -> None:
    histories.squash(world.hub, world.alice, full, "main", "s")
    set_object(world, full, "tag")
    world.clock.advance(GRACE_MS + 1)
    assert sweep(world) == []


def test_an_uncommitted_upload_and_unfinished_parts_go(make_world: Callable[..., World]) -> None:
    world = make_world(part_size=100, multipart_threshold=100)
    ref = world.repo()
    world.upload(ref, b"never committed")
    many = [lfs.RequestedObject(Sha256("c" * 64), 500)]
    [answer] = lfs.plan_uploads(world.hub, world.alice, ref, many, takes_parts=True)
    assert isinstance(answer.link, lfs.MultipartUpload)
    world.hub.store.parts.begin_parts("stray", 10)
    world.clock.advance(8 * DAY_MS)
    assert [kind for kind, _ in sweep(world)] == ["upload", "upload"]
    assert list(world.hub.store.parts.list_parts_uploads()) == []
    world.clock.advance(GRACE_MS)
    assert [kind for kind, _ in sweep(world)] == ["links", "file"]


def test_a_key_that_is_no_files_is_left_alone(world: World) -> None:
    put(world.hub.store.blobs, "files/readme.txt", b"no digest")
    os.utime(world.blob_path("files/readme.txt"), (1, 1))
    assert sweep(world, grace_ms=0) == []
    assert world.hub.store.blobs.stat("files/readme.txt") is not None


def test_bytes_come_free_after_permanent_deletion(world: World, full: RepoRef) -> None:
    from entrepot.hub.repos import lfs_files

    [large] = lfs_files.list_files(world.hub, world.alice, full, after=None, limit=10)
    lfs_files.delete(world.hub, world.alice, full, [large.link.uid], rewrites_history=False)
    world.clock.advance(GRACE_MS + 1)
    assert ("file", large.link.sha256) in sweep(world)
    assert damage(world) == []


# --- races: something happens between two steps of a sweep ----------------------


class Interruption:
    """Calls a function once, just before the n-th writing transaction of a sweep."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, step: int, act: Any) -> None:
        catalog = world.hub.catalog
        genuine = type(catalog).write
        self.count = 0
        self.is_busy = False

        def write(this: Any, *locks: Any, **more: Any) -> Any:
            if not self.is_busy:
                self.count += 1
                if self.count == step:
                    self.is_busy = True
                    act()
                    self.is_busy = False
            return genuine(this, *locks, **more)

        monkeypatch.setattr(type(catalog), "write", write)


def racing_acts(world: World, ref: RepoRef, revision: str) -> Iterator[Any]:
    """Return the ways to use data again that a sweep is about to delete."""
    yield lambda: world.commit(ref, Copy(P("again"), P("gone.bin"), revision=revision))
    yield lambda: world.add_large(ref, "again", b"gone")
    yield lambda: world.add_large(world.repo("bob/fresh"), "again", b"gone")
    yield lambda: branches.create_branch(
        world.hub, world.alice, ref, "again", start=revision, is_empty=False, overwrites=False
    )
    yield lambda: branches.create_tag(world.hub, world.alice, ref, revision, "again", "m")
    yield lambda: repositories.duplicate(world.hub, world.alice, ref, RepoId("alice", "dup"), None)


@pytest.mark.parametrize(
    ("act", "step", "grace_ms"),
    [(act, step, None) for act in range(6) for step in (1, 2, 3)]
    + [(act, step, 0) for act in (0, 1) for step in (1, 2)],
)
def test_interruptions_between_steps_of_a_sweep_lose_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, act: int, step: int, grace_ms: int | None
) -> None:
    ref = world.repo()
    world.add_large(ref, "gone.bin", b"gone")
    revision = world.add(ref, "sub/dir/file", b"small")
    world.commit(ref, Delete(P("gone.bin")), Delete(P("sub")))
    histories.squash(world.hub, world.alice, ref, "main", "s")
    world.clock.advance(GRACE_MS + 1)
    tried: list[Any] = []

    def interrupt() -> None:
        try:
            list(racing_acts(world, ref, revision))[act]()
        except EntrepotError as error:
            tried.append(type(error).__name__)
        else:
            tried.append("done")

    Interruption(world, monkeypatch, step, interrupt)
    sweep(world, grace_ms=grace_ms)
    assert set(tried) <= {"done", "RevisionNotFound", "Busy"}
    world.clock.advance(1)
    sweep(world, grace_ms=grace_ms)
    assert damage(world) == []
    if tried == ["done"] and act in (0, 1):
        assert world.read(ref, "again") == b"gone"
    if tried == ["done"] and act in (3, 4):
        assert world.read(ref, "gone.bin", "again") == b"gone"


@pytest.mark.parametrize("step", range(1, 12))
def test_a_sweep_between_two_steps_of_a_commit_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    ref = world.repo()
    old = world.add(ref, "d/e/f", b"f")
    histories.squash(world.hub, world.alice, ref, "main", "s")
    world.clock.advance(GRACE_MS + 1)

    def interrupt() -> None:
        world.clock.advance(1)
        sweep(world, grace_ms=0)

    operations = (AddFile(P("a"), b"a"), AddFile(P("big"), b"b" * 300_000), Copy(P("c"), P("d"), revision=old))
    Interruption(world, monkeypatch, step, interrupt)
    try:
        commits.create(world.hub, world.alice, ref, "main", CommitDraft("s", operations))
    except (Busy, RevisionNotFound):
        assert "a" not in world.paths(ref)
    else:
        assert world.read(ref, "big") == b"b" * 300_000
    assert damage(world) == []


@pytest.mark.parametrize("step", range(1, 6))
def test_a_sweep_between_two_steps_of_an_upload_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    ref = world.repo()

    def interrupt() -> None:
        world.clock.advance(1)
        sweep(world, grace_ms=0)

    Interruption(world, monkeypatch, step, interrupt)
    try:
        world.add_large(ref, "w.bin", b"large")
    except (Busy, LargeFileMissing):
        assert "w.bin" not in world.paths(ref)
    else:
        assert world.read(ref, "w.bin") == b"large"
    assert damage(world) == []


def test_orphaned_bytes_that_are_being_published_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    sha256 = Sha256(world_sha(b"stray"))
    put(world.hub.store.blobs, file_key(sha256), b"stray")
    age_bytes(world, sha256)

    def reserve() -> None:
        with world.hub.write() as tx:
            files.reserve(tx, sha256, 5, world.clock())

    Interruption(world, monkeypatch, 1, reserve)
    assert sweep(world) == []
    monkeypatch.undo()
    world.add_large(ref, "w.bin", b"stray")
    assert damage(world) == []


def test_finished_jobs_are_forgotten(world: World, full: RepoRef) -> None:

    while hub_work.run_next(world.hub, "me"):
        pass
    assert maintenance.sizes(world.hub)["jobs_done"] > 0
    world.clock.advance(GRACE_MS + 1)
    sweep(world)
    assert maintenance.sizes(world.hub)["jobs_done"] == 0


def test_figures(world: World, full: RepoRef) -> None:
    figures = maintenance.sizes(world.hub)
    assert (figures["repositories"], figures["files"]) == (1, 2)
    assert figures["file_bytes"] == 300_000 + len(b"large bytes")


def test_an_open_hub_is_ready_and_a_lost_database_is_not(world: World) -> None:
    maintenance.check_ready(world.hub)
    with world.hub.write() as tx:
        tx.sql.execute(sa.text("DROP TABLE meta"))
    with pytest.raises(DataFolderError, match="meta"):
        maintenance.check_ready(world.hub)


def test_a_hub_whose_store_fails_is_not_ready_and_names_no_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(key: str) -> None:
        raise StoreUnavailable(key, "the service cannot be reached")

    monkeypatch.setattr(world.hub.store.blobs, "stat", fail)
    with pytest.raises(StoreUnavailable) as refused:
        maintenance.check_ready(world.hub)
    assert str(refused.value) == "the store of large files cannot be used now: the service cannot be reached"


def test_a_large_commit_beside_a_sweep_is_whole(world: World) -> None:
    ref = world.repo()
    sha256 = world.upload(ref, b"w")

    def operations() -> Iterator[Any]:
        yield AddFile(P("big"), b"0" * 300_000)
        sweep(world)
        yield AddLarge(P("w"), sha256)
        sweep(world)
        yield AddFile(P("small"), b"1")

    commits.create(world.hub, world.alice, ref, "main", CommitDraft("s", operations()))
    sweep(world)
    assert damage(world) == []


def test_leftovers_of_cut_off_uploads_go_after_a_grace_period(world: World) -> None:
    incoming = world.hub.settings.data / "blobs" / "incoming"
    (incoming / "dead.tmp").write_bytes(b"cut off")
    with world.hub.store.drafts.receive_unnamed(10) as alive:
        alive.write(b"0123456789")
        assert ("leftover", "dead.tmp") not in sweep(world)
        world.clock.advance(86_400_000)
        assert ("leftover", "dead.tmp") in sweep(world, grace_ms=3_600_000, is_rehearsal=True)
        assert ("leftover", "dead.tmp") in sweep(world, grace_ms=3_600_000)
        assert len(list(incoming.glob("*.tmp"))) == 1
    (incoming / "again.tmp").write_bytes(b"cut off")
    world.clock.advance(2 * 86_400_000)
    steps = handlers.HANDLERS["scrub"](world.hub, {})
    assert steps is not None
    assert not any(steps)
    assert not list(incoming.glob("*.tmp"))


@pytest.mark.parametrize("checks_content", [True, False])
def test_damage_that_fsck_finds_is_not_served_and_replaced_by_an_upload(world: World, checks_content: bool) -> None:
    ref, data = world.repo(), b"large bytes" * 1000
    sha256 = world.add_large(ref, "w.bin", data)
    path = world.blob_path(file_key(sha256))
    path.chmod(0o600)
    path.write_bytes(b"?" + data[1:] if checks_content else data[:-1])
    [found] = damage(world, checks_content=checks_content)
    assert found.where == file_key(sha256)
    with pytest.raises(EntrepotError):
        world.read(ref, "w.bin")
    world.upload(ref, data)
    assert world.read(ref, "w.bin") == data
    assert damage(world) == []


def test_fsck_looks_into_clone_caches(world: World) -> None:
    ref = world.repo("alice/cached")
    served = git_wire.serve_uploads(world.hub, None, ref, "")
    served.release()
    assert [item for item in maintenance.fsck(world.hub) if item.is_damage] == []
    pack = next((world.hub.settings.data / "cache" / "git" / served.uid / "objects" / "pack").glob("*.pack"))
    pack.chmod(0o600)
    pack.write_bytes(pack.read_bytes()[:-1] + b"?")
    assert [item.where for item in maintenance.fsck(world.hub) if item.is_damage] == [f"mirror {served.uid}"]
    assert [item for item in maintenance.fsck(world.hub, checks_content=False) if item.is_damage] == []
