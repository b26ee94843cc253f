from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import commits
from entrepot.errors import HistoryBeingIndexed
from entrepot.hub.context import HubContext
from entrepot.hub.files import xorb_scrubbing
from entrepot.hub.files.operations import AddFile
from entrepot.hub.jobs import handlers, indexing
from entrepot.hub.jobs.indexing import WORK_OF_A_COMMIT, index_briefly, index_steps
from entrepot.names import Oid, RepoPath
from tests.support.worlds import World

P = RepoPath


def index_history(hub: HubContext, repo_id: int, head: Oid) -> int:
    """Run all steps, and return the number of indexed commits."""
    return xorb_scrubbing.finish(index_steps(hub, repo_id, head))


def test_every_ancestor_is_indexed_once(world: World) -> None:
    ref = world.repo()
    made = [world.add(ref, f"d/f{number}") for number in range(5)]
    row_id = world.row_id(ref)
    assert index_history(world.hub, row_id, made[2]) == 4
    assert index_history(world.hub, row_id, made[4]) == 2
    assert index_history(world.hub, row_id, made[4]) == 0
    with world.hub.read() as tx:
        newest = commits.last_changes(tx, row_id, made[3], [P("d"), P("d/f3"), P("d/f4")])
    assert newest == {"d": made[3], "d/f3": made[3]}


def test_a_commit_of_thousands_of_files_is_indexed(world: World) -> None:
    ref = world.repo()
    paths = [P(f"d{number % 50}/f{number}") for number in range(4500)]
    head = world.commit(ref, *(AddFile(path, b"x") for path in paths))
    index_history(world.hub, world.row_id(ref), head)
    with world.hub.read() as tx:
        assert set(commits.last_changes(tx, world.row_id(ref), head, paths).values()) == {head}


def test_indexing_tells_how_many_commits_are_left_and_pauses_within_large_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_IN_A_STEP", 2)
    monkeypatch.setattr(indexing, "_BATCH", 10)
    ref = world.repo()
    for number in range(3):
        world.add(ref, f"f{number}")
    large = world.commit(ref, *(AddFile(P(f"d/{number}"), b"x") for number in range(95)))
    world.add(ref, "last")
    paused = list[int | None]()
    for left_bytes in index_steps(world.hub, world.row_id(ref), world.add(ref, "f")):
        paused.append(left_bytes)
        with world.hub.write(Lock.nothing()):
            pass  # no step leaves a transaction open
    assert [left for left in paused if left is not None] == [number * WORK_OF_A_COMMIT for number in (7, 5, 3, 1)]
    assert paused.count(None) == 9, "96 paths, ten in a step"
    with world.hub.read() as tx:
        paths = [P("d"), *(P(f"d/{number}") for number in range(95))]
        assert commits.last_changes(tx, world.row_id(ref), large, paths) == dict.fromkeys(paths, large)


def test_several_may_index_at_once(world: World) -> None:
    ref = world.repo()
    heads = [world.add(ref, f"f{number}") for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: index_history(world.hub, world.row_id(ref), heads[-1]), range(4)))
    with world.hub.read() as tx:
        assert commits.unindexed(tx, world.row_id(ref), heads[-1]) == []
        newest = commits.last_changes(tx, world.row_id(ref), heads[-1], [P(f"f{n}") for n in range(20)])
    assert newest == {f"f{number}": oid for number, oid in enumerate(heads)}


def test_commits_that_are_recorded_together_are_all_found(world: World) -> None:
    ref = world.repo()
    sizes = (3, 1_500, 0, 1_500, 2)
    heads = [
        world.commit(ref, *(AddFile(P(f"{turn}/f{n}"), b"x") for n in range(size)), AddFile(P("same"), b"%d" % turn))
        for turn, size in enumerate(sizes)
    ]
    row_id = world.row_id(ref)
    index_history(world.hub, row_id, heads[-1])
    with world.hub.read() as tx:
        for turn, size in enumerate(sizes):
            paths = [P(f"{turn}/f{n}") for n in range(size)]
            assert commits.last_changes(tx, row_id, heads[-1], paths) == dict.fromkeys(paths, heads[turn])
        assert commits.last_changes(tx, row_id, heads[2], [P("same")]) == {"same": heads[2]}
        assert commits.unindexed(tx, row_id, heads[-1]) == []


def test_a_request_indexes_few_commits_itself(world: World) -> None:
    ref = world.repo()
    heads = [world.add(ref, f"f{number}") for number in range(3)]
    index_briefly(world.hub, world.row_id(ref), heads[-1])
    with world.hub.read() as tx:
        assert commits.unindexed(tx, world.row_id(ref), heads[-1]) == []


def test_a_request_leaves_many_commits_to_the_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BRIEF_COMMITS", 3)
    ref = world.repo()
    heads = [world.add(ref, f"f{number}") for number in range(3)]
    repo_id = world.row_id(ref)
    key = indexing.history_job(repo_id)
    handlers.run_now(world.hub, key)
    heads += [world.add(ref, f"g{number}") for number in range(4)]
    with world.hub.write() as tx:
        job = jobs.claim(tx, "crashed", 1 << 60, 1 << 60, dedup_key=key)
        assert job is not None
        jobs.fail(tx, job.id, "crashed", "no", None, 1 << 60)
    with pytest.raises(HistoryBeingIndexed, match="is being indexed"):
        index_briefly(world.hub, repo_id, heads[-1])
    with world.hub.read() as tx:
        assert (commits.unindexed(tx, repo_id, heads[-1]), jobs.is_pending(tx, key)) == (heads[-4:], True)
    index_briefly(world.hub, repo_id, heads[-2])
    handlers.run_now(world.hub, key)
    index_briefly(world.hub, repo_id, heads[-1])


def test_a_request_keeps_what_it_has_indexed_before_a_large_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_BATCH", 10)
    ref = world.repo()
    first = world.add(ref, "f")
    large = world.commit(ref, *(AddFile(P(f"{number}"), b"x") for number in range(11)))
    with pytest.raises(HistoryBeingIndexed):
        index_briefly(world.hub, world.row_id(ref), large)
    with world.hub.read() as tx:
        assert commits.unindexed(tx, world.row_id(ref), large) == [large]
        assert commits.last_changes(tx, world.row_id(ref), first, [P("f")]) == {"f": first}


def test_a_request_indexes_no_longer_than_its_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "_BRIEF_S", 0.0)
    ref = world.repo()
    head = world.add(ref, "f")
    with pytest.raises(HistoryBeingIndexed):
        index_briefly(world.hub, world.row_id(ref), head)
