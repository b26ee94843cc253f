from __future__ import annotations

import os

import pytest

from entrepot.client.calls import Response, folders
from entrepot.client.hubs import Hub
from entrepot.errors import Conflict, NotFound
from entrepot.names import RepoType

FOLDER = (
    b'{"id":"666666666666666666666666","type":"model","owner":"alice","name":"llm","labels":["a"],"description":"d",'
    b'"permission":"own","editor":null,"createdAt":"t1","lastModified":"t2","public":false,"later":1}'
)


def test_a_folder_is_addressed_by_type_owner_and_name() -> None:
    call = folders.get(RepoType.MODEL, "alice", "llm")
    assert (call.method, call.path) == ("GET", "/api/folders/model/alice/llm")
    found = call.read(Response(200, {}, FOLDER, "http://hub/x"))
    assert (found.owner, found.name, found.labels, found.editor) == ("alice", "llm", ["a"], None)
    assert folders.get(RepoType.DATASET, "a/b", "~").path == "/api/folders/dataset/a%2Fb/~"


def test_lists_of_folders_and_repositories() -> None:
    assert folders.page(RepoType.MODEL, scope="shared").query == (("type", "model"), ("scope", "shared"))
    call = folders.page(RepoType.MODEL, owner="acme")
    assert call.query == (("type", "model"), ("owner", "acme"))
    page = call.read(Response(200, {"link": '<http://hub/next>; rel="next"'}, b"[" + FOLDER + b"]", "http://hub/x"))
    assert ([item.name for item in page.items], page.next_url) == (["llm"], "http://hub/next")
    assert folders.repos(RepoType.MODEL, "alice", "llm").path == "/api/folders/model/alice/llm/repos"


def test_changes_name_only_what_changes() -> None:
    assert folders.change(RepoType.MODEL, "alice", "llm", labels=[]).body == b'{"labels":[]}'
    assert folders.change(RepoType.MODEL, "alice", "llm", new_name="x", description="").body == (
        b'{"name":"x","description":""}'
    )


def test_a_folder_at_a_hub(hub: Hub) -> None:
    name = f"f{os.urandom(4).hex()}"
    made = hub.send(folders.create(RepoType.MODEL, name, labels=["a"], description="text"))
    assert (made.owner, made.name, made.labels, made.permission) == ("tester", name, ["a"], "own")
    with pytest.raises(Conflict):
        hub.send(folders.create(RepoType.MODEL, name, owner="tester"))
    assert hub.send(folders.change(RepoType.MODEL, "tester", name, new_name=f"{name}-b")).id == made.id
    assert hub.send(folders.get(RepoType.MODEL, "tester", name)).name == f"{name}-b"
    assert f"{name}-b" in [item.name for item in hub.pages(folders.page(RepoType.MODEL))]
    assert list(hub.pages(folders.repos(RepoType.MODEL, "tester", f"{name}-b"))) == []
    hub.send(folders.delete(RepoType.MODEL, "tester", f"{name}-b"))
    with pytest.raises(NotFound):
        hub.send(folders.get(RepoType.MODEL, "tester", f"{name}-b"))
