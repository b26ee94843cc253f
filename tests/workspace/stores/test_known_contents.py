"""What a store has already, as far as a publication asks."""

from __future__ import annotations

import pytest

from entrepot.errors import StorageRefused
from entrepot.workspace.stores import known_contents
from entrepot.workspace.stores.formats.keys import INDEXES, VERSIONS
from entrepot.workspace.stores.known_contents import learn_store, weigh, weigh_index
from tests.support.chunk_stores import Desk, noise


def test_the_indexes_of_all_entities_are_learned(desk: Desk) -> None:
    one = desk.publish({"a": noise(50_000, 1)})
    desk.publish({"b": noise(50_000, 2)}, 1, "other")
    known = learn_store(desk.other("reader").store, one.ref)
    assert (len(known.files), len(known.packs), known.is_certain) == (2, 2, True)


def test_indexes_of_others_are_read_up_to_a_budget(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_contents, "INDEX_BUDGET", 1)
    one = desk.publish({"a": noise(50_000, 1)})
    for number in range(3):
        desk.publish({"b": noise(50_000, number + 2)}, 1, f"other-{number}")
    assert len(learn_store(desk.store, one.ref).files) == 2


def test_unreadable_records_and_indexes_are_passed_over(desk: Desk) -> None:
    one = desk.publish({"a": noise(50_000, 1)})
    desk.publish({"b": noise(50_000, 2)}, 2)
    desk.publish({"c": noise(50_000, 3)}, 3)
    desk.damage(desk.list_keys(VERSIONS)[1], 0)
    reader = desk.other("reader")
    record = desk.store.get_record(one.ref).record
    desk.damage(f"{INDEXES}{record.indexes[0][:2]}/{record.indexes[0]}")
    assert len(learn_store(reader.store, one.ref).files) == 1


def test_without_the_right_to_list_the_cached_indexes_count(desk: Desk) -> None:
    one = desk.publish({"a": noise(50_000, 1)})

    def refuse(verb: str, key: str, number: int) -> None:
        if verb == "list":
            raise StorageRefused("memory://test", "keys", "AccessDenied")

    desk.bucket.before = refuse
    known = learn_store(desk.store, one.ref)
    assert (len(known.files), known.is_certain) == (1, False)
    files = {"a": noise(50_000, 1), "b": noise(50_000, 9)}
    desk.pack(files)
    assert desk.push(desk.draft(files, 2)).bytes_known == 50_000


def test_weights_are_close_to_the_truth(desk: Desk) -> None:
    desk.publish({f"f{number}": noise(20_000, number) for number in range(100)})
    [key] = desk.list_keys(INDEXES)
    found = desk.bucket.bucket.stat(key)
    assert found is not None
    weight = weigh_index(desk.store.get_index(key.rpartition("/")[2]))
    assert 0.8 * found.size < weight < 1.2 * found.size
    assert weigh(0, 0) == 0
