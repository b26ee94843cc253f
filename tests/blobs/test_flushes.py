from __future__ import annotations

import ctypes
import os
import pathlib
from collections.abc import Callable

import pytest

from entrepot.blobs import flushes
from entrepot.blobs.flushes import FileSystemFlush


def mounted(tmp_path: pathlib.Path, folder: pathlib.Path, kind: str) -> pathlib.Path:
    """Return a list of mounts in which the file system of a folder is of a kind."""
    device = os.stat(folder).st_dev
    found = tmp_path / "mountinfo"
    found.write_text(
        "22 1 0:1 / /proc rw,nosuid shared:5 - proc proc rw\n"
        f"30 1 {os.major(device)}:{os.minor(device)} / / rw shared:1 - {kind} /dev/vda1 rw\n"
    )
    return found


@pytest.fixture
def on(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes the file system of ``tmp_path`` one of a kind, with a call that works."""

    def pretend(kind: str) -> None:
        monkeypatch.setattr(flushes, "_MOUNTS", mounted(tmp_path, tmp_path, kind))
        monkeypatch.setattr(flushes, "_find_call", lambda: lambda _fd: 0)

    return pretend


@pytest.mark.parametrize(("kind", "expected"), [("ext4", True), ("xfs", True), ("fuse.sshfs", False), ("nfs4", False)])
def test_only_file_systems_that_are_known_to_flush_names_are_used(
    tmp_path: pathlib.Path, on: Callable[[str], None], kind: str, expected: bool
) -> None:
    on(kind)
    assert FileSystemFlush(str(tmp_path)).is_usable is expected


def test_a_file_system_that_is_not_listed_is_not_used(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for mounts in (tmp_path / "none", tmp_path / "empty"):
        (tmp_path / "empty").write_text("damaged line\n - \n")
        monkeypatch.setattr(flushes, "_MOUNTS", mounts)
        assert FileSystemFlush(str(tmp_path)).is_usable is False


def test_a_flush_that_waits_for_other_programs_is_not_used_again_for_a_minute(
    tmp_path: pathlib.Path, on: Callable[[str], None]
) -> None:
    on("ext4")
    now = [0.0]
    flush = FileSystemFlush(str(tmp_path), clock=lambda: now[0])

    def slow(_fd: int) -> int:
        now[0] += 1.5
        return 0

    flush._call = slow
    with flush.begun() as call:
        call()
        call()  # what has begun is completed
    assert flush.is_usable is False
    now[0] += 61
    assert flush.is_usable is True


def test_a_failed_flush_is_an_error(tmp_path: pathlib.Path, on: Callable[[str], None]) -> None:
    on("ext4")
    flush = FileSystemFlush(str(tmp_path))

    def fail(_fd: int) -> int:
        ctypes.set_errno(5)
        return -1

    flush._call = fail
    with flush.begun() as call, pytest.raises(OSError, match=os.strerror(5)):
        call()


def test_the_call_of_this_machine_works(tmp_path: pathlib.Path) -> None:
    call = flushes._find_call()
    if call is None:
        pytest.skip("the system has no such call")
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert call(fd) == 0
    finally:
        os.close(fd)
    assert call(fd) == -1
