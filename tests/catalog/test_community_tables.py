import sqlalchemy as sa

from entrepot.catalog import community_tables, tables

HERE = [table for table in vars(community_tables).values() if isinstance(table, sa.Table)]


def test_the_tables_belong_to_the_one_database_that_migrations_make() -> None:
    assert HERE
    assert all(tables.metadata.tables[table.name] is table for table in HERE)


def test_every_row_that_others_may_name_in_public_has_an_id_that_tells_nothing() -> None:
    for table in (
        community_tables.discussion_events,
        community_tables.collections,
        community_tables.collection_items,
        community_tables.access_requests,
        community_tables.invitations,
        community_tables.webhooks,
        community_tables.deliveries,
    ):
        uid = table.c.uid
        assert uid.unique or uid.primary_key
        assert not uid.nullable
