"""Coverage-guided fuzzing of everything that reads bytes in ``entrepot.xet``; run it by hand.

Not a part of the test run. It needs CPython 3.11 to 3.13 on Linux and the
package ``atheris``, and stops at the first input that raises anything but an
error of the project, or that contradicts itself when written again::

    pip install atheris
    python tests/fuzz/xet_parsers.py -max_total_time=300 -max_len=4096 -rss_limit_mb=2048

The first argument may be a folder that keeps interesting inputs between runs.
"""

from __future__ import annotations

import base64
import json
import pathlib
import struct
import sys
import tempfile
from array import array

import atheris

# atheris 3.0 keeps the result of every comparison of arrays for ever; the chunker compares many.
with atheris.instrument_imports(include=["entrepot"], exclude=["entrepot.xet.chunking"]):
    from entrepot.errors import EntrepotError
    from entrepot.names import XetHash, parse_sha256
    from entrepot.xet import (
        Chunker,
        Terms,
        XorbBuilder,
        XorbIndex,
        check_shard,
        chunk_ends,
        chunk_hash,
        decompress,
        encode_shard,
        parse_shard,
        parse_xorb,
        plan,
        read_chunks,
        read_index,
    )
    from entrepot.xet.footers import check_footer

VECTORS = pathlib.Path(__file__).parents[1] / "xet" / "vectors.json"
SOME_HASH = XetHash("1" * 64)
KNOWN = XorbIndex(bytes(range(96)), array("I", [18, 46, 84]), array("I", [10, 30, 60]))


def xorb(data: bytes) -> None:
    parse_xorb(data, SOME_HASH)


def chunks(data: bytes) -> None:
    index = read_index(data[: 40 * (data[0] % 4 + 1)] if data else b"")
    read_chunks(data[40:], index, 0, index.count)


def index(data: bytes) -> None:
    found = read_index(data)
    assert found.encode() == data


def payload(data: bytes) -> None:
    if len(data) > 4:
        (length,) = struct.unpack("<I", data[:4])
        assert len(decompress(data[4] % 4, data[5:], length % 200_000)) == length % 200_000


def shard(data: bytes) -> None:
    found = parse_shard(data)
    assert parse_shard(encode_shard(found)) == found
    for file in found.files:
        if file.sha256:
            parse_sha256(file.sha256)
    check_shard(found, lambda _: None)


def footer(data: bytes) -> None:
    check_footer(memoryview(data[1:]), data[0] if data else 0)


def reconstruction(data: bytes) -> None:
    if len(data) > 16:
        first, last = struct.unpack("<QQ", data[:16])
        made = plan(Terms(data[16:]), lambda _: KNOWN, first % 2**40, last % 2**40)
        assert made.skip + made.length <= sum(term.unpacked for term in made.terms)


def cutting(data: bytes) -> None:
    content = data * 40
    chunker = Chunker()
    middle = data[0] * len(content) // 256 if data else 0
    assert chunker.feed(content[:middle]) + chunker.feed(content[middle:]) + chunker.finish() == chunk_ends(content)


def building(data: bytes) -> None:
    builder = XorbBuilder()
    pieces = [data[at : at + 100] for at in range(0, len(data), 100)]
    for piece in pieces:
        builder.add(piece, chunk_hash(piece))
    made = builder.finish()
    assert parse_xorb(made.data, made.hash) == made.index
    assert read_chunks(made.data, made.index, 0, made.index.count) == data


TARGETS = (xorb, chunks, index, payload, shard, footer, reconstruction, cutting, building)


def one_input(data: bytes) -> None:
    """The first byte chooses what reads the rest."""
    if data:
        try:
            TARGETS[data[0] % len(TARGETS)](data[1:])
        except EntrepotError as error:
            str(error)


def write_seeds(folder: pathlib.Path) -> None:
    """The known xorbs and shards, so that the search does not begin with nothing."""
    for case in json.loads(VECTORS.read_text(encoding="utf-8"))["end_to_end"]["cases"]:
        (folder / f"shard-{case['name']}").write_bytes(b"\x04" + base64.b64decode(case["shard"]["base64"]))
        for sent in case["xorbs"]:
            if "serialized_base64" in sent:
                (folder / f"xorb-{case['name']}").write_bytes(b"\x00" + base64.b64decode(sent["serialized_base64"]))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as seeds:
        write_seeds(pathlib.Path(seeds))
        atheris.Setup([*sys.argv, seeds], one_input)
        atheris.Fuzz()
