from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from entrepot.catalog import open_catalog, tables
from entrepot.catalog.engines import make_engine
from entrepot.catalog.migrations import run

pytestmark = pytest.mark.empty_database


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Return whether SQLAlchemy knows an object of the database; it does not know the full-text index."""
    return not (kind == "table" and (name or "").startswith("repo_texts"))


def differences(url: str, metadata: sa.MetaData) -> list[Any]:
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_name": is_ours}
        )
        found = compare_metadata(context, metadata)
    engine.dispose()
    return found


@pytest.fixture
def migrated(database_url: str) -> str:
    """The URL of a database that the migrations alone have made."""
    engine = make_engine(database_url)
    run.upgrade(engine)
    engine.dispose()
    return database_url


def test_the_migrations_make_exactly_the_tables_that_queries_are_written_against(migrated: str) -> None:
    assert differences(migrated, tables.metadata) == []


def test_a_table_a_column_and_an_index_that_no_migration_makes_are_noticed(migrated: str) -> None:
    drifted = sa.MetaData()
    for table in tables.metadata.sorted_tables:
        table.to_metadata(drifted)
    sa.Table("extra", drifted, sa.Column("id", sa.Integer, primary_key=True))
    drifted.tables["meta"].append_column(sa.Column("note", sa.Text))
    sa.Index("extra_index", drifted.tables["meta"].c.value)
    assert {one[0] for one in differences(migrated, drifted)} == {"add_table", "add_column", "add_index"}


def test_a_table_that_only_the_migrations_make_is_noticed(migrated: str) -> None:
    drifted = sa.MetaData()
    for table in tables.metadata.sorted_tables:
        if table.name != "meta":
            table.to_metadata(drifted)
    assert [one[0] for one in differences(migrated, drifted)] == ["remove_table"]


def test_running_the_migrations_again_changes_nothing(migrated: str) -> None:
    engine = make_engine(migrated)
    run.upgrade(engine)
    engine.dispose()
    assert differences(migrated, tables.metadata) == []


def test_the_migrations_form_one_line() -> None:
    scripts = list(run.scripts().walk_revisions())
    assert [script.down_revision for script in scripts] == [*(script.revision for script in scripts[1:]), None]


def test_a_new_database_has_the_tables_and_indexes_of_the_migrations(
    migrated: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if migrated.startswith("sqlite"):
        new = f"sqlite:///{tmp_path_factory.mktemp('new') / 'catalog.sqlite3'}"
    else:
        server = request.getfixturevalue("postgres")
        new = server.url(server.create())
    open_catalog(new).close()
    assert shape_of(new) == shape_of(migrated)


def shape_of(url: str) -> dict[str, object]:
    """Columns, keys and indexes of every table."""
    engine = make_engine(url)
    inspector = sa.inspect(engine)
    shape: dict[str, object] = {}
    for name in inspector.get_table_names():
        columns = [
            (row["name"], str(row["type"]), row["nullable"], row["default"]) for row in inspector.get_columns(name)
        ]
        indexes = sorted(
            (row["name"], tuple(row["column_names"]), row["unique"]) for row in inspector.get_indexes(name)
        )
        unique = sorted(tuple(row["column_names"]) for row in inspector.get_unique_constraints(name))
        shape[name] = (columns, inspector.get_pk_constraint(name)["constrained_columns"], indexes, unique)
    engine.dispose()
    return shape
