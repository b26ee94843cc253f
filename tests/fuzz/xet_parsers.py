"""Fuzz everything that reads bytes in ``entrepot.xet``, by chance in CI and guided by coverage by hand.

Both stop at the first input that raises anything but an error of the project,
or that contradicts itself when written again. By chance, from a fixed seed and
from a new one that is printed, each for half of the time::

    python tests/fuzz/xet_parsers.py --seconds 60
    python tests/fuzz/xet_parsers.py --seconds 60 --seed 123

Guided by coverage, which needs CPython 3.11 to 3.13 on Linux and the package ``atheris``::

    pip install atheris
    python tests/fuzz/xet_parsers.py -max_total_time=300 -max_len=4096 -rss_limit_mb=2048

The first argument may be a folder that keeps interesting inputs between runs.
"""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import random
import struct
import sys
import tempfile
import time
from array import array

try:
    import atheris
except ImportError:  # the search by chance needs nothing
    atheris = None

# atheris 3.0 keeps the result of every comparison of arrays for ever; the chunker compares many.
with (
    atheris.instrument_imports(include=["entrepot"], exclude=["entrepot.xet.chunking"])
    if atheris
    else contextlib.nullcontext()
):
    from entrepot.errors import EntrepotError
    from entrepot.names import XetHash, parse_sha256
    from entrepot.xet import (
        Chunker,
        Terms,
        XorbBuilder,
        XorbIndex,
        check_steps,
        chunk_ends,
        chunk_hash,
        encode_shard,
        open_chunks,
        parse_shard,
        parse_xorb,
        plan,
        read_index,
    )
    from entrepot.xet.compression import Decoder, put_in_order
    from entrepot.xet.footers import check_footer

VECTORS = pathlib.Path(__file__).parents[1] / "xet" / "vectors.json"
SOME_HASH = XetHash("1" * 64)
KNOWN = XorbIndex(bytes(range(96)), array("I", [18, 46, 84]), array("I", [10, 30, 60]))


def xorb(data: bytes) -> None:
    parse_xorb(data, SOME_HASH)


def chunks(data: bytes) -> None:
    index = read_index(data[: 40 * (data[0] % 4 + 1)] if data else b"")
    open_chunks(data[40:], index, 0, index.count)


def index(data: bytes) -> None:
    found = read_index(data)
    assert found.encode() == data


def payload(data: bytes) -> None:
    if len(data) > 4:
        (length,) = struct.unpack("<I", data[:4])
        found = Decoder().unpack(data[4] % 4, memoryview(data)[5:], length % 200_000)
        assert len(put_in_order([found])[0]) == length % 200_000


def shard(data: bytes) -> None:
    found = parse_shard(data)
    assert parse_shard(encode_shard(found)) == found
    for file in found.files:
        if file.sha256:
            parse_sha256(file.sha256)
    list(check_steps(found, lambda _: None))


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
    assert b"".join(open_chunks(made.data, made.index, 0, made.index.count)) == data


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


def spoil(draw: random.Random, data: bytes) -> bytes:
    """Return a seed with a few bytes changed, cut out, repeated or added."""
    made = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(made) + 1)
        end = min(len(made), at + draw.choice([1, 4, 8, 32, 48]))
        match draw.randrange(5):
            case 0 if at < len(made):
                made[at] = draw.choice([0, 1, 0x7F, 0x80, 0xFF, made[at] ^ (1 << draw.randrange(8))])
            case 1:
                del made[at:end]
            case 2:
                made[at:at] = made[at:end]
            case 3:
                made[at:end] = draw.randbytes(end - at)
            case _:
                made[at:at] = draw.randbytes(draw.choice([1, 4, 48]))
    return bytes(made)


def search(seed: int, seconds: float) -> int:
    """Run spoilt seeds until the time is over and return how many; an error names the seed and the input."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        write_seeds(pathlib.Path(folder))
        seeds = [path.read_bytes()[1:4097] for path in sorted(pathlib.Path(folder).iterdir())]
    seeds += [KNOWN.encode(), b"", draw.randbytes(200)]
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = bytes([count % len(TARGETS)]) + spoil(draw, draw.choice(seeds))
        try:
            one_input(data)
        except BaseException:
            print(f"seed {seed}, input {count}: {base64.b64encode(data).decode()}", file=sys.stderr)
            raise
        count += 1
    return count


if __name__ == "__main__":
    if sys.argv[1:2] == ["--seconds"]:
        for seed in (1, random.SystemRandom().getrandbits(32)) if len(sys.argv) < 5 else (int(sys.argv[4]),):
            print(f"seed {seed}: {search(seed, float(sys.argv[2]) / 2):,} inputs", flush=True)
    elif atheris is None:
        sys.exit("install atheris for a search guided by coverage, or search by chance: --seconds 60 [--seed 1]")
    else:
        with tempfile.TemporaryDirectory() as folder:
            write_seeds(pathlib.Path(folder))
            atheris.Setup([*sys.argv, folder], one_input)
            atheris.Fuzz()
