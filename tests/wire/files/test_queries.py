from __future__ import annotations

import msgspec

from entrepot.wire.files.queries import QueryRequest, QueryTarget


def test_further_sources_are_called_with() -> None:
    query = QueryRequest(dataset="a/d", sql="select 1", others={"old": QueryTarget(revision="v1")})
    data = b'{"dataset":"a/d","sql":"select 1","with":{"old":{"revision":"v1"}}}'
    assert msgspec.json.encode(query) == data
    assert msgspec.json.decode(data, type=QueryRequest) == query
