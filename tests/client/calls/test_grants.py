from __future__ import annotations

import os

from entrepot.client.calls import folders, grants
from entrepot.client.hubs import Hub
from entrepot.names import RepoType
from entrepot.testing.hubs import RunningHub
from entrepot.wire.repos.folders import GrantSubject


def test_a_grant_names_one_subject() -> None:
    call = grants.put(RepoType.MODEL, "alice", "llm", GrantSubject(user="bob"), "edit")
    assert (call.method, call.path, call.body) == (
        "POST",
        "/api/folders/model/alice/llm/grants",
        b'{"user":"bob","role":"edit"}',
    )
    assert call.is_repeatable
    assert grants.delete(RepoType.MODEL, "alice", "llm", GrantSubject(public=True)).body == b'{"public":true}'


def test_grants_at_a_hub(hub: Hub, entrepot_hub: RunningHub) -> None:
    entrepot_hub.user("grantee")
    name = f"f{os.urandom(4).hex()}"
    hub.send(folders.create(RepoType.MODEL, name))
    made = hub.send(grants.put(RepoType.MODEL, "tester", name, GrantSubject(user="grantee"), "edit"))
    assert (made.user, made.role, made.granter) == ("grantee", "edit", "tester")
    hub.send(grants.put(RepoType.MODEL, "tester", name, GrantSubject(public=True), "view"))
    assert len(list(hub.pages(grants.page(RepoType.MODEL, "tester", name)))) == 2
    hub.send(grants.delete(RepoType.MODEL, "tester", name, GrantSubject(user="grantee")))
    [left] = hub.pages(grants.page(RepoType.MODEL, "tester", name))
    assert left.public
