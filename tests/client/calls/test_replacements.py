from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.client.calls import refs, replacements
from entrepot.client.hubs import Hub
from entrepot.errors import RevisionNotFound
from entrepot.names import RepoId, RepoRef, RepoType


def test_the_call_names_both_branches() -> None:
    call = replacements.replace(RepoRef(RepoType.MODEL, RepoId("ns", "name")), "main", "v1")
    assert (call.method, call.path, call.body) == ("POST", "/api/models/ns/name/replace/main", b'{"from":"v1"}')
    assert call.is_repeatable


def test_a_branch_is_replaced_at_a_hub(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    hub.send(refs.create_branch(ref, "v1", is_empty=True))
    first = hub.send(replacements.replace(ref, "main", "v1", message="m"))
    assert first.unchanged is False
    again = hub.send(replacements.replace(ref, "main", "v1"))
    assert (again.unchanged, again.commit_oid) == (True, first.commit_oid)
    found = hub.send(refs.lookup(ref, first.commit_oid[:8]))
    assert (found.kind, found.commit.title, len(found.commit.parents)) == ("commit", "m", 2)
    with pytest.raises(RevisionNotFound):
        hub.send(replacements.replace(ref, "main", "none"))
