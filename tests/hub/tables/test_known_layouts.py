from __future__ import annotations

import gc
import tracemalloc

from entrepot.cards import DatasetConfig
from entrepot.hub.tables.known_layouts import KnownLayout, KnownLayouts, key_of
from entrepot.names import Oid

TREE = Oid("1" * 40)


def layout(files: int, text: str = "", configs: int = 1) -> KnownLayout:
    paths = tuple(f"{at}.csv" for at in range(files))
    config = DatasetConfig("default", True, "csv", {"train": paths})
    return KnownLayout({"a": text}, [config] * configs, dict.fromkeys(paths, 1))


def test_layouts_are_bounded_in_bytes() -> None:
    known = KnownLayouts(20_000)
    keys = [key_of(1, TREE, b"%d" % at) for at in range(4)]
    for key in keys:
        known.put(key, layout(25))
    assert [known.find(key) is not None for key in keys] == [False, False, True, True]
    known.put(key_of(2, TREE, b""), layout(100))
    known.put(key_of(3, TREE, b""), layout(1, "x" * 1_000))
    known.put(key_of(4, TREE, b""), layout(1, configs=6))
    assert [known.find(key_of(at, TREE, b"")) for at in (2, 3, 4)] == [None] * 3


def test_splits_of_one_file_each_weigh_about_the_memory_they_take() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        splits = {f"s{at}": (f"data/s{at}.csv",) for at in range(5_000)}
        made = KnownLayout({}, [DatasetConfig("default", True, "csv", splits)])
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / 2 < made.weight < taken * 2


def test_keys_are_those_of_a_repository_a_tree_and_a_card() -> None:
    keys = {key_of(1, TREE, b""), key_of(2, TREE, b""), key_of(1, Oid("2" * 40), b""), key_of(1, TREE, b"x")}
    assert len(keys) == 4
    assert key_of(1, TREE, b"x") in keys
