from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.errors import DataFolderError, StoreFull
from entrepot.hub.context import open_hub
from entrepot.hub.folder_locks import folder_error, hold_server_lock, opening
from entrepot.settings import Settings


def test_a_folder_has_one_server_and_the_error_of_the_next_names_it(tmp_path: Path) -> None:
    with hold_server_lock(tmp_path):
        named = rf"another server \(process {os.getpid()}\) serves it"
        with pytest.raises(DataFolderError, match=named), hold_server_lock(tmp_path):
            pytest.fail("two servers")
        other = tmp_path / "other"
        other.mkdir()
        with hold_server_lock(other):
            pass
    with hold_server_lock(tmp_path):
        pass


def test_the_error_during_a_move_names_the_move(tmp_path: Path) -> None:
    named = rf"'entrepot admin migrate' \(process {os.getpid()}\) copies the hub; wait"
    held, again = (hold_server_lock(tmp_path, is_moving=True) for _ in range(2))
    with held, pytest.raises(DataFolderError, match=named), again:
        pytest.fail("a second move")


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from entrepot.hub.folder_locks import hold_server_lock; "
        "hold_server_lock(pathlib.Path(sys.argv[1])).__enter__(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 9
    with hold_server_lock(tmp_path):
        pass


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match="gone"), hold_server_lock(tmp_path / "gone"):
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_a_readable_error(number: int, tmp_path: Path) -> None:
    assert f"no space left on {tmp_path}" in str(folder_error(tmp_path, OSError(number, "full")))
    for error in (OSError(number, "full"), StoreFull("database or disk is full")):
        with pytest.raises(DataFolderError, match="no space left on"), opening(tmp_path):
            raise error
    with pytest.raises(DataFolderError, match="denied"), opening(tmp_path):
        raise OSError(errno.EACCES, "denied")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB; skips if this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(mount, capture_output=True).returncode == 0:
            yield folder
            subprocess.run(["umount", "-l", str(folder)], check=True)
            return
    pytest.skip("this user may not mount a file system")


def test_a_hub_on_a_full_disk_says_so_at_the_start(small_disk: Path) -> None:
    data = small_disk / "data"
    for filled in (0, 100, 180, 240):  # the disk becomes full at different writes of the start
        filler = small_disk / "filler"
        filler.write_bytes(b"x" * (filled << 10))
        with pytest.raises(DataFolderError) as caught:
            open_hub(Settings(data=data)).close()
        assert f"no space left on {data}" in str(caught.value)
        subprocess.run(["rm", "-rf", str(data), str(filler)], check=True)
