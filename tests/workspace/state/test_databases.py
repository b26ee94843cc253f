import sqlite3
from pathlib import Path

import pytest

from entrepot.errors import CacheDamaged, CannotWrite, Refused
from entrepot.names import Oid, RepoPath
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.state.databases import Database, is_unwritable
from entrepot.workspace.state.rows import Extent, FileChange, Head, StagedFile, Step, TrackedFile
from entrepot.workspace.stores import FileState

A, B = RepoPath("data/a"), RepoPath("data/b")
ENTRY = ManifestEntry(sha256="ab" * 32, size=3, x=1)
STATE = FileState(3, 1, 2, 4, 0o100444)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "w.sqlite3")


def test_rows_that_leave_give_their_room_back(database: Database) -> None:
    change = StagedFile(FileChange.NEW, ManifestEntry(sha256="a" * 64, size=1), None)
    files = {RepoPath(f"f{number}"): change for number in range(5000)}
    with database.transaction() as transaction:
        transaction.stage("x", files)
    assert database.staged("x") == dict(sorted(files.items()))
    full = database.path.stat().st_size
    with database.transaction() as transaction:
        transaction.unstage("x")
    assert database.path.stat().st_size < full / 4


def test_a_database_that_is_not_there_is_empty(database: Database) -> None:
    assert database.heads() == {}
    assert database.files("x") == {}
    assert not database.path.exists()


def test_rows_are_kept_by_entity(database: Database) -> None:
    head = Head("t__1", Oid("1" * 40), Extent.SAMPLE, "t__0")
    with database.transaction() as changes:
        changes.set_head("x", head)
        changes.put_files("x", {A: TrackedFile(ENTRY, STATE, True), B: TrackedFile(ENTRY)})
        changes.stage("x", {A: StagedFile(FileChange.DELETED), B: StagedFile(FileChange.MODIFIED, ENTRY, STATE)})
        changes.put_documents("x", {"README.md": b"r"})
        changes.set_base("t__1", "t__0")
    assert database.head("x") == head
    assert database.head("y") is None
    assert database.files("x") == {A: TrackedFile(ENTRY, STATE, True), B: TrackedFile(ENTRY)}
    assert database.staged("x") == {
        A: StagedFile(FileChange.DELETED),
        B: StagedFile(FileChange.MODIFIED, ENTRY, STATE),
    }
    assert database.staged_contents() == {ENTRY.sha256}
    assert database.documents("x") == {"README.md": b"r"}
    assert database.base("t__1") == "t__0"
    assert database.check() == []
    with database.transaction() as changes:
        changes.drop_files("x", [A])
        changes.unstage("x")
        changes.set_head("x", None)
        changes.set_base("t__1", None)
    assert list(database.files("x")) == [B]
    assert (database.staged("x"), database.heads(), database.base("t__1")) == ({}, {}, None)


def test_a_transaction_that_fails_changes_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as changes:
            changes.set_head("x", Head("t", Oid("1" * 40)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert database.heads() == {}


def test_the_journal_keeps_one_step_for_each_entity(database: Database) -> None:
    step = Step("checkout", "t__1", b"{}")
    with database.transaction() as changes:
        changes.set_journal("x", step)
    assert database.journal() == {"x": step}
    with database.transaction() as changes:
        changes.set_journal("x", None)
    assert database.journal() == {}


def test_a_newer_or_damaged_file_is_refused(database: Database) -> None:
    connection = sqlite3.connect(database.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Refused, match="newer version"):
        database.heads()
    database.path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(CacheDamaged, match="delete it"):
        database.heads()


def test_a_database_that_cannot_be_written_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blocked = Database(tmp_path / "folder.sqlite3")
    blocked.path.mkdir()
    with pytest.raises(CannotWrite, match="cannot write"), blocked.transaction():
        pass


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_READONLY_DIRECTORY])
def test_a_full_disk_and_a_read_only_folder_are_no_damage(code: int) -> None:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    assert is_unwritable(error)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    assert not is_unwritable(error)
