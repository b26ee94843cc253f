from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.errors import InvalidArgument
from entrepot.workspace.hubs.local_stores import NoBucket, local_store


def test_there_is_nothing_and_nothing_can_be_stored(tmp_path: Path) -> None:
    bucket = NoBucket()
    assert (bucket.get("k", 1), bucket.read("k", 0, 1), bucket.stat("k"), [*bucket.list("")]) == (None, None, None, [])
    assert not bucket.replace("k", b"", "1")
    bucket.delete("k")
    with pytest.raises(InvalidArgument):
        bucket.put_new("k", b"")
    with local_store(tmp_path, 1) as store:
        assert store.bucket.stat("k") is None
