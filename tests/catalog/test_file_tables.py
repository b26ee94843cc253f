import sqlalchemy as sa

from entrepot.catalog import file_tables, tables

HERE = [table for table in vars(file_tables).values() if isinstance(table, sa.Table)]


def test_the_tables_belong_to_the_one_database_that_migrations_make() -> None:
    assert HERE
    assert all(tables.metadata.tables[table.name] is table for table in HERE)


def test_every_content_has_a_column_that_tells_the_sweeper_when_it_was_used_last() -> None:
    for table in (file_tables.files, file_tables.file_links, file_tables.xorbs, file_tables.xet_files):
        assert not table.c.touched_ms.nullable
