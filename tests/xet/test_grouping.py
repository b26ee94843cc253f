from __future__ import annotations

import threading
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.xet import grouping
from entrepot.xet.compiled_grouping import compiled_grouping
from entrepot.xet.grouping import Grouped, split_bytes, ungroup_all
from tests.support.byte_groups import group_bytes

NOISE = np.random.default_rng(21).bytes(1 << 20)


@pytest.fixture(params=["numpy", "compiled"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    made = compiled_grouping() if request.param == "compiled" else None
    if request.param == "compiled" and made is None:
        pytest.skip("the extra 'speed' is not installed")
    monkeypatch.setattr(grouping, "_compiled", lambda _length: made)


def pieces_of(data: bytes, ends: list[int]) -> list[bytes]:
    cuts = sorted({0, len(data), *(end % (len(data) + 1) for end in ends)})
    return [data[start:end] for start, end in pairwise(cuts)]


def test_bytes_are_grouped_as_clients_do_it(vectors: dict[str, Any]) -> None:
    for vector in vectors["bg4"]:
        assert group_bytes(bytes.fromhex(vector["input_hex"])).hex() == vector["grouped_hex"]


@given(st.binary(max_size=300))
def test_a_group_has_every_fourth_byte(data: bytes) -> None:
    assert [bytes(group) for group in split_bytes(data)] == [data[group::4] for group in range(4)]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("length", [*range(1, 140), 4095, 65_533, 131_069, 131_070, 131_071, 131_072])
def test_every_length_is_put_in_order(length: int) -> None:
    data = NOISE[length : 2 * length]
    assert ungroup_all([Grouped(split_bytes(data), length)])[0] == data
    assert ungroup_all([Grouped([group_bytes(data)], length)])[0] == data


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "lengths",
    [[131_072] * 9, [1] * 70_000, [131_071, 3, 131_070, 2, 131_069, 1] * 2, [65_537] * 8, []],
    ids=["longest", "shortest", "odd ones", "middle", "none"],
)
def test_many_chunks_do_not_disturb_each_other(lengths: list[int]) -> None:
    starts = [0, *accumulate(lengths)]
    data = NOISE * (starts[-1] // len(NOISE) + 1)
    contents = [data[start:end] for start, end in pairwise(starts)]
    found = ungroup_all([Grouped([group_bytes(content)], len(content)) for content in contents])
    assert [bytes(one) for one in found] == contents


@given(st.lists(st.tuples(st.integers(1, 9000), st.lists(st.integers(0), max_size=6)), max_size=12), st.booleans())
def test_it_does_not_matter_how_the_grouped_bytes_are_cut(
    chunks: list[tuple[int, list[int]]], is_compiled: bool
) -> None:
    contents = [NOISE[7 * length : 8 * length] for length, _ in chunks]
    grouped = [
        Grouped(pieces_of(group_bytes(content), ends), len(content))
        for content, (_, ends) in zip(contents, chunks, strict=True)
    ]
    with pytest.MonkeyPatch.context() as patch:
        made = compiled_grouping() if is_compiled else None
        patch.setattr(grouping, "_compiled", lambda _length: made)
        assert [bytes(one) for one in ungroup_all(grouped)] == contents


@pytest.mark.usefixtures("way")
def test_what_was_returned_is_not_overwritten_later() -> None:
    first = ungroup_all([Grouped([group_bytes(NOISE[:100_000])], 100_000)])[0]
    ungroup_all([Grouped([group_bytes(NOISE[100_000:200_000])], 100_000)])
    assert first == NOISE[:100_000]


@pytest.mark.usefixtures("way")
def test_threads_do_not_disturb_each_other() -> None:
    wrong, start = list[int](), threading.Barrier(6)

    def run(number: int) -> None:
        content = NOISE[number * 70_000 : (number + 1) * 70_000]
        start.wait(30)
        for _ in range(20):
            if ungroup_all([Grouped(split_bytes(content), len(content))])[0] != content:
                wrong.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_a_process_with_little_to_do_does_not_load_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(grouping, "compiled_grouping", lambda: asked.append(1))
    monkeypatch.setattr(grouping._Usage, "done", 0)
    monkeypatch.setattr(grouping, "_LIBRARY_PAYS_AFTER", 250)
    counts = []
    for _ in range(4):
        assert bytes(ungroup_all([Grouped([group_bytes(NOISE[:100])], 100)])[0]) == NOISE[:100]
        counts.append(len(asked))
    assert counts == [0, 0, 0, 1]
