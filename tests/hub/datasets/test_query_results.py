from __future__ import annotations

import duckdb
import pytest

from entrepot.errors import RepoNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.datasets import query_results
from entrepot.hub.datasets.queries import QueryResult, QuerySource, run
from entrepot.hub.tables.exchanges import ChildProcess
from entrepot.hub.tables.forked_processes import ForkedProcesses
from entrepot.names import RepoRef, RepoType
from tests.support.worlds import World

DATA = b"id,age\n1,20\n2,30\n"


class Counted:
    """Counts the processes that are started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started = 0
        start = ForkedProcesses.start

        def counted(processes: ForkedProcesses) -> ChildProcess:
            self.started += 1
            return start(processes)

        monkeypatch.setattr(ForkedProcesses, "start", counted)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def ask(world: World, ref: RepoRef, sql: str, by: MaybeCaller = None, **options: int) -> QueryResult:
    return run(world.hub, by, [QuerySource("", ref, "main")], sql, **options)


def test_the_same_query_over_the_same_bytes_is_answered_from_memory(world: World, counted: Counted) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "data.csv", DATA)
    first = ask(world, ref, "select id from train where age > 20")
    world.add(ref, "README.md", b"another commit, the same table")
    second = ask(world, ref, "select id from train where age > 20")
    assert (list(first.rows), list(second.rows), counted.started) == ([{"id": 2}], [{"id": 2}], 1)
    assert first.commits != second.commits
    ask(world, ref, "select id from train where age > 20", most=1)
    assert counted.started == 2


def test_changed_bytes_and_other_repositories_are_read(world: World, counted: Counted) -> None:
    refs = [world.repo(name, kind=RepoType.DATASET) for name in ("alice/d", "alice/e")]
    for ref in refs:
        world.add(ref, "data.csv", DATA)
        assert list(ask(world, ref, "select count(*) n from train").rows) == [{"n": 2}]
    world.add(refs[0], "data.csv", DATA + b"3,40\n")
    assert list(ask(world, refs[0], "select count(*) n from train").rows) == [{"n": 3}]
    assert counted.started == 3


def test_rights_are_judged_before_a_remembered_result(world: World, counted: Counted) -> None:
    ref = world.repo("alice/hidden", kind=RepoType.DATASET, visibility="private")
    world.add(ref, "data.csv", DATA)
    ask(world, ref, "select id from train", world.alice)
    with pytest.raises(RepoNotFound):
        ask(world, ref, "select id from train", world.bob)
    ask(world, ref, "select id from train", world.alice)
    assert counted.started == 1


def test_queries_that_ask_for_chance_or_time_are_run_each_time(world: World, counted: Counted) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "data.csv", DATA)
    values = {str(ask(world, ref, "select random() r from train limit 1").rows[0]["r"]) for _ in range(2)}
    assert (len(values), counted.started) == (2, 2)


def test_every_function_that_is_not_repeatable_is_known() -> None:
    volatile = "stability = 'VOLATILE' OR (stability = 'CONSISTENT_WITHIN_QUERY' AND len(parameters) = 0)"
    harmless = {"error"}
    rows = duckdb.execute(f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE {volatile}").fetchall()
    names = {name for (name,) in rows} - harmless
    assert {"random", "now", "uuid"} <= names
    assert [name for name in sorted(names) if query_results.may_keep([f"select {name}()"], [])] == []


@pytest.mark.parametrize(
    "sql",
    ["select current_timestamp", "select 'today'::date", "select * from train using sample 3", 'select "random" ()'],
)
def test_words_of_time_and_chance_are_known(sql: str) -> None:
    assert not query_results.may_keep([sql], [])


@pytest.mark.parametrize("sql", ['select "age" from train where "age" > 30', "select 'nowhere', samples from train"])
def test_columns_with_similar_names_are_remembered(sql: str) -> None:
    assert query_results.may_keep([sql], [{"rows": []}])
    assert not query_results.may_keep([sql], [{"rows": []}, {"refused": "no"}])
