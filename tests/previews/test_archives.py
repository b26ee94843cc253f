from __future__ import annotations

import io
import random
import struct
import tarfile
import tracemalloc
import zipfile

import pytest

from entrepot.errors import Malformed
from entrepot.previews import archives
from entrepot.previews.archives import ArchiveMember
from entrepot.previews.sources import BytesRangeReader
from tests.support.memory import measured_peak


def zip_file(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tar_file(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


ZIP = zip_file({"a.txt": b"x" * 1_000, "folder/": b"", "../b": b"y"})
TAR = tar_file({"a.txt": b"x" * 1_000, "b/c": b"y"})


def test_the_members_of_a_zip_archive_are_listed() -> None:
    found = archives.list_zip(BytesRangeReader(ZIP))
    assert [(it.name, it.size, it.is_folder) for it in found.members] == [
        ("a.txt", 1_000, False),
        ("folder/", 0, True),
        ("../b", 1, False),
    ]
    assert found.is_complete


def test_the_members_of_a_tar_archive_are_listed() -> None:
    found = archives.list_tar(BytesRangeReader(TAR))
    assert found.members == (ArchiveMember("a.txt", 1_000, None, False), ArchiveMember("b/c", 1, None, False))


def test_long_lists_are_cut() -> None:
    data = {str(n): b"" for n in range(20)}
    for found in (
        archives.list_zip(BytesRangeReader(zip_file(data)), most=5),
        archives.list_tar(BytesRangeReader(tar_file(data)), most=5),
    ):
        assert (len(found.members), found.is_complete) == (5, False)


def test_members_are_read_up_to_a_bound() -> None:
    bomb = zip_file({"data.pkl": bytes(50_000_000), "x": b""})
    [found] = archives.read_members(BytesRangeReader(bomb), (".pkl",), most=3, most_bytes=1_000)
    assert (found.name, len(found.data)) == ("data.pkl", 1_000)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_a_member_unpacks_to_takes_no_memory_beyond_the_bound(method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("data.pkl", bytes(100 << 20))
    source = BytesRangeReader(out.getvalue())
    list(archives.read_members(source, (".pkl",), most=1, most_bytes=1))  # imports take memory too
    tracemalloc.start()
    try:
        [found] = archives.read_members(source, (".pkl",), most=1, most_bytes=10_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.data == bytes(10_000)
    assert peak < 32 << 20


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_are_read_however_they_are_packed(method: int) -> None:
    content, out = random.Random(7).randbytes(20_000), io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a.npy", content)
    found = archives.read_members(BytesRangeReader(out.getvalue()), (".pkl", ".npy"), most=1, most_bytes=50_000)
    assert [it.data for it in found] == [content]


def test_other_files_are_refused() -> None:
    with pytest.raises(Malformed, match="malformed zip archive"):
        archives.list_zip(BytesRangeReader(b"PK\3\4" + bytes(100)))
    with pytest.raises(Malformed, match="malformed tar archive"):
        archives.list_tar(BytesRangeReader(b"x" * 2_000))


def test_damaged_archives_are_read_or_refused() -> None:
    chance = random.Random(7)
    for whole, read in ((ZIP, archives.list_zip), (TAR, archives.list_tar)):
        for _ in range(500):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            try:
                read(BytesRangeReader(bytes(data)))
            except Malformed:
                continue


def directory_of(members: int, name: bytes = b"") -> bytes:
    """Return a zip archive that is nothing but a directory."""
    fixed = (20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0)
    entries = (b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", *fixed) + name) * members
    end = struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, members, members, len(entries), 0)
    locator = struct.pack("<IQI", 0, len(entries), 1)
    last = struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return entries + b"PK\6\6" + end + b"PK\6\7" + locator + b"PK\5\6" + last


def test_members_without_a_name_are_listed() -> None:
    found = archives.list_zip(BytesRangeReader(directory_of(3)))
    assert [(member.name, member.is_folder) for member in found.members] == [("", False)] * 3


def test_of_a_directory_of_very_many_members_the_first_are_read() -> None:
    data = directory_of(400_000)
    with measured_peak() as peak:
        found = archives.list_zip(BytesRangeReader(data), most=100)
    assert (len(found.members), found.is_complete) == (100, False)
    assert peak.grown < 32 << 20


def long_names(members: int, length: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:", format=tarfile.GNU_FORMAT) as archive:
        for _ in range(members):
            archive.addfile(tarfile.TarInfo("x" * length))
    return target.getvalue()


def test_long_names_in_a_tar_archive_are_bounded_together_and_alone() -> None:
    found = archives.list_tar(BytesRangeReader(long_names(8, 1_000_000)))
    assert (len(found.members), found.is_complete) == (5, False)
    with pytest.raises(Malformed, match="directory"):
        archives.list_tar(BytesRangeReader(long_names(1, 2 << 20)))
