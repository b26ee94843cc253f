from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import QueryRefused, RepoNotFound, StoreUnavailable
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.datasets import layouts, queries
from entrepot.hub.datasets.queries import QueryResult, QuerySource, run
from entrepot.names import RepoRef, RepoType
from entrepot.previews.table_formats import MAX_TEXT
from tests.support.parquet_files import parquet_of
from tests.support.worlds import World


@pytest.fixture
def data(world: World) -> RepoRef:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "train.parquet", parquet_of({"id": list(range(1000)), "label": ["a", "b"] * 500}))
    return ref


def ask(world: World, ref: RepoRef, sql: str, by: MaybeCaller = None, **options: Any) -> QueryResult:
    return run(world.hub, by, [QuerySource("", ref, "main")], sql, **options)


def test_a_query_runs_over_the_splits_of_a_dataset(world: World, data: RepoRef) -> None:
    sql = "select label, count(*) n, sum(id) s from train where id >= 500 group by label order by label"
    found = ask(world, data, sql)
    assert list(found.rows) == [{"label": "a", "n": 250, "s": 187_250}, {"label": "b", "n": 250, "s": 187_500}]
    assert [feature["name"] for feature in found.features] == ["label", "n", "s"]
    assert (found.is_cut, list(found.commits)) == (False, [""])


def test_two_revisions_are_joined_in_one_query(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    old = world.add(ref, "data.csv", b"id,v\n1,a\n2,b\n3,c\n")
    new = world.add(ref, "data.csv", b"id,v\n1,a\n2,x\n4,d\n")
    sources = [QuerySource("", ref, "main"), QuerySource("old", ref, old)]
    sql = "select coalesce(n.id, o.id) id, o.v before, n.v after from train n full join old.train o on n.id = o.id"
    found = run(world.hub, None, sources, f"{sql} where n.v is distinct from o.v order by 1")
    assert list(found.rows) == [
        {"id": 2, "before": "b", "after": "x"},
        {"id": 3, "before": "c", "after": None},
        {"id": 4, "before": None, "after": "d"},
    ]
    assert found.commits == {"": new, "old": old}


def test_a_table_without_columns_is_refused_at_once(world: World) -> None:
    ref = world.repo("alice/empty", kind=RepoType.DATASET)
    world.add(ref, "train.csv", b"")
    with pytest.raises(QueryRefused, match="the table 'train' has no columns"):
        ask(world, ref, "select * from train")


def test_results_are_cut_and_columns_get_names_of_their_own(world: World, data: RepoRef) -> None:
    found = ask(world, data, 'select id, id, 1.5::decimal(4,2) d from "default.train" order by 1', most=3)
    assert (len(found.rows), found.is_cut) == (3, True)
    assert list(found.rows[2].values()) == [2, 2, "1.50"]
    found = ask(world, data, "select timestamptz '2026-01-02 03:04:05+00' t, [1, 2] l, {'a': null} s, 'nan'::float f")
    assert list(found.rows) == [{"t": "2026-01-02T03:04:05+00:00", "l": [1, 2], "s": {"a": None}, "f": None}]


ESCAPES = [
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/hostname')",
    "select * from read_csv('/etc/passwd')",
    "select * from read_json('/proc/self/environ')",
    "select * from read_parquet('/tmp/*.parquet')",
    "select * from '/etc/passwd'",
    "select * from 'catalog.sqlite3'",
    "select * from glob('/*')",
    "select * from 'https://example.org/a.parquet'",
    "select * from read_csv('s3://bucket/a.csv')",
    "select * from sqlite_scan('/tmp/catalog.sqlite3', 'accounts')",
    "copy train to '/tmp/stolen.csv'",
    "copy (select 1) to '/dev/stdout'",
    "create table t as select 1",
    "insert into train values (1)",
    "delete from train",
    "drop view train",
    "update train set id = 1",
    "attach '/tmp/x.db'",
    "attach 'catalog.sqlite3' as c (type sqlite)",
    "install httpfs",
    "load httpfs",
    "load '/tmp/evil.duckdb_extension'",
    "set enable_external_access = true",
    "reset lock_configuration",
    "pragma enable_profiling='json'",
    "export database '/tmp/x'",
    "import database '/tmp/x'",
    "create secret s (type http, bearer_token 'x')",
    "select 1; select * from read_text('/etc/passwd')",
    "select getenv('HOME')",
    "call pragma_version()",
    "explain analyze select 1",
    "prepare p as select 1",
    "use memory.main",
    "create macro m() as 1",
    "select * from query('create table x(a int)')",
    "select * from query_table('/etc/passwd')",
    "select * from _answer",
    "select * from request",
    "vacuum",
    "",
    "nonsense",
]


def test_attempts_to_leave_the_sandbox_are_refused(world: World, data: RepoRef) -> None:
    tables = list(queries.query_tables("", layouts.find_layout(world.hub, None, data, "main")))
    results = queries.try_queries(world.hub, None, tables, [*ESCAPES, "select count(*) n from train"], most=10)
    assert [sql for sql, result in zip(ESCAPES, results, strict=False) if "refused" not in result] == []
    assert results[-1]["rows"] == [{"n": 1000}]


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from range(100000000000) a, range(1000000) b",
        "select string_agg(a.range::varchar, repeat('x', 10000)) from range(100000000) a",
        "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t",
    ],
)
def test_endless_and_large_queries_are_ended(world: World, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_CPU_S", 2)
    with pytest.raises(QueryRefused):
        queries.run_queries(world.hub, None, [], [sql], most=10)


def test_a_query_ends_after_its_time_in_all_however_little_of_the_processor_it_got(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_S", 1)
    endless = "select count(*) from range(1000000000000) where hash(range) = 0"
    reason = "more than 10 seconds of processor time, more than 1 seconds in all, or too much memory"
    with pytest.raises(QueryRefused, match=reason):
        queries.run_queries(world.hub, None, [], [endless], most=10)


def test_a_sort_that_does_not_fit_in_memory_names_no_file(world: World) -> None:
    sql = "select repeat('x', 4000) || range::varchar as a from range(1000000) order by hash(range)"
    with pytest.raises(QueryRefused, match="it takes more memory than a query may") as caught:
        queries.run_queries(world.hub, None, [], [sql], most=10)
    assert "tmp" not in caught.value.message


def test_a_private_source_is_an_absent_one(world: World, data: RepoRef) -> None:
    hidden = world.repo("alice/hidden", kind=RepoType.DATASET, visibility="private")
    world.add(hidden, "a.csv", b"a\n1\n")
    sources = [QuerySource("", data, "main"), QuerySource("h", hidden, "main")]
    with pytest.raises(RepoNotFound):
        run(world.hub, world.bob, sources, "select 1")
    assert list(run(world.hub, world.alice, sources, "select * from h.train").rows) == [{"a": 1}]


def test_an_unknown_table_is_answered_with_the_known_ones(world: World, data: RepoRef) -> None:
    with pytest.raises(QueryRefused, match=r"its tables: train, default.train"):
        ask(world, data, "select * from tests")
    with pytest.raises(
        QueryRefused, match=r"Table with name valid does not exist! \(its tables: train, default.train\)"
    ):
        ask(world, data, "select * from valid")
    with pytest.raises(QueryRefused, match="characters"):
        ask(world, data, "x" * 100_000)
    with pytest.raises(QueryRefused, match="with different names"):
        run(world.hub, None, [QuerySource("", data, "main")] * 2, "select 1")


def test_the_names_of_tables_are_looked_for_within_a_limit(
    world: World, data: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, sql = [QuerySource("", data, "main")], "select count(*) as n from TRAIN"
    layout = layouts.find_layout(world.hub, world.alice, data, "main")
    tables = len(list(queries.query_tables("", layout)))
    monkeypatch.setattr(queries, "MAX_COMPARED", len(sql) * tables)
    assert list(run(world.hub, world.alice, sources, sql).rows) == [{"n": 1000}]
    with pytest.raises(QueryRefused, match=f"may have {len(sql)} characters; it has {len(sql) + 1}"):
        run(world.hub, world.alice, sources, sql + " ")


def test_queries_wait_for_each_other(world: World, data: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_WAIT_S", 0.01)
    with queries._slot(world.hub), queries._slot(world.hub), pytest.raises(StoreUnavailable):
        ask(world, data, "select 1")
    assert list(ask(world, data, "select 1 a").rows) == [{"a": 1}]


def test_no_more_than_a_limit_is_read(world: World, data: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_MAX_READ", 100)
    with pytest.raises(QueryRefused, match="reads too much"):
        ask(world, data, "select * from train")
    monkeypatch.setattr(queries, "MAX_FILES", 1)
    with pytest.raises(QueryRefused, match="files"):
        ask(world, data, 'select * from train, "default.train"')


def test_a_result_over_the_beginning_of_a_file_is_partial(world: World) -> None:
    ref = world.repo("alice/long", kind=RepoType.DATASET)
    world.add_large(ref, "a.csv", b"a\n" + (b"x" * 1_000 + b"\n") * (MAX_TEXT // 1_000 + 100))
    found = run(world.hub, None, [QuerySource("", ref, "main")], "select count(*) as n from train")
    assert found.is_cut
    assert found.rows[0]["n"] < MAX_TEXT // 1_000
