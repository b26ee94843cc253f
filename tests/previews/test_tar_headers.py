from __future__ import annotations

import io
import tarfile

import pytest

from entrepot.errors import Malformed
from entrepot.previews import archives
from entrepot.previews.sources import BytesRangeReader
from tests.support.work import ends_within_processor_seconds


def pax(payload: bytes) -> bytes:
    """Return an archive with one extended header, and one file."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(payload)
    file = tarfile.TarInfo("short").tobuf(tarfile.USTAR_FORMAT)
    return header.tobuf(tarfile.USTAR_FORMAT) + payload + bytes(-len(payload) % 512) + file + bytes(1024)


@pytest.mark.parametrize("payload", [b"1" * 1_040_000, b"1" * 1_040_000 + b" hdrcharset"])
def test_a_hostile_extended_header_takes_no_time(payload: bytes) -> None:
    # The pattern of Python's module looks for the end of the number from each of its digits, which takes minutes.
    with ends_within_processor_seconds(), pytest.raises(Malformed, match="extended header"):
        archives.list_tar(BytesRangeReader(pax(payload)))


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_headers_are_read_as_the_standard_library_reads_them(form: int) -> None:
    out = io.BytesIO()
    names = ["a", "folder/", "f/" + "n" * 99, "p" * 90 + "/" + "q" * 90, "\u00e9\u4e2d.txt", "../up", "/root"]
    if form != tarfile.USTAR_FORMAT:
        names.append("long/" * 60 + "name")
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for number, name in enumerate(names):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            info.size = 0 if name.endswith("/") else number * 700
            info.mtime, info.uname = 1.5 if form == tarfile.PAX_FORMAT else 1, "\u00fc"
            archive.addfile(info, io.BytesIO(bytes(info.size)))
        link = tarfile.TarInfo("link")
        link.type, link.linkname, link.size = tarfile.SYMTYPE, "l" * 150 if form != tarfile.USTAR_FORMAT else "l", 5000
        archive.addfile(link)
    data = out.getvalue()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        expected = [(it.name, it.size, it.isdir()) for it in archive]
    found = archives.list_tar(BytesRangeReader(data)).members
    assert [(it.name, it.size, it.is_folder) for it in found] == expected


def test_sizes_in_binary_and_members_of_unknown_kinds_are_read() -> None:
    large, odd, last = tarfile.TarInfo("large"), tarfile.TarInfo("odd"), tarfile.TarInfo("last")
    odd.type, odd.size, large.size = b"Z", 513, 1 << 40
    data = (
        odd.tobuf(tarfile.GNU_FORMAT) + bytes(1024) + last.tobuf(tarfile.GNU_FORMAT) + large.tobuf(tarfile.GNU_FORMAT)
    )
    found = archives.list_tar(BytesRangeReader(data)).members
    assert [(it.name, it.size) for it in found] == [("odd", 513), ("last", 0), ("large", 1 << 40)]
