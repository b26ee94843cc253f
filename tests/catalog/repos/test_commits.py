import random
from collections.abc import Callable, Sequence

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.database import Read
from entrepot.catalog.repos import commits
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import Oid, RepoPath
from tests.support.database_steps import steps_of

AddRepo = Callable[..., RepoRow]


def oid(number: int) -> Oid:
    return Oid(f"{number:040x}")


def numbers(oids: Sequence[Oid]) -> list[int]:
    return [int(one, 16) for one in oids]


def record(catalog: Catalog, repo: RepoRow, graph: dict[int, list[int]]) -> None:
    """Record commits, parents first; each key is a commit, its value the parents."""
    with catalog.write() as tx:
        for number, parents in graph.items():
            above = [commits.generation(tx, repo.id, oid(parent)) or 0 for parent in parents]
            commits.put(tx, repo.id, oid(number), [oid(parent) for parent in parents], 1 + max(above, default=0))


def change(catalog: Catalog, repo: RepoRow, number: int, *paths: str) -> None:
    with catalog.write() as tx:
        commits.put_changes(tx, repo.id, oid(number), [RepoPath(path) for path in paths])


#     1 - 2 - 4 - 5
#      `- 3 -'
DIAMOND: dict[int, list[int]] = {1: [], 2: [1], 3: [1], 4: [2, 3], 5: [4]}


def test_the_generation_is_one_more_than_the_highest_of_the_parents(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {1: [], 2: [1], 3: [2], 4: [1, 3]})
    with catalog.read() as tx:
        assert [commits.generation(tx, repo.id, oid(number)) for number in (1, 2, 3, 4, 9)] == [1, 2, 3, 4, None]


def test_recording_a_commit_again_changes_nothing(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, DIAMOND)
    with catalog.write() as tx:
        commits.mark_indexed(tx, repo.id, oid(4))
    record(catalog, repo, DIAMOND)
    with catalog.read() as tx:
        assert commits.count_ancestors(tx, repo.id, oid(5)) == 5
        assert oid(4) not in commits.unindexed(tx, repo.id, oid(5))


def test_a_commit_reached_on_two_ways_counts_once(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, DIAMOND)
    with catalog.read() as tx:
        assert [commits.count_ancestors(tx, repo.id, oid(number)) for number in (1, 2, 4, 5)] == [1, 2, 4, 5]
        assert numbers(commits.ancestors(tx, repo.id, oid(5))) == [5, 4, 2, 3, 1]


def test_an_unknown_commit_has_no_history(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, DIAMOND)
    with catalog.read() as tx:
        assert commits.count_ancestors(tx, repo.id, oid(9)) == 0
        assert commits.ancestors(tx, repo.id, oid(9)) == []
        assert not commits.is_ancestor(tx, repo.id, oid(9), oid(5))
        assert not commits.is_ancestor(tx, repo.id, oid(1), oid(9))


def test_children_come_before_parents_however_long_the_side_branch(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {9: [], 8: [9], 1: [8], 2: [1], 3: [2], 7: [8], 5: [7, 3]})
    with catalog.read() as tx:
        assert numbers(commits.ancestors(tx, repo.id, oid(5))) == [5, 3, 2, 1, 7, 8, 9]


def test_a_history_is_paged(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, DIAMOND)
    with catalog.read() as tx:
        pages = [numbers(commits.ancestors(tx, repo.id, oid(5), offset=at, limit=2)) for at in (0, 2, 4, 6)]
        rest = numbers(commits.ancestors(tx, repo.id, oid(5), offset=3))
    assert pages == [[5, 4], [2, 3], [1], []]
    assert rest == [3, 1]


@pytest.mark.parametrize(
    ("old", "head", "reached"),
    [(5, 5, True), (1, 5, True), (3, 5, True), (5, 1, False), (2, 3, False), (3, 2, False), (2, 4, True)],
)
def test_a_commit_is_an_ancestor_when_it_is_reachable(
    catalog: Catalog, repo: RepoRow, old: int, head: int, reached: bool
) -> None:
    record(catalog, repo, DIAMOND)
    with catalog.read() as tx:
        assert commits.is_ancestor(tx, repo.id, oid(old), oid(head)) is reached


@pytest.mark.parametrize(
    ("old", "head", "is_line"),
    [(1, 2, True), (1, 3, True), (1, 5, False), (4, 5, True), (2, 4, False), (5, 5, True), (5, 7, True), (1, 7, False)],
)
def test_a_history_without_merges_is_a_line(
    catalog: Catalog, repo: RepoRow, old: int, head: int, *, is_line: bool
) -> None:
    record(catalog, repo, {**DIAMOND, 6: [5], 7: [6]})
    with catalog.read() as tx:
        assert commits.is_line(tx, repo.id, oid(old), oid(head)) is is_line


def test_histories_of_two_repositories_do_not_mix(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    record(catalog, repo, {1: [], 2: [1], 3: [2]})
    record(catalog, other, {3: []})
    change(catalog, repo, 2, "a")
    with catalog.read() as tx:
        assert commits.count_ancestors(tx, other.id, oid(3)) == 1
        assert numbers(commits.ancestors(tx, other.id, oid(3))) == [3]
        assert not commits.is_ancestor(tx, other.id, oid(1), oid(3))
        assert commits.last_changes(tx, other.id, oid(3), [RepoPath("a")]) == {}
        assert commits.generation(tx, other.id, oid(3)) == 1


def test_commits_to_index_come_parents_first_and_only_of_this_branch(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {**DIAMOND, 6: [1]})
    with catalog.write() as tx:
        assert numbers(commits.unindexed(tx, repo.id, oid(5))) == [1, 2, 3, 4, 5]
        assert [commits.count_unindexed(tx, repo.id, oid(5), most=most) for most in (1, 5, 6)] == [1, 5, 5]
        for number in (1, 3):
            commits.mark_indexed(tx, repo.id, oid(number))
        assert numbers(commits.unindexed(tx, repo.id, oid(5))) == [2, 4, 5]
        assert numbers(commits.unindexed(tx, repo.id, oid(6))) == [6]
        for number in (2, 4, 5):
            commits.mark_indexed(tx, repo.id, oid(number))
        assert commits.unindexed(tx, repo.id, oid(5)) == []


def test_commits_to_index_are_ordered_by_ancestry_not_by_id(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {9: [], 5: [9], 7: [5], 1: [7]})
    with catalog.read() as tx:
        assert numbers(commits.unindexed(tx, repo.id, oid(1))) == [9, 5, 7, 1]


def test_a_repository_that_is_fully_indexed_has_nothing_to_index(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    record(catalog, repo, {1: []})
    record(catalog, add_repo("other"), {1: []})
    with catalog.write() as tx:
        commits.mark_indexed(tx, repo.id, oid(1))
        assert commits.unindexed(tx, repo.id, oid(1)) == []


def test_the_last_change_of_a_path_is_looked_for_on_the_branch_asked_for(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {1: [], 2: [1], 3: [2], 4: [2]})
    change(catalog, repo, 1, "a", "b")
    change(catalog, repo, 3, "a")
    change(catalog, repo, 4, "b", "c")
    paths = [RepoPath(path) for path in "abc"]
    with catalog.read() as tx:
        assert commits.last_changes(tx, repo.id, oid(2), paths) == {"a": oid(1), "b": oid(1)}
        assert commits.last_changes(tx, repo.id, oid(3), paths) == {"a": oid(3), "b": oid(1)}
        assert commits.last_changes(tx, repo.id, oid(4), paths) == {"a": oid(1), "b": oid(4), "c": oid(4)}


def test_a_merge_shows_the_changes_of_both_sides(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, DIAMOND)
    change(catalog, repo, 1, "left", "right", "both")
    change(catalog, repo, 2, "left", "both")
    change(catalog, repo, 3, "right", "both")
    paths = [RepoPath(path) for path in ("left", "right", "both")]
    with catalog.read() as tx:
        newest = commits.last_changes(tx, repo.id, oid(5), paths)
    assert newest == {"left": oid(2), "right": oid(3), "both": oid(2)}


def test_last_changes_of_many_paths_and_of_none(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {1: [], 2: [1]})
    many = [f"data/{number}" for number in range(6001)]
    change(catalog, repo, 1, *many)
    change(catalog, repo, 2, many[0], many[-1])
    with catalog.read() as tx:
        newest = commits.last_changes(tx, repo.id, oid(2), [RepoPath(path) for path in many])
        assert commits.last_changes(tx, repo.id, oid(2), []) == {}
    assert len(newest) == 6001
    assert {path for path, one in newest.items() if one == oid(2)} == {many[0], many[-1]}


def test_a_change_recorded_twice_is_recorded_once(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {1: []})
    change(catalog, repo, 1, "a", "a")
    change(catalog, repo, 1, "a")
    with catalog.read() as tx:
        assert commits.last_changes(tx, repo.id, oid(1), [RepoPath("a")]) == {"a": oid(1)}


def test_paths_have_keys_of_sixteen_bytes_of_their_own() -> None:
    paths = ["a", "A", "a/b", "ä", "x" * 4000, "\udcff"]
    keys = {commits.path_key(RepoPath(path)) for path in paths}
    assert len(keys) == len(paths)
    assert {len(bytes.fromhex(key)) for key in keys} == {16}


def test_forgotten_commits_leave_nothing_and_others_stay(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    for one in (repo, other):
        record(catalog, one, {1: [], 2: [1], 3: [1]})
        change(catalog, one, 1, "a")
        change(catalog, one, 3, "a")
    with catalog.write() as tx:
        commits.remove(tx, repo.id, [oid(3), oid(9)])
        commits.remove(tx, repo.id, [])
        assert commits.generation(tx, repo.id, oid(3)) is None
        assert commits.ancestors(tx, repo.id, oid(3)) == []
        assert commits.last_changes(tx, repo.id, oid(2), [RepoPath("a")]) == {"a": oid(1)}
        assert commits.last_changes(tx, other.id, oid(3), [RepoPath("a")]) == {"a": oid(3)}
    record(catalog, repo, {3: [1]})
    with catalog.read() as tx:
        assert commits.last_changes(tx, repo.id, oid(3), [RepoPath("a")]) == {"a": oid(1)}


def reachable(graph: dict[int, list[int]], head: int) -> set[int]:
    seen: set[int] = set()
    waiting = [head]
    while waiting:
        number = waiting.pop()
        if number not in seen:
            seen.add(number)
            waiting.extend(graph[number])
    return seen


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_history_agrees_with_a_walk_in_memory(catalog: Catalog, repo: RepoRow, seed: int) -> None:
    dice = random.Random(seed)
    graph: dict[int, list[int]] = {1: []}
    for number in range(2, 60):
        graph[number] = dice.sample(range(max(1, number - 6), number), k=min(number - 1, dice.choice([1, 1, 2, 3])))
    changed = {number: dice.sample("abcdef", k=2) for number in graph}
    record(catalog, repo, graph)
    for number, paths in changed.items():
        change(catalog, repo, number, *paths)
    with catalog.read() as tx:
        for head in (7, 30, 59):
            expected = reachable(graph, head)
            order = numbers(commits.ancestors(tx, repo.id, oid(head)))
            place = {number: at for at, number in enumerate(order)}
            assert set(order) == expected
            assert len(order) == len(expected) == commits.count_ancestors(tx, repo.id, oid(head))
            assert all(place[number] < place[parent] for number in order for parent in graph[number])
            reached = {number for number in graph if commits.is_ancestor(tx, repo.id, oid(number), oid(head))}
            assert reached == expected
            newest = commits.last_changes(tx, repo.id, oid(head), [RepoPath(path) for path in "abcdef"])
            first = {path: next(oid(n) for n in order if path in changed[n]) for path in newest}
            assert newest == first
            assert set(newest) == {path for number in expected for path in changed[number]}


def bases(catalog: Catalog, repo: RepoRow, left: int, right: int) -> list[int]:
    with catalog.read() as tx:
        return numbers(commits.merge_bases(tx, repo.id, oid(left), oid(right)))


def test_the_merge_base_is_the_best_common_ancestor(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {1: [], 2: [1], 3: [2], 4: [3], 5: [2], 6: [5, 3], 7: []})
    assert bases(catalog, repo, 4, 5) == [2]
    assert bases(catalog, repo, 4, 6) == [3]
    assert bases(catalog, repo, 2, 4) == bases(catalog, repo, 4, 2) == [2]
    assert bases(catalog, repo, 4, 4) == [4]
    assert bases(catalog, repo, 4, 7) == []


def test_histories_that_crossed_have_two_merge_bases(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {1: [], 2: [1], 3: [1], 4: [2, 3], 5: [3, 2], 6: [4], 7: [5]})
    assert sorted(bases(catalog, repo, 6, 7)) == [2, 3]


def test_merge_bases_are_those_of_the_definition(catalog: Catalog, repo: RepoRow) -> None:
    draw = random.Random(1)
    graph: dict[int, list[int]] = {1: []}
    for number in range(2, 40):
        graph[number] = draw.sample(range(max(1, number - 6), number), k=min(number - 1, draw.choice((0, 1, 1, 2, 2))))
    record(catalog, repo, graph)
    above: dict[int, set[int]] = {}
    for number, parents in graph.items():
        above[number] = {number}.union(*(above[parent] for parent in parents))
    for _ in range(60):
        left, right = draw.sample(list(graph), k=2)
        common = above[left] & above[right]
        best = {it for it in common if not any(it in above[other] - {other} for other in common)}
        assert set(bases(catalog, repo, left, right)) == best


def test_commits_that_one_of_several_heads_reaches(catalog: Catalog, repo: RepoRow) -> None:
    record(catalog, repo, {**DIAMOND, 6: [1], 7: [6]})
    with catalog.read() as tx:
        wanted = [oid(number) for number in (1, 3, 6, 7, 99)]
        assert commits.reached(tx, repo.id, wanted, [oid(5)]) == {oid(1), oid(3)}
        assert commits.reached(tx, repo.id, wanted, [oid(5), oid(6)]) == {oid(1), oid(3), oid(6)}
        assert commits.reached(tx, repo.id, wanted, [oid(98)]) == commits.reached(tx, repo.id, [], [oid(5)]) == set()


def test_commits_that_are_not_on_the_way_cost_a_walk_nothing(catalog: Catalog, repo: RepoRow) -> None:
    def walks() -> list[int]:
        reads: list[Callable[[Read], object]] = [
            lambda tx: commits.unindexed(tx, repo.id, oid(30)),
            lambda tx: commits.count_unindexed(tx, repo.id, oid(30), most=20),
            lambda tx: commits.count_ancestors(tx, repo.id, oid(30)),
            lambda tx: commits.ancestors(tx, repo.id, oid(30), limit=20),
            lambda tx: commits.last_changes(tx, repo.id, oid(30), [RepoPath("a.txt")]),
            lambda tx: commits.reached(tx, repo.id, [oid(1)], [oid(30)]),
        ]
        return [steps_of(catalog, read) for read in reads]

    record(catalog, repo, {number: [number - 1] if number > 1 else [] for number in range(1, 31)})
    before = walks()
    record(catalog, repo, {number: [number - 1] for number in range(31, 600)})
    assert [now for now, then in zip(walks(), before, strict=True) if now > then + 100] == []
