from __future__ import annotations

from entrepot.names import Oid, RepoId, RepoPath, RepoRef, RepoType
from entrepot.server.pages.repositories.pictures import find_pictures
from tests.support.served_hub import ServedHub


def test_pictures_are_found_next_to_their_table_and_from_the_root(world: ServedHub) -> None:
    commit = Oid(world.commit(world.repo("found"), {"t/a.png": b"123", "b.jpg": b"4", "c.txt": b"5"}))
    ref = RepoRef(RepoType.MODEL, RepoId("alice", "found"))
    rows: list[dict[str, object]] = [{"x": "a.png"}, {"x": "b.jpg"}, {"x": "none.png"}, {"x": "c.txt"}, {"x": 5}]
    found = find_pictures(world.hub, None, ref, commit, rows, ["t", ""])
    assert found == {"a.png": (RepoPath("t/a.png"), 3), "b.jpg": (RepoPath("b.jpg"), 1)}
