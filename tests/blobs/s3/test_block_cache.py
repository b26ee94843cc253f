from __future__ import annotations

import os
import pathlib

from entrepot.blobs.s3.block_cache import BlockCache

DATA = bytes(range(256)) * 4096  # four slices


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_any_part_of_a_block_is_found(tmp_path: pathlib.Path) -> None:
    cache = BlockCache(tmp_path, 4 << 20)
    assert cache.find("a", 0, 10) is None
    cache.put("a", memoryview(DATA))
    size = len(DATA)
    for start, stop in ((0, 10), (262_140, 262_150), (size - 3, size), (0, size), (300_000, 300_000)):
        assert cache.find("a", start, stop) == DATA[start:stop]
    assert cache.find("a", 0, size + 1) is None
    assert cache.find("b", 0, 10) is None


def test_a_damaged_block_is_not_used_and_goes(tmp_path: pathlib.Path) -> None:
    cache = BlockCache(tmp_path, 4 << 20)
    for damage in (lambda data: data[:-1], lambda data: data[:-5] + b"xxxxx", lambda _data: b""):
        cache.put("a", memoryview(DATA))
        [path] = files(tmp_path)
        path.write_bytes(damage(path.read_bytes()))
        assert cache.find("a", len(DATA) - 10, len(DATA)) is None
        assert not path.exists()


def test_the_blocks_that_were_not_used_for_the_longest_time_go(tmp_path: pathlib.Path) -> None:
    cache = BlockCache(tmp_path, 3 * len(DATA))
    for number, name in enumerate("ab"):
        cache.put(name, memoryview(DATA))
        for path in files(tmp_path):
            if path.stat().st_mtime > 1000:
                os.utime(path, (number, number))
    assert cache.find("a", 0, 1) == DATA[:1]  # now it is the one that was used last
    cache.put("c", memoryview(DATA))
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 3 * len(DATA)
    assert cache.find("b", 0, 1) is None
    assert cache.find("a", 0, 1) == DATA[:1]
    assert cache.find("c", 0, 1) == DATA[:1]


def test_without_a_limit_nothing_is_kept_and_failures_of_the_disk_do_not_matter(tmp_path: pathlib.Path) -> None:
    nothing = BlockCache(tmp_path / "none", 0)
    nothing.put("a", memoryview(DATA))
    assert nothing.find("a", 0, 1) is None
    (tmp_path / "file").write_text("in the way")
    broken = BlockCache(tmp_path / "file", 4 << 20)
    broken.put("a", memoryview(DATA))
    assert broken.find("a", 0, 1) is None
