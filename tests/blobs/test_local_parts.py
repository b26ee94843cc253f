from __future__ import annotations

import hashlib
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from entrepot.blobs import LocalBlobs
from entrepot.errors import Refused
from entrepot.names import Sha256

KEY = "files/aa/bb/x"
GOOD = Sha256(hashlib.sha256(b"good").hexdigest())


def test_the_staging_file_is_sparse_and_becomes_the_blob_itself(local: LocalBlobs, root: pathlib.Path) -> None:
    size = 1 << 30
    local.begin_parts("up", size)
    staged = (root / "incoming/parts/up").stat()
    assert staged.st_size == size
    assert staged.st_blocks * 512 < 1 << 20
    local.abort_parts("up")

    local.begin_parts("up", 4)
    staged = (root / "incoming/parts/up").stat()
    with local.open_part("up", 0, 4) as part:
        part.write(b"good")
        part.finish()
    local.seal_parts("up", KEY, GOOD, 4)
    assert (root / KEY).stat().st_ino == staged.st_ino
    assert (root / KEY).stat().st_nlink == 1


def test_other_processes_send_parts_too(local: LocalBlobs, root: pathlib.Path) -> None:
    data = b"abcdefgh" * 1000
    local.begin_parts("up", len(data) * 4)
    program = (
        "import sys, pathlib; from entrepot.blobs import LocalBlobs\n"
        "blobs = LocalBlobs(pathlib.Path(sys.argv[1])); i = int(sys.argv[2]); data = b'abcdefgh' * 1000\n"
        "with blobs.open_part('up', i * len(data), len(data)) as part:\n"
        "    part.write(data); part.finish()\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", program, str(root), str(i)]) for i in range(4)]
    assert [child.wait() for child in children] == [0] * 4
    assert local.seal_parts("up", KEY, Sha256(hashlib.sha256(data * 4).hexdigest()), len(data) * 4) is True


def test_a_killed_sender_leaves_no_lock(local: LocalBlobs, root: pathlib.Path) -> None:
    local.begin_parts("up", 4)
    program = (
        "import sys, pathlib; from entrepot.blobs import LocalBlobs\n"
        "part = LocalBlobs(pathlib.Path(sys.argv[1])).open_part('up', 0, 4); part.write(b'ba')\n"
        "print('writing', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    with local.open_part("up", 0, 4) as part:
        part.write(b"good")
        part.finish()
    assert local.seal_parts("up", KEY, GOOD, 4) is True


def test_after_a_crash_at_the_end_of_sealing_the_blob_cannot_be_changed(local: LocalBlobs, root: pathlib.Path) -> None:
    local.begin_parts("up", 4)
    with local.open_part("up", 0, 4) as part:
        part.write(b"good")
        part.finish()
    (root / "files/aa/bb").mkdir(parents=True)
    os.link(root / "incoming/parts/up", root / KEY)  # the state of seal_parts before it unlinks

    with pytest.raises(Refused):
        local.open_part("up", 0, 4)
    assert local.seal_parts("up", KEY, GOOD, 4) is False
    assert (root / KEY).read_bytes() == b"good"
    assert list(local.list_parts_uploads()) == []


def test_after_such_a_crash_the_upload_can_begin_anew(local: LocalBlobs, root: pathlib.Path) -> None:
    local.begin_parts("up", 4)
    with local.open_part("up", 0, 4) as part:
        part.write(b"good")
        part.finish()
    (root / "files/aa/bb").mkdir(parents=True)
    os.link(root / "incoming/parts/up", root / KEY)
    local.begin_parts("up", 4)
    with local.open_part("up", 0, 4) as part:
        part.write(b"evil")
        part.finish()
    assert (root / KEY).read_bytes() == b"good"
