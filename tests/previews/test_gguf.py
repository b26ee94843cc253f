from __future__ import annotations

import random
import struct

import pytest

from entrepot.errors import Malformed
from entrepot.previews import gguf
from entrepot.previews.gguf import GgufTensor
from entrepot.previews.sources import BytesRangeReader


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def strings(*values: str) -> bytes:
    return struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values))


def tensor(name: str, kind: int, *shape: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", kind, 0)


def gguf_file(pairs: list[bytes], tensors: list[bytes], version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + b"".join(tensors)


TOKENS = [f"t{n}" for n in range(200)]
WHOLE = gguf_file(
    [
        pair("general.architecture", 8, text("llama")),
        pair("llama.context_length", 4, struct.pack("<I", 8192)),
        pair("llama.rope", 6, struct.pack("<f", 0.5)),
        pair("tokenizer.ggml.tokens", 9, strings(*TOKENS)),
        pair("tokenizer.ggml.scores", 9, struct.pack("<IQ200f", 6, 200, *range(200))),
        pair("tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 1)),
        pair("tokenizer.ggml.eos_token_id", 4, struct.pack("<I", 150)),
        pair("tokenizer.chat_template", 8, text("{{ messages }}")),
        pair("nested", 9, struct.pack("<IQ", 9, 1) + strings("x")),
        pair("flag", 7, b"\1"),
    ],
    [tensor("a", 12, 256, 2), tensor("b", 0, 3), tensor("c", 99, 1)],
)


def test_a_header_tells_architecture_context_tokens_and_tensors() -> None:
    header = gguf.read_header(BytesRangeReader(WHOLE))
    assert (header.version, header.architecture, header.context_length) == (3, "llama", 8192)
    assert header.tensors == (
        GgufTensor("a", "Q4_K", (256, 2)),
        GgufTensor("b", "F32", (3,)),
        GgufTensor("c", "99", (1,)),
    )
    assert header.parameters == 516
    assert header.special_tokens == {"bos": "t1", "eos": "t150"}
    assert header.text("tokenizer.chat_template") == "{{ messages }}"
    assert header.metadata["nested"] == [["x"]]
    assert header.metadata["flag"] is True


def test_long_arrays_are_cut_and_their_length_is_kept() -> None:
    header = gguf.read_header(BytesRangeReader(WHOLE))
    assert header.metadata["tokenizer.ggml.tokens"] == TOKENS[:64]
    assert header.lengths["tokenizer.ggml.scores"] == 200


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends within its header"),
        (b"GGML" + bytes(20), "does not begin with GGUF"),
        (gguf_file([], [], version=1), "version 1 is not supported"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "it claims 1,152,921,504,606,846,976 pairs"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "pairs and 1,152,921,504,606,846,976 tensors"),
        (gguf_file([pair("a", 9, struct.pack("<IQ", 8, 2**40))], []), "an array has 1,099,511,627,776 items"),
        (gguf_file([pair("a", 99, b"")], []), "unknown type 99"),
        (gguf_file([pair("a", 9, struct.pack("<IQ", 99, 2))], []), "unknown type 99"),
        (gguf_file([struct.pack("<Q", 2**50)], []), "a text has"),
        (gguf_file([], [text("a") + struct.pack("<I", 9)]), "has 9 dimensions"),
        (gguf_file([pair("a", 9, struct.pack("<IQ", 9, 1) * 10)], []), "nested too deeply"),
        (WHOLE[:-1], "ends within its header"),
    ],
)
def test_other_files_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        gguf.read_header(BytesRangeReader(data))


def test_metadata_above_the_limit_are_refused() -> None:
    with pytest.raises(Malformed, match="larger than 100 bytes"):
        gguf.read_header(BytesRangeReader(WHOLE), most=100)


def test_damaged_headers_are_read_or_refused() -> None:
    chance = random.Random(7)
    for _ in range(500):
        data = bytearray(WHOLE)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            gguf.read_header(BytesRangeReader(bytes(data)))
        except Malformed:
            continue
