from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.client.calls import refs
from entrepot.client.hubs import Hub
from entrepot.errors import Conflict, RevisionNotFound
from entrepot.names import RepoRef


def test_branches_and_tags(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    hub.send(refs.create_branch(ref, "feature/one"))
    hub.send(refs.create_tag(ref, "v1", message="first"))
    found = hub.send(refs.listing(ref, include_pulls=True))
    assert [branch.name for branch in found.branches] == ["feature/one", "main"]
    assert [tag.name for tag in found.tags] == ["v1"]
    assert found.pull_requests == []
    assert hub.send(refs.listing(ref)).pull_requests is None
    with pytest.raises(Conflict):
        hub.send(refs.create_branch(ref, "feature/one"))
    hub.send(refs.delete_branch(ref, "feature/one"))
    hub.send(refs.delete_tag(ref, "v1"))
    with pytest.raises(RevisionNotFound):
        hub.send(refs.delete_tag(ref, "v1"))


def test_a_history_and_its_end(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    [first] = hub.pages(refs.log(ref, formatted=True, limit=1))
    assert first.title == "initial commit"
    assert first.formatted is not None
    squashed = hub.send(refs.squash(ref, message="anew")).commit_id
    assert [(entry.id, entry.title) for entry in hub.pages(refs.log(ref))] == [(squashed, "anew")]
