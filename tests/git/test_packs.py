from __future__ import annotations

import hashlib
import pathlib
import subprocess
import zlib

import pytest

from entrepot.errors import Malformed
from entrepot.git import Kind, oid_of
from entrepot.git.packs import entry_header, pack_header, read_index_ids, read_pack_header

CONTENTS = {Kind.BLOB: [b"", b"x" * 15, b"y" * 16, b"z" * 70_000], Kind.TREE: [b""]}


def test_git_reads_a_pack_made_of_these_pieces_and_we_its_index(tmp_path: pathlib.Path) -> None:
    objects = [(kind, content) for kind, contents in CONTENTS.items() for content in contents]
    body = pack_header(len(objects))
    body += b"".join(entry_header(kind, len(content)) + zlib.compress(content) for kind, content in objects)
    pack = tmp_path / "a.pack"
    pack.write_bytes(body + hashlib.sha1(body).digest())

    subprocess.run(["git", "index-pack", "--strict", pack], check=True, capture_output=True)

    ids = list(read_index_ids((tmp_path / "a.idx").read_bytes()))
    assert ids == sorted(oid_of(kind, content) for kind, content in objects)


def test_the_header_tells_the_number_of_objects() -> None:
    assert read_pack_header(pack_header(70_000) + b"rest") == 70_000


@pytest.mark.parametrize("data", [b"", b"PACK", b"KCAP" + bytes(8), b"PACK\0\0\0\x04\0\0\0\0"])
def test_data_that_is_not_a_pack_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_pack_header(data)


@pytest.mark.parametrize("data", [b"", bytes(2000), b"\xfftOc\0\0\0\x02" + b"\0\0\0\x09" * 256])
def test_bytes_that_are_no_index_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        list(read_index_ids(data))
