from __future__ import annotations

from collections.abc import Callable

from entrepot.client.calls import xet
from entrepot.client.hubs import Hub
from entrepot.names import RepoRef


def test_passes_for_reading_and_writing(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    found = hub.send(xet.read_token(ref, "main"))
    assert found.cas_url.startswith(hub.endpoint)
    assert found.access_token not in repr(found)
    assert hub.send(xet.write_token(ref, "main")).access_token != found.access_token


def test_a_pass_for_a_pull_request() -> None:
    from entrepot.names import RepoId, RepoType

    ref = RepoRef(RepoType.MODEL, RepoId("a", "b"))
    call = xet.write_token(ref, "main", create_pr=True)
    assert (call.path, call.query) == ("/api/models/a/b/xet-write-token/main", (("create_pr", "1"),))
