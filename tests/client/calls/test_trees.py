from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.client.calls import commits, trees
from entrepot.client.hubs import Hub
from entrepot.errors import EntryNotFound
from entrepot.names import RepoRef
from entrepot.wire.repos.commits import CommitHeader, CommitLine, File, FileLine, HeaderLine

STRANGE = "a b/ü%23?#&.txt"


@pytest.fixture
def ref(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> RepoRef:
    made = fresh_repo()
    lines: tuple[CommitLine, ...] = (
        HeaderLine(CommitHeader(summary="add")),
        FileLine(File(path=STRANGE, content="hi")),
    )
    hub.send(commits.create(made, "main", b"".join(map(commits.encode_line, lines))))
    return made


def test_folders_are_listed_page_by_page(hub: Hub, ref: RepoRef) -> None:
    paths = [entry.path for entry in hub.pages(trees.page(ref, recursive=True, limit=1))]
    assert paths == ["a b", STRANGE, ".gitattributes"]
    [entry] = hub.pages(trees.page(ref, path="a b", expand=True))
    assert (entry.path, entry.size) == (STRANGE, 2)
    assert entry.last_commit is not None
    with pytest.raises(EntryNotFound):
        list(hub.pages(trees.page(ref, path="nowhere")))


def test_paths_are_described_and_missing_ones_left_out(hub: Hub, ref: RepoRef) -> None:
    found = hub.send(trees.describe(ref, "main", [STRANGE, "nowhere", "a b"]))
    assert [(entry.type, entry.path) for entry in found] == [("file", STRANGE), ("directory", "a b")]
