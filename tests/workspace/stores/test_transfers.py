"""Transfers of many objects."""

from __future__ import annotations

import threading

import pytest

from entrepot.errors import StorageUnreachable
from entrepot.workspace.stores.transfers import SentObjects, put_again, put_content, run_all
from tests.support.chunk_stores import memory_bucket


def test_every_item_is_seen_once() -> None:
    seen, lock = list[int](), threading.Lock()

    def see(item: int) -> None:
        with lock:
            seen.append(item)

    run_all(see, range(100), 4, failures=0)
    assert sorted(seen) == list(range(100))
    run_all(see, (), 4, failures=0)


@pytest.mark.parametrize(("failures", "most"), [(0, 20), (5, 30)])
def test_a_failure_stops_what_has_not_begun(failures: int, most: int) -> None:
    calls, lock = list[int](), threading.Lock()

    def fail(item: int) -> None:
        with lock:
            calls.append(item)
        raise StorageUnreachable("x", f"item {item}")

    with pytest.raises(StorageUnreachable):
        run_all(fail, range(1000), 4, failures=failures)
    assert failures < len(calls) <= most


def test_without_a_limit_everything_is_tried() -> None:
    calls = []

    def fail(item: int) -> None:
        calls.append(item)
        raise StorageUnreachable("x", "y")

    with pytest.raises(StorageUnreachable):
        run_all(fail, range(50), 2, failures=None)
    assert len(calls) == 50


def test_other_errors_stop_everything() -> None:
    def fail(item: int) -> None:
        raise KeyError(item)

    with pytest.raises(KeyError):
        run_all(fail, range(10), 2, failures=None)


def test_objects_are_counted_when_they_are_new() -> None:
    bucket, sent = memory_bucket(), SentObjects()
    put_content(bucket, "a", b"123", sent)
    put_content(bucket, "a", b"123", sent)
    assert (sent.objects, sent.bytes) == (1, 3)


def test_damaged_objects_are_replaced() -> None:
    bucket, sent = memory_bucket(), SentObjects()
    bucket.put_new("a", b"1")
    put_content(bucket, "a", b"123", sent)
    assert sent.objects == 1
    put_again(bucket, "a", b"456")
    put_again(bucket, "b", b"7")
    found = bucket.get("a", 10)
    assert found is not None
    assert bytes(found.data) == b"456"
