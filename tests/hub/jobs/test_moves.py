"""Moves of a hub between kinds of stores."""

from __future__ import annotations

import contextlib
import itertools
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from entrepot.blobs import Blobs, LocalBlobs, put
from entrepot.catalog import copies, open_catalog
from entrepot.catalog.community_tables import metadata
from entrepot.errors import CopyNotCompleted, DataFolderError, Refused, StoreUnusable
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.jobs import maintenance, moves
from entrepot.settings import Settings
from tests.support.chunk_sender import Sender
from tests.support.postgres import PostgresServer
from tests.support.worlds import World


@pytest.fixture
def filled(world: World, sender: Sender) -> World:
    repo = world.repo()
    world.add(repo, "object.bin", bytes(range(256)) * 2_000)
    world.add_large(repo, "raw.bin", b"raw" * 50_000)
    sender.add(repo, "chunked.bin", sender.chunks("move"))
    return world


def number_of_blobs(world: World) -> int:
    return len(list(world.hub.store.blobs.list("")))


def test_a_hub_moves_to_postgresql_and_a_bucket_and_back(filled: World, elsewhere: Settings, tmp_path: Path) -> None:
    planned = moves.plan(filled.hub, elsewhere)
    assert (planned.copied, planned.copied_bytes) == (planned.blobs, planned.size)
    assert planned.blobs == number_of_blobs(filled) > 0
    assert not elsewhere.data.exists()
    done = moves.move(filled.hub, elsewhere, checks_content=True)
    assert (done.copied, done.rows, done.is_complete, done.findings) == (planned.copied, planned.rows, True, ())
    assert not (elsewhere.data / "blobs").exists()
    with contextlib.closing(open_hub(elsewhere)) as moved:
        assert moved.store_id == filled.hub.store_id
        with pytest.raises(DataFolderError, match="a complete copy of this hub"):
            moves.move(filled.hub, elsewhere)
        back = Settings(data=tmp_path / "back")
        assert moves.move(moved, back).findings == ()
    with contextlib.closing(open_hub(back, fsync=False)) as hub:
        with hub.read() as new, filled.hub.read() as old:
            for table in metadata.sorted_tables:
                if table.name != "xorbs":  # the check of the copy recorded there when it looked at them
                    assert copies.sum_of(old, table) == copies.sum_of(new, table), table.name
        assert [found for found in maintenance.fsck(hub, checks_chunks=True) if found.is_damage] == []


@pytest.mark.parametrize("where", ["copying blob 2", "copying the table repos", "checking the copy"])
def test_an_interrupted_move_is_continued(filled: World, elsewhere: Settings, where: str) -> None:
    def stop(line: str) -> None:
        if line.startswith(where):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moves.move(filled.hub, elsewhere, progress=stop)
    if where != "checking the copy":  # then all is there
        with pytest.raises((DataFolderError, StoreUnusable)):
            open_hub(elsewhere)
    planned = moves.plan(filled.hub, elsewhere)
    done = moves.move(filled.hub, elsewhere)
    assert done.copied == planned.copied < done.blobs
    assert (done.is_complete, done.rows, done.findings) == (True, planned.rows, ())
    assert not (elsewhere.data / "move.json").exists()
    open_hub(elsewhere).close()


@pytest.mark.parametrize("which", ["copy", "original"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_check_is_not_repeated_once_the_copy_or_the_original_was_used(
    filled: World, elsewhere: Settings, tmp_path: Path, which: str, is_folder: bool
) -> None:
    target = Settings(data=tmp_path / "folder") if is_folder else elsewhere

    def stop(line: str) -> None:
        if line == "checking the copy":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moves.move(filled.hub, target, progress=stop)
    if which == "original":
        filled.repo("alice/later")
    else:
        with contextlib.closing(open_hub(target, fsync=False)) as hub:
            accounts.create_user(hub, "later")
    for again in (moves.plan, moves.move):
        with pytest.raises(DataFolderError, match="has been used since"):
            again(filled.hub, target)
    open_hub(target).close()


def test_a_move_that_was_interrupted_after_the_database_does_not_copy_it_again(
    filled: World, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(moves, "_finish", stop)
        with pytest.raises(KeyboardInterrupt):
            moves.move(filled.hub, elsewhere)
    lines: list[str] = []
    assert moves.move(filled.hub, elsewhere, progress=lines.append).is_complete
    assert not [line for line in lines if line.startswith("copying the table")]


def test_a_hub_is_not_moved_into_its_own_database(filled: World, elsewhere: Settings, tmp_path: Path) -> None:
    moves.move(filled.hub, elsewhere)
    hub = open_hub(elsewhere)
    with contextlib.closing(hub):
        again = Settings(data=tmp_path / "again", database=f"{elsewhere.database}&application_name=other")
        with pytest.raises(DataFolderError, match="database of the hub that moves"):
            moves.move(hub, again)
    assert not again.data.exists()


def test_large_files_are_copied_while_the_hub_is_in_use(filled: World, elsewhere: Settings) -> None:
    first = moves.move(filled.hub, elsewhere, copies_database=False)
    assert (first.is_complete, first.rows) == (False, 0)
    filled.add_large(filled.repo("alice/later"), "more.bin", b"more" * 20_000)
    second = moves.move(filled.hub, elsewhere)
    assert (second.copied, second.is_complete, second.findings) == (1, True, ())


def test_a_move_for_which_there_is_no_space_keeps_what_it_copied(
    filled: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Settings(data=tmp_path / "new")
    free = itertools.chain([1 << 40], itertools.repeat(10))
    with monkeypatch.context() as full:
        full.setattr(LocalBlobs, "free_bytes", lambda _self: next(free))
        with pytest.raises(
            CopyNotCompleted, match="that were copied are kept; free some space and run the command again"
        ):
            moves.move(filled.hub, target)
    continued = moves.move(filled.hub, target)
    assert (continued.copied, continued.findings) == (number_of_blobs(filled) - 1, ())


def test_stores_that_are_not_empty_are_refused_and_left_alone(
    filled: World, elsewhere: Settings, tmp_path: Path
) -> None:
    mine = filled.hub.settings.data
    with pytest.raises(DataFolderError, match="the data folder of the hub that moves"):
        moves.move(filled.hub, Settings(data=mine))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.tex").write_text("")
    with pytest.raises(DataFolderError, match="not empty"):
        moves.move(filled.hub, Settings(data=tmp_path / "full"))
    (tmp_path / "full/move.json").write_text('{"store_id": "other"}')
    with pytest.raises(DataFolderError, match="another hub"):
        moves.plan(filled.hub, Settings(data=tmp_path / "full"))
    other = Settings(data=tmp_path / "other", store=elsewhere.store)
    open_hub(other).close()
    with pytest.raises(StoreUnusable, match="already"):
        moves.move(filled.hub, elsewhere)
    with pytest.raises(StoreUnusable, match="already"):
        moves.plan(filled.hub, elsewhere)
    assert not elsewhere.data.exists()
    with contextlib.closing(open_hub(other)) as hub, pytest.raises(Refused, match="another prefix"):
        moves.move(hub, msgspec.structs.replace(other, data=tmp_path / "third"))


def test_damaged_bytes_are_left_out_of_a_move_and_listed_with_their_paths(filled: World, tmp_path: Path) -> None:
    blobs = filled.hub.store.blobs
    raw = next(stat.key for stat in blobs.list("files/") if stat.size == 150_000)
    blobs.delete(raw)
    put(LocalBlobs(filled.hub.settings.data / "blobs"), raw, b"x" * 150_000)
    done = moves.move(filled.hub, Settings(data=tmp_path / "new"))
    assert done.is_complete
    assert [(it.kind, it.where, it.what) for it in done.findings] == [("corrupt", raw, "its bytes have another sha256")]
    assert done.findings[0].used_by
    assert not (tmp_path / "new/blobs" / raw).exists()


_KILLED = """
import json, os, signal, sys
from pathlib import Path
from entrepot.hub.context import open_hub
from entrepot.hub.jobs import moves
from entrepot.settings import Settings

data, elsewhere, database, store, where = sys.argv[1:]
def end(line):
    if line.startswith(where):
        os.kill(os.getpid(), signal.SIGKILL)
target = Settings(data=Path(elsewhere), database=database, store=store)
moves.move(open_hub(Settings(data=Path(data))), target, progress=end)
"""
POINTS = (
    *("copying blob 2 of 3", "copying blob 2 of 2", "copying the database", "copying the table namespaces"),
    *("copying the table jobs", "checking the copy"),
)


@pytest.mark.timeout(300)
def test_a_move_that_is_killed_again_and_again_ends_with_the_same_hub(filled: World, elsewhere: Settings) -> None:
    if filled.hub.settings.database or not filled.hub.catalog.is_file:
        pytest.skip("the process that is killed opens the folder")
    words = [str(filled.hub.settings.data), str(elsewhere.data), elsewhere.database, elsewhere.store]
    for where in POINTS:
        done = subprocess.run([sys.executable, "-c", _KILLED, *words, where], timeout=240, check=False)
        assert done.returncode == -signal.SIGKILL, where
    with contextlib.closing(open_hub(elsewhere)) as moved:
        assert [found for found in maintenance.fsck(moved, checks_chunks=True) if found.is_damage] == []
        blobs = moved.store.blobs
        assert {stat.key: read(blobs, stat.key) for stat in blobs.list("")} == {
            stat.key: read(filled.hub.store.blobs, stat.key) for stat in filled.hub.store.blobs.list("")
        }
        with moved.read() as new, filled.hub.read() as old:
            others = [table for table in metadata.sorted_tables if table.name != "xorbs"]  # where fsck notes its looks
            assert [table.name for table in others if copies.sum_of(old, table) != copies.sum_of(new, table)] == []


def read(blobs: Blobs, key: str) -> bytes:
    with blobs.open(key) as reader:
        return reader.read_at(0, reader.size)


def test_a_plan_looks_at_the_new_database_and_leaves_it(
    filled: World, postgres: PostgresServer, tmp_path: Path
) -> None:
    name = postgres.create()
    target = Settings(data=tmp_path / "new", database=postgres.url(name))
    assert moves.plan(filled.hub, target).rows > 0
    with pytest.raises(DataFolderError, match=r"open the database: this .* belongs to one with data"):
        open_catalog(target.database, creates=False)
    open_hub(Settings(data=tmp_path / "other", database=target.database)).close()
    for look in (moves.plan, moves.move):
        with pytest.raises(DataFolderError, match="it is not empty"):
            look(filled.hub, target)
    assert not target.data.exists()
    postgres.drop(target.database)
    with pytest.raises(DataFolderError, match="does not exist"):
        moves.plan(filled.hub, target)
