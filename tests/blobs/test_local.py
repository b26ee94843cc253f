from __future__ import annotations

import errno
import os
import pathlib
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from entrepot.blobs import LocalBlobs, put
from entrepot.errors import BlobMissing, EntrepotError, InvalidName, StoreFull, StoreUnavailable

KEY = "files/aa/bb/x"


def leftovers(root: pathlib.Path) -> list[str]:
    return [path.name for path in (root / "incoming").iterdir() if path.is_file()]


def now_ms() -> int:
    return int(time.time() * 1000)


def test_files_and_folders_are_for_the_owner_only(local: LocalBlobs, root: pathlib.Path) -> None:
    put(local, KEY, b"x")
    assert stat.S_IMODE((root / KEY).stat().st_mode) == 0o600
    for folder in (root, root / "incoming", root / "incoming/parts", root / "files", root / "files/aa/bb"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_eight_processes_publish_one_key_and_one_wins(local: LocalBlobs, root: pathlib.Path) -> None:
    program = (
        "import sys, pathlib; from entrepot.blobs import LocalBlobs\n"
        "sink = LocalBlobs(pathlib.Path(sys.argv[1])).receive(sys.argv[2]); sink.write(sys.argv[3].encode() * 100)\n"
        "print('ready', flush=True); sys.stdin.readline(); print(sink.publish())\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(root), KEY, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    answers = [child.communicate()[0].strip() for child in children]
    assert sorted(answers) == ["False"] * 7 + ["True"]
    assert (root / KEY).read_text() == str(answers.index("True")) * 100
    assert leftovers(root) == []


def test_a_writer_killed_in_the_middle_leaves_nothing_visible(local: LocalBlobs, root: pathlib.Path) -> None:
    program = (
        "import sys, pathlib; from entrepot.blobs import LocalBlobs\n"
        "sink = LocalBlobs(pathlib.Path(sys.argv[1])).receive(sys.argv[2]); sink.write(b'x' * 100000)\n"
        "print('writing', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(root), KEY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert local.sweep_incoming(0, now_ms=now_ms() + 10_000) == ()  # it is still being written
        child.send_signal(signal.SIGKILL)

    assert local.stat(KEY) is None
    assert list(local.list("")) == []
    swept = local.sweep_incoming(0, now_ms=now_ms() + 10_000)
    assert [found.size for found in swept] == [100_000]
    assert leftovers(root) == []


def test_the_sweeper_leaves_young_files_live_files_and_uploads(local: LocalBlobs, root: pathlib.Path) -> None:
    (root / "incoming/young.tmp").write_bytes(b"x")
    (root / "incoming/old.tmp").write_bytes(b"y")
    os.utime(root / "incoming/old.tmp", (1_000, 1_000))
    local.begin_parts("up", 4)
    with local.receive(KEY) as sink:
        sink.write(b"z")
        assert [found.key for found in local.sweep_incoming(3_600_000, now_ms=now_ms())] == ["old.tmp"]
        assert sorted(found.key for found in local.sweep_incoming(0, now_ms=now_ms() + 10_000)) == ["young.tmp"]
        assert sink.publish() is True
    assert [found.key for found in local.list_parts_uploads()] == ["up"]


@pytest.fixture
def tiny(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield a file system of one MiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a tiny file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_nothing_and_works_again(tiny: pathlib.Path) -> None:
    blobs = LocalBlobs(tiny / "store")
    with blobs.receive(KEY) as sink, pytest.raises(StoreFull):
        sink.write(b"x" * (2 << 20))
    assert blobs.stat(KEY) is None
    assert leftovers(tiny / "store") == []
    assert put(blobs, KEY, b"x" * 1000) is True


def test_a_full_disk_refuses_announced_bytes_and_uploads_immediately(tiny: pathlib.Path) -> None:
    blobs = LocalBlobs(tiny / "store")
    assert blobs.free_bytes() <= 1 << 20
    with pytest.raises(StoreFull):
        blobs.receive(KEY, 2 << 20)
    with pytest.raises(StoreFull):
        blobs.begin_parts("up", 2 << 20)


def test_a_disk_that_fills_during_a_part_is_reported(tiny: pathlib.Path) -> None:
    blobs = LocalBlobs(tiny / "store")
    blobs.begin_parts("up", 900_000)
    put(blobs, KEY, b"x" * 500_000)
    with blobs.open_part("up", 0, 900_000) as part, pytest.raises(StoreFull):
        part.write(b"x" * 900_000)
    blobs.delete(KEY)
    with blobs.open_part("up", 0, 900_000) as part:
        part.write(b"x" * 900_000)
        part.finish()


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EACCES, StoreUnavailable)]
)
@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_failing_publication_keeps_nothing(
    local: LocalBlobs,
    root: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    kind: type[EntrepotError],
) -> None:
    put(local, "files/aa/bb/other", b"")

    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    with local.receive(KEY) as sink:
        sink.write(b"x")
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(kind):
                sink.publish()
    assert local.stat(KEY) is None
    assert leftovers(root) == []


def test_folders_and_links_are_no_blobs(local: LocalBlobs, root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    put(local, KEY, b"x")
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "files/link").symlink_to(tmp_path / "secret")
    (root / "files/away").symlink_to(tmp_path)
    for key in ("files/aa", f"{KEY}/below"):
        assert local.stat(key) is None
        assert local.delete(key) is False
        with pytest.raises(BlobMissing):
            local.open(key)
    assert local.stat("files/link") is None
    assert [found.key for found in local.list("files/")] == [KEY]
    with pytest.raises(StoreUnavailable):
        local.open("files/link")


def test_a_key_cannot_be_the_folder_of_another(local: LocalBlobs, root: pathlib.Path) -> None:
    put(local, KEY, b"x")
    for key in ("files/aa", f"{KEY}/below"):
        with pytest.raises(InvalidName):
            put(local, key, b"y")
    assert leftovers(root) == []


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EntrepotError):
        LocalBlobs(tmp_path / "file" / "store")


def test_the_file_of_a_key_holds_its_bytes(local: LocalBlobs) -> None:
    put(local, "files/here", b"12345")
    assert pathlib.Path(local.path_of("files/here")).read_bytes() == b"12345"
    with pytest.raises(BlobMissing):
        local.path_of("files/absent")
