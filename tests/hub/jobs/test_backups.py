from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import stat
import threading
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import sqlalchemy as sa

from entrepot.blobs import LocalBlobs, file_key
from entrepot.catalog import copies, file_tables, hub_metadata, tables
from entrepot.catalog.repos import refs
from entrepot.catalog.repos import repositories as repos
from entrepot.errors import CopyNotCompleted, DataFolderError, Refused, StoreUnusable, ThingNotFound
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files import file_scrubbing, xorb_scrubbing
from entrepot.hub.files.operations import AddFile, AddLarge, Operation
from entrepot.hub.jobs import backup_folders, backups, maintenance
from entrepot.hub.repos import commits, repositories, staged_changes
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.staged_commits import StagedPolicy
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType, Sha256, XetHash
from entrepot.settings import Settings
from tests.support.chunk_sender import Sender
from tests.support.worlds import World


@pytest.fixture
def filled(world: World, sender: Sender) -> World:
    """A repository with small files, a raw large file and one that is stored as chunks."""
    repo = world.repo()
    world.add(repo, "small.txt", b"small\n")
    world.add(repo, "object.bin", bytes(range(256)) * 2_000)
    world.add_large(repo, "raw.bin", b"raw" * 50_000)
    sender.add(repo, "chunked.bin", sender.chunks("backup"))
    return world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def keys(folder: Path) -> set[str]:
    return {item.key for item in LocalBlobs(folder / "blobs").list("")}


def damage(folder: Path, **options: Any) -> list[str]:
    return [finding.where for finding in backups.verify(folder, **options)]


def opened(data: Path) -> HubContext:
    return open_hub(Settings(data=data), fsync=False)


def test_a_restored_hub_has_every_byte(filled: World, folder: Path, tmp_path: Path) -> None:
    made = backups.backup(filled.hub, folder)
    assert made.copied == made.snapshot.blobs >= 3
    assert damage(folder) == []
    data = tmp_path / "restored"
    snapshot, found = backups.restore(folder, Settings(data=data))
    assert (snapshot, found) == (made.snapshot, [])
    hub = opened(data)
    try:
        assert [finding for finding in maintenance.fsck(hub, checks_chunks=True) if finding.is_damage] == []
        assert hub.store_id == filled.hub.store_id
        assert hub.signer.seal("x", "y") != ""
        with hub.read() as new, filled.hub.read() as old:
            rows = repos.everything(new)
            assert [row.ref for row in rows] == [row.ref for row in repos.everything(old)]
            assert refs.everything(new, rows[0].id) == refs.everything(old, rows[0].id)
            # Clients forget which chunks are stored.
            assert hub_metadata.find(new, "epoch") != hub_metadata.find(old, "epoch")
    finally:
        hub.close()


def test_staged_changes_can_be_committed_in_a_restored_hub(filled: World, folder: Path, tmp_path: Path) -> None:
    ref = filled.repo("alice/staged")
    large = b"unfinished" * 50_000
    changes: list[Operation] = [AddFile(RepoPath("a"), b"text"), AddLarge(RepoPath("w.bin"), filled.upload(ref, large))]
    staged_changes.stage(filled.hub, filled.alice, ref, "main", changes)
    backups.backup(filled.hub, folder)
    backups.restore(folder, Settings(data=tmp_path / "restored"))
    restored = World(opened(tmp_path / "restored"), filled.clock, filled.secrets)
    try:
        draft = CommitDraft("s", [], staged=StagedPolicy(force=True))
        commits.create(restored.hub, restored.alice, ref, "main", draft)
        assert (restored.read(ref, "a"), restored.read(ref, "w.bin")) == (b"text", large)
    finally:
        restored.hub.close()


def test_only_new_bytes_are_copied(filled: World, folder: Path) -> None:
    first = backups.backup(filled.hub, folder)
    assert backups.backup(filled.hub, folder).copied == 0
    filled.add_large(filled.repo("alice/other"), "more.bin", b"more" * 50_000)
    third = backups.backup(filled.hub, folder)
    assert (third.copied, third.copied_bytes) == (1, 200_000)
    assert third.snapshot.blobs == first.snapshot.blobs + 1
    assert backup_folders.snapshots(folder)[0] == first.snapshot
    assert len(backup_folders.snapshots(folder)) == 3


def test_a_backup_and_a_restore_for_which_there_is_no_space_are_continued(
    filled: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path / "restored")
    for run in (lambda: backups.backup(filled.hub, folder), lambda: backups.restore(folder, settings)):
        free = itertools.chain([1 << 40], itertools.repeat(10))
        with monkeypatch.context() as full:
            full.setattr(LocalBlobs, "free_bytes", lambda _self, free=free: next(free))
            with pytest.raises(CopyNotCompleted, match="that were copied are kept"):
                run()
        kept = folder if not settings.data.exists() else settings.data
        assert len(list(LocalBlobs(kept / "blobs").list(""))) == 1
        run()
    assert damage(folder) == []


def test_other_users_of_the_machine_cannot_read_it(filled: World, folder: Path) -> None:
    backups.backup(filled.hub, folder)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert modes[folder] == 0o700
    secret = next(folder.glob("snapshots/*/catalog.sqlite3"))
    assert modes[secret] == 0o600
    assert not list(folder.glob("snapshots/*/catalog.sqlite3-*"))


def test_a_backup_is_consistent_while_the_hub_is_written_to(filled: World, folder: Path, tmp_path: Path) -> None:
    repo, stop = filled.repo("alice/busy"), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            filled.add_large(repo, f"file-{number}.bin", b"%d" % number * 20_000)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            backups.backup(filled.hub, folder)
    finally:
        stop.set()
        writer.join()
    for number, snapshot in enumerate(backup_folders.snapshots(folder)):
        assert damage(folder, name=snapshot.name) == []
        assert backups.restore(folder, Settings(data=tmp_path / str(number)), snapshot.name)[1] == []


class Sweeping:
    """A blob store in which a key disappears when it is listed: a sweep that races with the backup."""

    def __init__(self, hub: HubContext, act: Any) -> None:
        self._blobs, self._act = hub.store.blobs, act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def list(self, prefix: str) -> Any:
        found = list(self._blobs.list(prefix))
        self._act()
        return iter(found)


def test_bytes_that_the_hub_has_lost_are_listed_and_kept_if_an_earlier_backup_has_them(
    filled: World, folder: Path, tmp_path: Path
) -> None:
    raw = next(key for key in keys(filled.hub.settings.data) if key.startswith("files/"))
    backups.backup(filled.hub, folder)
    filled.hub.store.blobs.delete(raw)
    kept = backups.backup(filled.hub, folder, keep=1)
    assert (kept.snapshot.lacks, raw in keys(folder)) == ((), True)
    lost = backups.backup(filled.hub, tmp_path / "other").snapshot.lacks
    assert [(lack.kind, lack.where, bool(lack.used_by)) for lack in lost] == [("missing", raw, True)]


def test_unneeded_bytes_that_a_sweep_deletes_do_not_matter(filled: World, folder: Path) -> None:
    rounds: list[Any] = []

    def sweep() -> None:
        # The repository with the only reference is deleted between the copies of the database and of the bytes.
        if not rounds:
            repositories.delete(filled.hub, filled.alice, RepoRef(RepoType.MODEL, RepoId("alice", "m")))
            raw = next(key for key in keys(filled.hub.settings.data) if key.startswith("files/"))
            filled.hub.store.blobs.delete(raw)
            with filled.hub.write() as tx:
                for table in (file_tables.file_links, file_tables.files):
                    tx.sql.execute(sa.delete(table).where(table.c.sha256 == Sha256(raw[-64:])))
        rounds.append(1)

    hub = attrs.evolve(filled.hub, store=attrs.evolve(filled.hub.store, blobs=Sweeping(filled.hub, sweep)))
    backups.backup(hub, folder)
    assert len(rounds) == 2
    assert damage(folder) == []


def test_old_snapshots_go_with_the_bytes_that_only_they_need(filled: World, folder: Path) -> None:
    backups.backup(filled.hub, folder)
    raw = next(key for key in keys(folder) if key.startswith("files/"))
    extra = "files/" + "/".join((raw[6:8], raw[9:11], "f" * 64))
    keeper = LocalBlobs(folder / "blobs")
    with keeper.receive(extra) as sink:
        sink.write(b"old")
        sink.publish()
    second = backups.backup(filled.hub, folder, keep=1)
    assert len(second.deleted) == 1
    assert extra not in keys(folder)
    assert damage(folder) == []
    assert backups.prune(folder, 1) == []
    with pytest.raises(Refused):
        backups.prune(folder, 0)
    with pytest.raises(Refused):
        backups.backup(filled.hub, folder, keep=0)


@pytest.mark.parametrize("prefix", ["files/", "xorbs/"])
def test_a_damaged_or_missing_blob_is_found_by_name(filled: World, folder: Path, tmp_path: Path, prefix: str) -> None:
    backups.backup(filled.hub, folder)
    path = next(path for path in sorted(folder.glob(f"blobs/{prefix}*/*/*")))
    key = path.relative_to(folder / "blobs").as_posix()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    assert damage(folder, is_quick=True) == []
    assert any(path.name.partition(".")[0] in where for where in damage(folder))
    path.unlink()
    assert key in damage(folder, is_quick=True)
    assert key in [lack.where for lack in backups.restore(folder, Settings(data=tmp_path / "restored"))[1]]
    # The next backup repairs it.
    assert backups.backup(filled.hub, folder).copied == 1
    assert damage(folder) == []


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


@pytest.mark.parametrize("prefix", ["files/", "xorbs/"])
def test_damage_in_the_hub_is_left_out_listed_and_tried_again(
    filled: World, sender: Sender, folder: Path, tmp_path: Path, prefix: str
) -> None:
    blobs = filled.hub.settings.data / "blobs"
    path = max(blobs.glob(f"{prefix}*/*/*"), key=lambda it: it.stat().st_size)
    key, intact = path.relative_to(blobs).as_posix(), path.read_bytes()
    flip(path)
    made = backups.backup(filled.hub, folder).snapshot
    assert key in [lack.where for lack in made.lacks]
    assert all(lack.used_by and "model alice/m: " in lack.used_by[0] for lack in made.lacks)
    assert keys(folder) == keys(filled.hub.settings.data) - {key}
    assert backup_folders.snapshots(folder) == [made]
    assert damage(folder) == []  # beyond what the hub lacked
    data = tmp_path / "restored"
    assert {lack.where for lack in backups.restore(folder, Settings(data=data))[1]} == {
        lack.where for lack in made.lacks
    }
    path.write_bytes(intact)
    if prefix == "xorbs/":
        assert not xorb_scrubbing.record_damage(filled.hub, XetHash(path.name.partition(".")[0]))
    else:
        file_scrubbing.recheck(filled.hub, Sha256(path.name))
    again = backups.backup(filled.hub, folder)
    assert (again.copied, again.snapshot.lacks) == (1, ())


@pytest.mark.parametrize("prefix", ["files/", "xorbs/"])
def test_damage_in_the_backup_is_left_out_of_a_restore_and_listed(
    filled: World, folder: Path, tmp_path: Path, prefix: str
) -> None:
    backups.backup(filled.hub, folder)
    path = next(path for path in sorted(folder.glob(f"blobs/{prefix}*/*/*")))
    key = path.relative_to(folder / "blobs").as_posix()
    flip(path)
    data = tmp_path / "restored"
    assert key in [lack.where for lack in backups.restore(folder, Settings(data=data))[1]]
    assert keys(data) == keys(folder) - {key}


def test_an_upload_replaces_what_a_backup_found_damaged(filled: World, folder: Path) -> None:
    ref, content = RepoRef(RepoType.MODEL, RepoId("alice", "m")), b"raw" * 50_000
    path = filled.hub.settings.data / "blobs" / file_key(Sha256(hashlib.sha256(content).hexdigest()))
    path.chmod(0o600)
    path.write_bytes(b"?" * len(content))
    assert len(backups.backup(filled.hub, folder).snapshot.lacks) == 1
    filled.upload(ref, content)
    assert path.read_bytes() == content
    assert backups.backup(filled.hub, folder).snapshot.lacks == ()


def test_an_interrupted_backup_leaves_no_snapshot_and_the_next_one_continues(
    filled: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backups, "publish", interrupt)
    with pytest.raises(KeyboardInterrupt):
        backups.backup(filled.hub, folder)
    monkeypatch.undo()
    (folder / "snapshots" / ".part-1").mkdir()
    assert backup_folders.snapshots(folder) == []
    assert backups.backup(filled.hub, folder).copied == 0
    assert not list((folder / "snapshots").glob(".*"))


def test_folders_that_are_something_else_are_left_alone(filled: World, folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / "diary.txt").write_text("dear diary")
    with pytest.raises(DataFolderError, match="not empty"):
        backups.backup(filled.hub, folder)
    data = filled.hub.settings.data
    for inside in (data, data / "backup"):
        with pytest.raises(DataFolderError, match="data folder"):
            backups.backup(filled.hub, inside)
    for act in (backup_folders.snapshots, lambda it: list(backups.verify(it)), lambda it: backups.prune(it, 1)):
        with pytest.raises(DataFolderError, match="not a backup folder"):
            act(folder)
    assert [path.name for path in folder.iterdir()] == ["diary.txt"]
    good = tmp_path / "good"
    backups.backup(filled.hub, good)
    with pytest.raises(DataFolderError, match="not empty"):
        backups.restore(good, Settings(data=folder))
    with pytest.raises(ThingNotFound):
        backups.restore(good, Settings(data=tmp_path / "new"), "2001-01-01T000000Z")
    (good / "backup.json").write_text('{"entrepot-backup": 99}')
    with pytest.raises(DataFolderError, match="upgrade"):
        backup_folders.snapshots(good)


def test_a_folder_has_one_writer(filled: World, folder: Path, tmp_path: Path) -> None:
    backups.backup(filled.hub, folder)
    with (folder / "backup.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        with pytest.raises(Refused, match="another process"):
            backups.backup(filled.hub, folder)
        assert damage(folder) == []


def test_the_settings_file_is_kept_too(filled: World, folder: Path, tmp_path: Path) -> None:
    (filled.hub.settings.data / "entrepot.toml").write_text("port = 1234\n")
    backups.backup(filled.hub, folder)
    backups.restore(folder, Settings(data=tmp_path / "restored"))
    assert (tmp_path / "restored" / "entrepot.toml").read_text() == "port = 1234\n"


def test_a_settings_file_that_names_other_stores_is_not_used(filled: World, folder: Path, tmp_path: Path) -> None:
    (filled.hub.settings.data / "entrepot.toml").write_text('database = "postgresql://elsewhere/hub"\n')
    backups.backup(filled.hub, folder)
    backups.restore(folder, Settings(data=tmp_path / "restored"))
    assert not (tmp_path / "restored/entrepot.toml").exists()
    assert (tmp_path / "restored/entrepot.toml.restored").exists()


def test_a_hub_moves_to_postgresql_and_a_bucket_and_back(
    filled: World, folder: Path, tmp_path: Path, elsewhere: Settings
) -> None:
    backups.backup(filled.hub, folder)
    assert backups.restore(folder, elsewhere)[1] == []
    assert not (elsewhere.data / "blobs").exists()
    moved = open_hub(elsewhere)
    try:
        assert moved.store_id == filled.hub.store_id
        assert [found for found in maintenance.fsck(moved) if found.is_damage] == []
        with pytest.raises(DataFolderError, match="not empty"):
            backups.restore(folder, msgspec.structs.replace(elsewhere, data=tmp_path / "again"))
        unused = msgspec.structs.replace(elsewhere, data=tmp_path / "again", database="")
        with pytest.raises(StoreUnusable, match="it holds the hub"):
            backups.restore(folder, unused)
        made = backups.backup(moved, tmp_path / "second")
    finally:
        moved.close()
    assert damage(tmp_path / "second") == []
    assert backups.restore(tmp_path / "second", Settings(data=tmp_path / "back"))[1] == []
    assert made.snapshot.blobs == len(keys(folder)) == len(keys(tmp_path / "back"))
    assert keys(folder) == keys(tmp_path / "back")
    hub = opened(tmp_path / "back")
    try:
        assert [found for found in maintenance.fsck(hub) if found.is_damage] == []
        with hub.read() as tx, filled.hub.read() as old:
            for table in (
                tables.repos,
                tables.refs,
                tables.objects,
                file_tables.files,
                file_tables.file_links,
                file_tables.xorbs,
            ):
                assert copies.sum_of(tx, table) == copies.sum_of(old, table), table.name
    finally:
        hub.close()


@pytest.mark.parametrize("at", ["copying blob 3", "catalog.sqlite3", "entrepot.toml"])
def test_an_interrupted_restore_is_continued_by_the_same_one_only(
    filled: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    (filled.hub.settings.data / "entrepot.toml").write_text("port = 9000\n")
    first = backups.backup(filled.hub, folder).snapshot.name
    data = tmp_path / "restored"

    def stop(line: str) -> None:
        if line.startswith(at):
            raise KeyboardInterrupt

    def interrupt(source: Path, target: Path) -> None:
        if target.name == f"{at}.part":
            target.write_bytes(b"half")
            raise KeyboardInterrupt
        backup_folders.copy_file(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(backups, "copy_file", interrupt)
        with pytest.raises(KeyboardInterrupt):
            backups.restore(folder, Settings(data=data), progress=stop)
    with pytest.raises(DataFolderError):
        open_hub(Settings(data=data))
    backups.backup(filled.hub, folder)
    with pytest.raises(DataFolderError, match=f"a restore of snapshot {first} of the hub .* was interrupted here"):
        backups.restore(folder, Settings(data=data))
    lines: list[str] = []
    assert backups.restore(folder, Settings(data=data), first, progress=lines.append)[1] == []
    left = sum(line.startswith("copying blob") for line in lines)
    assert left == (len(keys(folder)) - 2 if at == "copying blob 3" else 0)
    assert not [path.name for path in data.iterdir() if path.suffix in (".part", ".unfinished")]
    with pytest.raises(DataFolderError, match="not empty"):
        backups.restore(folder, Settings(data=data), first)


_POINTS = ["copying blob 3", "copying the database", "copying the table repos", "checking the restored hub"]


@pytest.mark.parametrize("is_folder", [True, False])
@pytest.mark.parametrize("where", _POINTS)
def test_an_interrupted_restore_is_continued(
    filled: World, folder: Path, elsewhere: Settings, tmp_path: Path, where: str, is_folder: bool
) -> None:
    target = Settings(data=tmp_path / "folder") if is_folder else elsewhere
    if is_folder and where in _POINTS[1:3]:
        pytest.skip("a file is copied at once")
    made = backups.backup(filled.hub, folder).snapshot

    def stop(line: str) -> None:
        if line.startswith(where):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backups.restore(folder, target, progress=stop)
    is_whole = where.startswith("checking")
    if not is_whole:
        with pytest.raises((DataFolderError, StoreUnusable)):
            open_hub(target)
    lines: list[str] = []
    assert backups.restore(folder, target, progress=lines.append) == (made, [])
    copied = sum(line.startswith("copying blob") for line in lines)
    assert copied == (len(keys(folder)) - 2 if where == "copying blob 3" else 0)
    assert not [path.name for path in target.data.glob("restore*")]
    with contextlib.closing(open_hub(target, fsync=False)) as hub:
        assert [found for found in maintenance.fsck(hub) if found.is_damage] == []
        with hub.read() as tx, filled.hub.read() as old:
            assert copies.sum_of(tx, tables.objects) == copies.sum_of(old, tables.objects)
    with pytest.raises(DataFolderError, match="not empty"):
        backups.restore(folder, target)


def test_a_restore_that_has_only_its_check_left_keeps_what_the_hub_got_since(
    filled: World, folder: Path, tmp_path: Path
) -> None:
    target = Settings(data=tmp_path / "new")
    backups.backup(filled.hub, folder)

    def stop(line: str) -> None:
        if line.startswith("checking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backups.restore(folder, target, progress=stop)
    with contextlib.closing(opened(target.data)) as hub:
        accounts.create_user(hub, "later")
    assert backups.restore(folder, target)[1] == []
    with contextlib.closing(opened(target.data)) as hub, hub.read() as tx:
        assert accounts.find_user(tx, "later")
