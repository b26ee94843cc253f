"""Parts of buckets."""

from __future__ import annotations

from entrepot.workspace.stores.buckets import PrefixedBucket
from tests.support.chunk_stores import memory_bucket


def test_keys_begin_with_the_prefix_and_are_shown_without_it() -> None:
    whole = memory_bucket()
    one, other = PrefixedBucket(whole, "team/a/"), PrefixedBucket(whole, "team/b/")
    one.put_new("ws1/x", b"1")
    other.put_new("ws1/x", b"2")
    assert sorted(found.key for found in whole.list("")) == ["team/a/ws1/x", "team/b/ws1/x"]
    assert [found.key for found in one.list("ws1/")] == ["ws1/x"]
    found = one.stat("ws1/x")
    assert found is not None
    assert found.key == "ws1/x"
    one.delete("ws1/x")
    assert other.get("ws1/x", 10) is not None
