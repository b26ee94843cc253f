import hashlib
import os
import time
from pathlib import Path

import pytest

from entrepot.client.digests import Digests
from entrepot.client.sources import BytesSource, PathSource, oid_of
from entrepot.names import Sha256

LONG_AGO = time.time() - 1000


def old_file(folder: Path, content: bytes, name: str = "file") -> PathSource:
    (folder / name).write_bytes(content)
    os.utime(folder / name, (LONG_AGO, LONG_AGO))
    return PathSource.at(folder / name)


def swapped(source: PathSource, content: bytes) -> PathSource:
    """Replace the content of a file and keep its stamp, which detects code that relies on the stamp."""
    stamp = source.stamp
    with source.path.open("r+b") as out:
        out.write(content)
    os.utime(source.path, ns=(stamp.mtime_ns, stamp.mtime_ns))
    assert PathSource.at(source.path).stamp == stamp
    return source


def test_a_digest_is_remembered_from_run_to_run(tmp_path: Path) -> None:
    source = old_file(tmp_path, b"before")
    with Digests(tmp_path / "cache" / "digests") as first:
        oid, sha256 = first.oid(source), first.sha256(source)
    assert (oid, sha256) == (oid_of(BytesSource(b"before")), hashlib.sha256(b"before").hexdigest())
    swapped(source, b"behind")
    with Digests(tmp_path / "cache" / "digests") as second:
        second.recall([source])
        assert (second.oid(source), second.find_sha256(source)) == (oid, sha256)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    with Digests(tmp_path / "digests") as first:
        first.sha256(old_file(tmp_path, b"before"))
    source = old_file(tmp_path, b"after and longer")
    with Digests(tmp_path / "digests") as second:
        second.recall([source])
        assert second.find_sha256(source) is None
        assert second.sha256(source) == hashlib.sha256(b"after and longer").hexdigest()


def test_a_file_that_was_written_just_now_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"new")
    source = PathSource.at(tmp_path / "file")
    with Digests(tmp_path / "digests") as first:
        first.sha256(source)
        assert first.find_sha256(source) is not None
    with Digests(tmp_path / "digests") as second:
        second.recall([source])
        assert second.find_sha256(source) is None


def test_a_growing_file_is_not_remembered(tmp_path: Path) -> None:
    old_file(tmp_path, b"line\n")
    source = PathSource.at(tmp_path / "file", is_growing=True)
    with Digests(tmp_path / "digests") as first:
        first.sha256(source)
    with Digests(tmp_path / "digests") as second:
        second.recall([source])
        assert second.find_sha256(source) is None


def test_a_digest_computed_elsewhere_is_used(tmp_path: Path) -> None:
    source, digests = BytesSource(b"x"), Digests(None)
    digests.learn(source, Sha256("a" * 64))
    assert digests.sha256(source) == "a" * 64
    assert digests.oid(source) == oid_of(source)
    assert digests.find_sha256(BytesSource(b"x")) is None  # another object with the same content


@pytest.mark.parametrize("content", [b"this is no database" * 100, b""])
def test_a_damaged_cache_is_done_without_and_replaced(tmp_path: Path, content: bytes) -> None:
    source = old_file(tmp_path, b"content")
    (tmp_path / "digests").write_bytes(content)
    for _ in range(2):
        with Digests(tmp_path / "digests") as digests:
            digests.recall([source])
            assert digests.sha256(source) == hashlib.sha256(b"content").hexdigest()
    swapped(source, b"CONTENT")
    with Digests(tmp_path / "digests") as digests:
        digests.recall([source])
        assert digests.find_sha256(source) is not None


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_bytes(b"")
    with Digests(tmp_path / "no-folder" / "digests") as digests:
        assert digests.sha256(old_file(tmp_path, b"x")) == hashlib.sha256(b"x").hexdigest()


def test_many_files_are_looked_up_together(tmp_path: Path) -> None:
    sources = [old_file(tmp_path, str(number).encode(), str(number)) for number in range(1100)]
    with Digests(tmp_path / "digests") as first:
        known = [first.oid(source) for source in sources]
    for source in sources:
        source.path.unlink()
    with Digests(tmp_path / "digests") as second:
        second.recall(sources)
        assert [second.oid(source) for source in sources] == known
