import sqlalchemy as sa

from entrepot.catalog import sign_in_tables, tables

HERE = [table for table in vars(sign_in_tables).values() if isinstance(table, sa.Table)]


def test_the_tables_belong_to_the_one_database_that_migrations_make() -> None:
    assert {table.name for table in HERE} == {
        *(
            "oauth_grants",
            "device_codes",
            "sign_in_codes",
            "sessions",
            "trusted_publishers",
            "used_id_tokens",
            "sso_identities",
            "second_factors",
            "recovery_codes",
            "passkeys",
            "limit_counts",
        ),
    }
    assert all(tables.metadata.tables[table.name] is table for table in HERE)


def test_secrets_are_stored_as_hashes_only() -> None:
    named = [column.name for table in HERE for column in table.columns]
    assert not [name for name in named if name.endswith(("secret", "token", "code"))]
