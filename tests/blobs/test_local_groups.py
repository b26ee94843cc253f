from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator

import pytest

from entrepot.blobs import LocalBlobs
from entrepot.blobs.durable import Disk
from entrepot.blobs.local_groups import LocalGroupItem, publish_group
from entrepot.errors import EntrepotError, InvalidName, StoreFull

KEYS = [f"files/{number:02}/aa/{number:064}" for number in range(5)]


@pytest.fixture
def blobs(tmp_path: pathlib.Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "blobs", fsync=False)


class RecordingDisk(Disk):
    """A disk that notes what has a name at each flush, and can fail."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(str(root), str(root / "incoming"), fsync=False)
        self.named: list[list[str]] = []
        self.fails_at = -1

    @contextlib.contextmanager
    def flushing(self) -> Iterator[Callable[[], None]]:
        """Return a function that notes the names."""
        yield self._note

    def _note(self) -> None:
        self.named.append(sorted(path.name for path in pathlib.Path(self.root).glob("files/**/*") if path.is_file()))
        if len(self.named) - 1 == self.fails_at:
            raise OSError(errno.EIO, "the disk is broken")


def group(disk: Disk, *keys: str) -> list[LocalGroupItem]:
    return [LocalGroupItem(key, f"{disk.root}/{key}", key.encode()) for key in keys]


def leftovers(root: pathlib.Path | str) -> list[str]:
    return [name for name in os.listdir(pathlib.Path(root) / "incoming") if name.endswith(".tmp")]


def test_all_blobs_of_a_group_can_be_read(blobs: LocalBlobs, tmp_path: pathlib.Path) -> None:
    assert blobs.can_put_group()
    assert blobs.put_group([(key, key.encode()) for key in KEYS]) == [True] * 5
    for key in KEYS:
        with blobs.open(key) as reader:
            assert reader.read_at(0, 100) == key.encode()
    assert leftovers(tmp_path / "blobs") == []


def test_a_key_that_has_bytes_keeps_them(blobs: LocalBlobs) -> None:
    blobs.put_group([(KEYS[0], b"first")])
    assert blobs.put_group([(KEYS[0], b"other"), (KEYS[1], b"x"), (KEYS[1], b"y")]) == [False, True, False]
    with blobs.open(KEYS[0]) as reader:
        assert reader.read_at(0, 100) == b"first"


def test_an_empty_group_and_empty_blobs_are_stored(blobs: LocalBlobs) -> None:
    assert blobs.put_group([]) == []
    assert blobs.put_group([(KEYS[0], b"")]) == [True]
    found = blobs.stat(KEYS[0])
    assert found is not None
    assert found.size == 0


def test_no_name_is_visible_before_all_bytes_are_durable(tmp_path: pathlib.Path) -> None:
    disk = RecordingDisk(tmp_path)
    assert publish_group(disk, group(disk, *KEYS)) == [True] * 5
    assert disk.named == [[], [os.path.basename(key) for key in KEYS]]


def test_a_failed_flush_of_bytes_names_nothing(tmp_path: pathlib.Path) -> None:
    disk = RecordingDisk(tmp_path)
    disk.fails_at = 0
    found = publish_group(disk, group(disk, *KEYS))
    assert all(isinstance(outcome, EntrepotError) for outcome in found)
    assert (disk.named[-1], leftovers(disk.root)) == ([], [])


def test_a_failed_flush_of_names_is_the_error_of_every_blob(tmp_path: pathlib.Path) -> None:
    disk = RecordingDisk(tmp_path)
    disk.fails_at = 1
    found = publish_group(disk, group(disk, *KEYS))
    assert all(isinstance(outcome, EntrepotError) for outcome in found)
    assert leftovers(disk.root) == []
    # The folders are not taken for durable: the next group flushes them again.
    disk.fails_at = -1
    assert publish_group(disk, group(disk, *KEYS)) == [False] * 5


def test_one_blob_that_fails_leaves_the_others_alone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = RecordingDisk(tmp_path)
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if bytes(data) == KEYS[1].encode():
            raise OSError(errno.ENOSPC, "full")
        return write(fd, data)

    monkeypatch.setattr(os, "write", full)
    found = publish_group(disk, group(disk, *KEYS[:3]))
    assert [type(outcome) for outcome in found] == [bool, StoreFull, bool]
    assert (disk.named[-1], leftovers(disk.root)) == ([os.path.basename(KEYS[0]), os.path.basename(KEYS[2])], [])


def test_a_folder_in_the_way_is_the_error_of_its_blob(tmp_path: pathlib.Path) -> None:
    disk = RecordingDisk(tmp_path)
    disk.make_folder(f"{disk.root}/{KEYS[0]}")
    found = publish_group(disk, group(disk, *KEYS[:2]))
    assert [type(outcome) for outcome in found] == [InvalidName, bool]


def test_folders_that_another_process_removed_are_made_again(blobs: LocalBlobs, tmp_path: pathlib.Path) -> None:
    blobs.put_group([(KEYS[0], b"x")])
    blobs.delete(KEYS[0])
    (tmp_path / "blobs" / KEYS[0]).parent.rmdir()
    (tmp_path / "blobs" / KEYS[0]).parent.parent.rmdir()
    assert blobs.put_group([(KEYS[0], b"x"), (KEYS[1], b"x")]) == [True, True]


def test_an_invalid_key_stores_nothing(blobs: LocalBlobs) -> None:
    with pytest.raises(InvalidName):
        blobs.put_group([(KEYS[0], b"x"), ("../up", b"x")])
    assert blobs.stat(KEYS[0]) is None


def test_a_group_is_refused_where_it_does_not_fit(blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalBlobs, "free_bytes", lambda _self: 3)
    with pytest.raises(StoreFull):
        blobs.put_group([(KEYS[0], b"xx"), (KEYS[1], b"yy")])
    assert blobs.stat(KEYS[0]) is None


def test_a_real_flush_publishes_too() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own may be in memory
        blobs = LocalBlobs(pathlib.Path(folder) / "blobs")
        if not blobs.can_put_group():
            pytest.skip("this file system is flushed file by file")
        assert blobs.put_group([(key, key.encode()) for key in KEYS]) == [True] * 5
