import sqlalchemy as sa

from entrepot.catalog import tables, together

HERE = [table for table in vars(together).values() if isinstance(table, sa.Table)]


def test_the_tables_belong_to_the_one_database_that_migrations_make() -> None:
    assert HERE
    assert all(tables.metadata.tables[table.name] is table for table in HERE)


def test_every_row_that_others_may_name_in_public_has_an_id_that_tells_nothing() -> None:
    for table in (
        together.discussion_events,
        together.collections,
        together.collection_items,
        together.access_requests,
        together.invitations,
        together.webhooks,
        together.deliveries,
    ):
        uid = table.c.uid
        assert uid.unique or uid.primary_key
        assert not uid.nullable
