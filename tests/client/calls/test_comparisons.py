from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.client.calls import comparisons, refs
from entrepot.client.hubs import Hub
from entrepot.errors import EntryNotFound, RepoNotFound, RevisionNotFound
from entrepot.names import RepoId, RepoRef, RepoType


def test_a_comparison_is_text(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    hub.send(refs.create_branch(ref, "empty", is_empty=True))
    assert "b/.gitattributes" in hub.send(comparisons.compare(ref, "empty..main"))
    assert hub.send(comparisons.compare(ref, "main..main")) == ""
    with pytest.raises(RevisionNotFound):
        hub.send(comparisons.compare(ref, "main..absent"))


def test_files_and_their_contents_are_compared(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref = fresh_repo()
    hub.send(refs.create_branch(ref, "empty", is_empty=True))
    found = hub.send(comparisons.list_changes(ref, "empty..main"))
    assert [(file.path, file.kind) for file in found.files] == [(".gitattributes", "added")]
    compared = hub.send(comparisons.compare_file(ref, "empty..main", ".gitattributes", ["id"]))
    assert (compared.file.kind, compared.table, compared.model, compared.bytes_read) == ("added", None, None, 0)
    with pytest.raises(EntryNotFound) as missing:
        hub.send(comparisons.compare_file(ref, "empty..main", "data/absent.csv"))
    assert "data/absent.csv" in missing.value.message
    absent = RepoRef(RepoType.MODEL, RepoId("alice", "absent"))
    with pytest.raises(RepoNotFound) as hidden:
        hub.send(comparisons.compare_file(absent, "empty..main", "a.csv"))
    assert hidden.value.message.startswith("model alice/absent was not found on")
