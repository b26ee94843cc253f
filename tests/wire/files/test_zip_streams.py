from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest

from entrepot.errors import LimitExceeded
from entrepot.wire.files.zip_streams import ZipWriter, length_of

MEMBERS = {"tern-main/README.md": b"# Tern\n", "tern-main/empty": b"", "tern-main/Möwe 鷗.bin": bytes(range(256)) * 9}
AT_S = 1_900_000_001


def archive(members: dict[str, bytes], time_s: int = AT_S) -> bytes:
    writer, made = ZipWriter(time_s), bytearray()
    for name, data in members.items():
        made += writer.begin(name, len(data)) + data + writer.end(zlib.crc32(data))
    return bytes(made + writer.finish())


def test_other_programs_read_an_archive(tmp_path: Path) -> None:
    made = archive(MEMBERS)
    with zipfile.ZipFile(io.BytesIO(made)) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == MEMBERS
        assert {info.date_time for info in found.infolist()} == {(2030, 3, 17, 17, 46, 40)}
        assert {info.external_attr >> 16 for info in found.infolist()} == {0o100644}
    programs = [["unzip", "-tq"], ["bsdtar", "-tf"], ["7z", "t"]]
    (tmp_path / "a.zip").write_bytes(made)
    for program in programs:
        if shutil.which(program[0]):
            subprocess.run([*program, tmp_path / "a.zip"], check=True, capture_output=True)


def test_the_length_is_known_before() -> None:
    for members in ({}, MEMBERS):
        assert length_of((name, len(data)) for name, data in members.items()) == len(archive(members))


def test_times_that_the_format_does_not_know_become_the_nearest_ones() -> None:
    for time_s, year in ((-5, 1980), (0, 1980), (10**11, 2107)):
        with zipfile.ZipFile(io.BytesIO(archive({"a": b"1"}, time_s))) as found:
            assert found.infolist()[0].date_time[0] == year


def test_files_and_offsets_beyond_4_gib_are_read(tmp_path: Path) -> None:
    large, small = (1 << 32) + 10, b"after"
    with (tmp_path / "large.zip").open("wb") as out:
        writer = ZipWriter(AT_S)
        out.write(writer.begin("large", large))
        out.seek(large, 1)  # a hole: zeros that take no space
        out.write(writer.end(0))
        out.write(writer.begin("small", len(small)) + small + writer.end(zlib.crc32(small)))
        out.write(writer.finish())
        size = out.tell()
    assert size == length_of([("large", large), ("small", len(small))])
    with zipfile.ZipFile(tmp_path / "large.zip") as found:
        first, second = found.infolist()
        assert (first.file_size, second.header_offset > large) == (large, True)
        assert found.read("small") == small
        with found.open("large") as content:
            assert content.read(4) == bytes(4)


def test_an_archive_may_have_more_members_than_16_bits_count() -> None:
    members = {str(number): b"" for number in range(66_000)}
    made = archive(members)
    assert len(made) == length_of((name, 0) for name in members)
    with zipfile.ZipFile(io.BytesIO(made)) as found:
        assert len(found.namelist()) == 66_000


def test_a_name_that_the_format_cannot_hold_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="65,535"):
        ZipWriter(0).begin("ä" * 40_000, 1)
