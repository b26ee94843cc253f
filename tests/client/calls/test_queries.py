from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.client.calls import queries
from entrepot.client.hubs import Hub
from entrepot.errors import InvalidParameter, RepoNotFound
from entrepot.names import RepoRef
from entrepot.wire.files.queries import QueryRequest, QueryTarget


def test_a_query_is_sent(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    with pytest.raises(InvalidParameter):
        hub.send(queries.run(QueryRequest(dataset="", sql="select 1")))
    with pytest.raises(RepoNotFound):
        hub.send(queries.run(QueryRequest(dataset=str(ref.id), sql="select 1")))


def test_a_refused_query_names_every_dataset_that_may_be_the_reason(
    hub: Hub, fresh_repo: Callable[..., RepoRef]
) -> None:
    ref = fresh_repo()
    others = {"old": QueryTarget(revision="v1"), "more": QueryTarget(dataset=str(ref.id), type="model")}
    with pytest.raises(RepoNotFound) as refused:
        hub.send(queries.run(QueryRequest(dataset="alice/absent", sql="select 1", others=others)))
    assert f"dataset alice/absent or model {ref.id} was not found on" in refused.value.message
