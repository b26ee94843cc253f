import subprocess
import sys
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, hub_metadata, open_catalog, schema
from entrepot.catalog.engines import make_engine
from entrepot.catalog.migrations import run
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import DataFolderError

pytestmark = pytest.mark.empty_database

OPEN_TOGETHER = """
import sys
from entrepot.catalog import hub_metadata, open_catalog
from entrepot.catalog.migrations import run
print("ready", flush=True)
sys.stdin.readline()
catalog = open_catalog(sys.argv[1])
with catalog.write() as tx:
    print(hub_metadata.put_first(tx, "winner", sys.argv[2]))
"""


def set_version(url: str, version: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    engine.dispose()


def test_head_is_the_newest_migration_and_every_migration_is_known() -> None:
    scripts = run.scripts()
    assert scripts.get_heads() == [schema.HEAD]
    assert {script.revision for script in scripts.walk_revisions()} == schema.KNOWN


def test_an_empty_database_has_no_version_and_an_opened_one_the_newest(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.connect() as connection:
        assert schema.current(connection) is None
    schema.upgrade(engine)
    with engine.connect() as connection:
        assert schema.current(connection) == schema.HEAD
    engine.dispose()


def test_opening_again_keeps_the_rows(catalog: Catalog, database_url: str, repo: RepoRow) -> None:
    with catalog.write() as tx:
        hub_metadata.put_first(tx, "store", "a")
    again = open_catalog(database_url)
    with again.read() as tx:
        assert hub_metadata.find(tx, "store") == "a"
    again.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    catalog: Catalog, database_url: str, add_repo: Callable[..., RepoRow]
) -> None:
    add_repo("kept")
    set_version(database_url, "9999")
    with pytest.raises(DataFolderError) as caught:
        open_catalog(database_url)
    for words in ("'9999'", schema.HEAD, "newer", "upgrade entrepot"):
        assert words in str(caught.value)
    set_version(database_url, schema.HEAD)
    with catalog.read() as tx:
        assert tx.sql.execute(sa.text("SELECT name FROM repos")).scalars().all() == ["kept"]


def test_processes_that_open_an_empty_database_together_all_succeed(database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_TOGETHER, database_url, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], [errors for _, errors in told]
    assert len({winner for winner, _ in told}) == 1
