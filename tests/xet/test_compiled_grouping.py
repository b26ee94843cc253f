from __future__ import annotations

import pytest

from entrepot.xet.compiled_grouping import CompiledGrouping
from tests.support.byte_groups import group_bytes

pytest.importorskip("wasmtime", reason="the extra 'speed' is not installed")


@pytest.fixture(scope="module")
def grouping() -> CompiledGrouping:
    return CompiledGrouping()


@pytest.mark.parametrize(
    "chunks",
    [
        [([bytes(131_072)], 131_072)] * 5,
        [([b"a"], 1)] * 16_384,
        [([b""], 0)],
        [([b"abc"], 4)],
        [([b"abc", b"de"], 4)],
    ],
    ids=["too long", "too many", "empty", "too few bytes", "too many bytes"],
)
def test_what_does_not_fit_is_refused(grouping: CompiledGrouping, chunks: list[tuple[list[bytes], int]]) -> None:
    with pytest.raises(ValueError, match="bytes"):
        grouping.ungroup(chunks)


def test_the_longest_chunks_fill_the_memory(grouping: CompiledGrouping) -> None:
    contents = [bytes([number]) * 131_072 for number in range(4)]
    found = grouping.ungroup([([group_bytes(content)], len(content)) for content in contents])
    assert list(map(bytes, found)) == contents


def test_its_memory_is_used_again_after_a_failure(grouping: CompiledGrouping) -> None:
    with pytest.raises(ValueError, match="pieces"):
        grouping.ungroup([([b"abc"], 4)])
    (found,) = grouping.ungroup([([b"ac", b"b"], 3)])
    assert found == b"acb"
