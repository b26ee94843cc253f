from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from entrepot.catalog import Catalog, tables
from entrepot.catalog.engines import make_engine
from entrepot.catalog.migrations import run


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


def test_the_migrations_make_exactly_the_tables_that_queries_are_written_against(
    catalog: Catalog, database_url: str
) -> None:
    assert differences(database_url, tables.metadata) == []


def test_a_table_a_column_and_an_index_that_no_migration_makes_are_noticed(catalog: Catalog, database_url: str) -> None:
    drifted = sa.MetaData()
    for table in tables.metadata.sorted_tables:
        table.to_metadata(drifted)
    sa.Table("extra", drifted, sa.Column("id", sa.Integer, primary_key=True))
    drifted.tables["meta"].append_column(sa.Column("note", sa.Text))
    sa.Index("extra_index", drifted.tables["meta"].c.value)
    assert {one[0] for one in differences(database_url, drifted)} == {"add_table", "add_column", "add_index"}


def test_a_table_that_only_the_migrations_make_is_noticed(catalog: Catalog, database_url: str) -> None:
    drifted = sa.MetaData()
    for table in tables.metadata.sorted_tables:
        if table.name != "meta":
            table.to_metadata(drifted)
    assert [one[0] for one in differences(database_url, drifted)] == ["remove_table"]


def test_running_the_migrations_again_changes_nothing(catalog: Catalog, database_url: str) -> None:
    engine = make_engine(database_url)
    run.upgrade(engine)
    engine.dispose()
    assert differences(database_url, tables.metadata) == []


def test_the_migrations_form_one_line() -> None:
    scripts = list(run.scripts().walk_revisions())
    assert [script.down_revision for script in scripts] == [*(script.revision for script in scripts[1:]), None]
