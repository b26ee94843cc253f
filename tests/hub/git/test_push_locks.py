from __future__ import annotations

from entrepot.git import Entry, Mode
from entrepot.hub.git.push_locks import PushGuard
from entrepot.hub.repos.locks import LfsLock
from entrepot.names import Oid, RepoPath, Uid


def test_no_trees_are_read_without_locks_of_others() -> None:
    guard = PushGuard([], _no_tree, _no_entry, {Oid("a"): ()})
    assert guard.find(None, Oid("a"), lambda: False) is None


def _no_tree(_commit: Oid) -> Oid:
    raise AssertionError


def _no_entry(_tree: Oid, _path: RepoPath) -> Entry | None:
    raise AssertionError


def test_a_merge_changes_only_what_differs_from_all_its_parents() -> None:
    held = [LfsLock(Uid("0" * 24), RepoPath("f"), None, 1, "wendy", 0)]
    contents = {"base": "1", "theirs": "2", "merge": "2", "evil": "3"}
    parents = {"merge": ("base", "theirs"), "evil": ("base", "theirs")}
    guard = PushGuard(
        held,
        lambda commit: commit,
        lambda tree, _path: Entry("f", Mode.FILE, Oid(contents[tree])),
        {Oid(oid): tuple(map(Oid, above)) for oid, above in parents.items()},
    )
    assert guard.find(Oid("base"), Oid("merge"), lambda: True) is None
    assert guard.find(Oid("base"), Oid("evil"), lambda: True) == held[0]
    assert guard.find(Oid("base"), Oid("theirs"), lambda: True) is None
    assert guard.find(Oid("theirs"), Oid("base"), lambda: False) == held[0]


def test_commits_that_many_refs_share_are_compared_once() -> None:
    read: list[str] = []

    class Parents(dict[Oid, tuple[Oid, ...]]):
        def __getitem__(self, oid: Oid) -> tuple[Oid, ...]:
            read.append(oid)
            return super().__getitem__(oid)

    chain = [Oid(str(number)) for number in range(100)]
    parents = Parents({oid: tuple(chain[number - 1 : number]) for number, oid in enumerate(chain) if number})
    held = [LfsLock(Uid("0" * 24), RepoPath("f"), None, 1, "wendy", 0)]
    guard = PushGuard(held, lambda _commit: Oid("t"), _no_entry, parents)
    for _ in range(100):
        assert guard.find(None, chain[-1], lambda: False) is None
    assert len(read) <= 3 * len(chain)
