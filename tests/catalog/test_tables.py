from collections.abc import Callable

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, tables
from entrepot.catalog.repos.repositories import RepoRow

ALL = tables.metadata.sorted_tables


def test_a_digest_is_hex_in_python_and_raw_bytes_in_the_database(catalog: Catalog, repo: RepoRow) -> None:
    oid = "00ff" * 10
    refs = tables.refs
    with catalog.write() as tx:
        tx.sql.execute(sa.insert(refs).values(repo_id=repo.id, name="x", oid=oid, updated_ms=1))
    with catalog.read() as tx:
        raw = tx.sql.execute(sa.select(sa.type_coerce(refs.c.oid, sa.LargeBinary))).scalar_one()
        assert bytes(raw) == bytes.fromhex(oid)
        assert tx.sql.execute(sa.select(refs.c.oid)).scalar_one() == oid


def test_an_absent_digest_stays_absent() -> None:
    dialect = sa.create_engine("sqlite://").dialect
    digest = tables.Hex(20)
    assert digest.process_bind_param(None, dialect) is None
    assert digest.process_result_value(None, dialect) is None


def test_text_that_is_not_hex_is_never_stored(catalog: Catalog, repo: RepoRow) -> None:
    row = {"repo_id": repo.id, "name": "x", "oid": "main", "updated_ms": 1}
    with pytest.raises(sa.exc.StatementError), catalog.write() as tx:
        tx.sql.execute(sa.insert(tables.refs).values(row))


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_every_foreign_key_is_led_by_an_index(table: sa.Table) -> None:
    # Without the index, each deletion of the referenced row scans the table.
    indexed = [[column.name for column in table.primary_key.columns]]
    indexed += [[column.name for column in index.columns] for index in table.indexes]
    unique = [one for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
    indexed += [[column.name for column in constraint.columns] for constraint in unique]
    for key in table.foreign_keys:
        assert key.parent.name in {columns[0] for columns in indexed}, f"{table.name}.{key.parent.name}"


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_times_are_whole_milliseconds_that_outlive_32_bits(table: sa.Table) -> None:
    for column in table.columns:
        if column.name.endswith("_ms"):
            assert isinstance(column.type, sa.BigInteger), f"{table.name}.{column.name}"


def test_rows_are_numbered_by_the_database(add_repo: Callable[..., RepoRow]) -> None:
    first, second = add_repo("a"), add_repo("b")
    assert 0 < first.id < second.id


def test_a_row_cannot_name_a_repository_that_is_not_there(catalog: Catalog) -> None:
    row = {"repo_id": 999, "name": "x", "oid": "0" * 40, "updated_ms": 1}
    with pytest.raises(sa.exc.IntegrityError), catalog.write() as tx:
        tx.sql.execute(sa.insert(tables.refs).values(row))
