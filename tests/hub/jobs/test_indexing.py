from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import commits
from entrepot.errors import HistoryBeingIndexed
from entrepot.hub.files.operations import AddFile
from entrepot.hub.jobs import handlers, indexing
from entrepot.hub.jobs.indexing import index_briefly, index_history
from entrepot.names import RepoPath
from tests.support.worlds import World

P = RepoPath


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
