from __future__ import annotations

import random

import numpy as np
import pytest

from entrepot.xet import file_hash, repeats
from entrepot.xet.repeats import Run, repeated_file_hash
from entrepot.xet.steps import run_steps


def run(draw: random.Random, count: int) -> Run:
    return draw.randbytes(32 * count), np.array([draw.randint(1, 100) for _ in range(count)], np.int64)


@pytest.mark.parametrize("small", [4, 50, 1 << 17])
@pytest.mark.parametrize("seed", range(12))
def test_a_file_of_repeated_runs_has_the_hash_of_all_its_chunks(
    monkeypatch: pytest.MonkeyPatch, small: int, seed: int
) -> None:
    monkeypatch.setattr(repeats, "_SMALL", small)
    draw = random.Random(seed)
    pool = [run(draw, draw.randint(1, draw.choice([2, 30, 300]))) for _ in range(draw.randint(1, 5))]
    runs = [draw.choice(pool) for _ in range(draw.randint(1, 60))]
    hashes, lengths = b"".join(bytes(part) for part, _ in runs), np.concatenate([part for _, part in runs])
    assert run_steps(repeated_file_hash(runs)) == file_hash(hashes, lengths)


def test_each_combination_is_joined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    joined: list[int] = []
    fold = repeats.fold  # type: ignore[attr-defined] # imported there

    def counted(hashes: bytes, lengths: object, *, complete: bool) -> object:
        joined.append(len(hashes) // 32)
        return fold(hashes, lengths, complete=complete)  # type: ignore[arg-type]

    monkeypatch.setattr(repeats, "fold", counted)
    run_steps(repeated_file_hash([run(random.Random(1), 1024)] * 20_000))
    assert sum(joined) < 200_000  # of 20 million chunks
