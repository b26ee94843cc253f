"""Prepared statements give what SQLAlchemy gives, in the same transaction."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

import entrepot.catalog
from entrepot.catalog import Catalog, Lock
from entrepot.catalog.accounts import accounts, tokens
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.tokens import Token
from entrepot.catalog.files import files
from entrepot.catalog.files.file_links import REPO
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.prepared import Prepared, PreparedForList
from entrepot.catalog.repos import refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import DataFolderError
from entrepot.names import MAIN, Oid, new_uid
from tests.support.stored_rows import sha

OID = Oid("ab" * 20)


def every() -> Iterator[tuple[str, Prepared]]:
    """Yield every prepared statement of the catalog with its name."""
    for module in pkgutil.walk_packages(entrepot.catalog.__path__, "entrepot.catalog."):
        if ".migrations" in module.name:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Prepared):
                yield f"{module.name.rpartition('.')[2]}.{name}", value
            if isinstance(value, PreparedForList):
                yield f"{module.name.rpartition('.')[2]}.{name}", value.of_length(8)


def values_of(account: Account, repo: RepoRow) -> dict[str, Any]:
    """Return a value for each parameter of all statements."""
    names: dict[str, Any] = {f"called{number}": MAIN for number in range(4)}
    names |= {f"item{number}": f"{number:02x}" * 32 for number in range(8)}
    return names | REPO.names() | {
        "secret_hash": "cd" * 32, "uid": repo.uid, "org": account.id, "member": account.id, "repo": repo.id,
        "called": MAIN, "id": OID, "owner": account.name, "kind": "model", "one": "ef" * 32,
        "account": account.id, "key": "k", "type": "model", "name": "n",
        "namespace": account.id, "expired": 0, "after": 0, "lane": "heavy",
        "wanted": "12" * 32, "tag": "mit", "task": "text", "low": "00" * 20, "high": "ff" * 20, "most": 9,
    }  # fmt: skip


@pytest.fixture
def filled(catalog: Catalog, alice: Account, repo: RepoRow) -> dict[str, Any]:
    token = Token(new_uid(), alice.id, "t", "fineGrained", 5, None, {"a": [1, "ü"]}, None)
    with catalog.write(Lock.hub(), Lock.namespace(alice.id), Lock.repo(repo.id)) as tx:
        tokens.add(tx, token, "cd" * 32)
        objects.put(tx, repo.id, [ObjectRow(OID, "blob", 3, b"\0\xff", None, None)], 1)
        refs.swap(tx, repo.id, MAIN, None, OID, 1)
    return values_of(alice, repo)


@pytest.mark.parametrize("name", [name for name, _ in every()])
def test_every_statement_gives_the_rows_of_sqlalchemy(catalog: Catalog, filled: dict[str, Any], name: str) -> None:
    prepared = dict(every())[name]
    locks_rows = prepared.statement._for_update_arg is not None
    with catalog.write(Lock.hub()) if locks_rows else catalog.read() as tx:
        compiled = prepared.statement.compile(dialect=tx.dialect)
        values = {key: filled[key] for key, value in compiled.params.items() if value is None}
        rows = [key for key in values if key.startswith("item") and isinstance(compiled.binds[key].type, sa.Integer)]
        values |= dict.fromkeys(rows, filled["repo"])
        expected = [tuple(row) for row in tx.sql.execute(prepared.statement, values)]
        found = prepared.all(tx, values)
        assert [tuple(row) for row in found] == expected
        assert [[type(value) for value in row] for row in found] == [[type(it) for it in row] for row in expected]
        assert prepared.first(tx, values) == (found[0] if found else None)
        assert prepared.scalar(tx, values) == (found[0][0] if found else None)


@pytest.mark.parametrize("number", [0, 1, 2, 8, 9, 64, 65, 130])
def test_lists_of_any_length_find_all_their_rows_once(catalog: Catalog, number: int) -> None:
    wanted = [sha(at) for at in range(number)]
    with catalog.write(*map(Lock.file, [*wanted, sha(1_000)])) as tx:
        files.reserve_all(tx, dict.fromkeys([*wanted, sha(1000)], 1), 5)
        rows = files._KNOWN.all(tx, [*wanted, sha(2_000)])
    assert sorted(row.sha256 for row in rows) == wanted


@pytest.mark.parametrize("number", [0, 1, 9, 130])
def test_lists_that_were_announced_find_the_same(catalog: Catalog, number: int) -> None:
    wanted = [sha(at) for at in range(number)]
    with catalog.write(*map(Lock.file, [*wanted, sha(1_000)])) as tx:
        files.reserve_all(tx, dict.fromkeys([*wanted, sha(1000)], 1), 5)
    with catalog.read() as tx:
        files._KNOWN.ask_ahead(tx, wanted)
        files._KNOWN.all(tx, [sha(1_000)])
        assert sorted(row.sha256 for row in files._KNOWN.all(tx, wanted)) == wanted


def test_rows_have_names(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.read() as tx:
        row = repositories._BY_ID.first(tx, {"repo": repo.id})
    assert (row.id, row.uid) == (repo.id, repo.uid)


def test_a_statement_sees_what_its_own_transaction_wrote(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write(Lock.repo(repo.id)) as tx:
        repositories.update(tx, repo.id, likes=7)
        assert repositories.by_id(tx, repo.id) == attrs.evolve(repo, likes=7)


def test_all_statements_of_a_transaction_see_one_snapshot(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.read() as tx:
        before = repositories.by_id(tx, repo.id)
        with catalog.write(Lock.repo(repo.id)) as other:
            repositories.update(other, repo.id, likes=7)
        assert repositories.by_id(tx, repo.id) == before
        assert [row.likes for row in repositories.everything(tx)] == [0]
        assert repositories.by_id(tx, repo.id) == before
    with catalog.read() as tx:
        assert [row.likes for row in repositories.everything(tx)] == [7]


def test_lists_that_expand_are_refused(catalog: Catalog) -> None:
    table = repositories._R
    broken = Prepared(sa.select(table.c.id).where(table.c.id.in_(sa.bindparam("ids", expanding=True))))
    with catalog.read() as tx, pytest.raises(AssertionError, match="expand"):
        broken.all(tx, {"ids": [1]})


def test_errors_of_the_driver_are_translated_as_always(catalog: Catalog) -> None:
    missing = Prepared(sa.select(sa.table("nowhere", sa.column("x")).c.x))
    with pytest.raises((DataFolderError, sa.exc.ProgrammingError)), catalog.read() as tx:
        missing.all(tx, {})
    with catalog.read() as tx:
        assert accounts.count(tx) >= 0


@pytest.mark.parametrize("number", [1, 2, 64, 65, 200])
def test_changes_store_all_rows_and_say_how_many_they_change(catalog: Catalog, repo: RepoRow, number: int) -> None:
    """200 rows are larger than what the buffers of a connection hold."""
    rows = [ObjectRow(Oid(f"{at:040x}"), "blob", 3, os.urandom(100_000), None, None) for at in range(number)]
    with catalog.write(Lock.repo(repo.id)) as tx:
        objects.put(tx, repo.id, rows, 1)
        objects.put(tx, repo.id, rows[:1], 2)
    with catalog.read() as tx:
        assert objects.are_present(tx, repo.id, [row.oid for row in rows])
        assert [objects.find(tx, repo.id, row.oid) for row in rows] == rows
    with catalog.write(Lock.repo(repo.id)) as tx:
        assert repositories._update(("likes",)).run(tx, {"row": repo.id, "new_likes": 1}) == 1
        assert repositories._update(("likes",)).run(tx, {"row": 0, "new_likes": 1}) == 0


def test_a_change_is_part_of_its_transaction(catalog: Catalog, repo: RepoRow) -> None:
    with contextlib.suppress(KeyError), catalog.write() as tx:
        repositories.update(tx, repo.id, likes=7)
        raise KeyError
    with catalog.read() as tx:
        assert repositories.by_id(tx, repo.id) == repo
    with catalog.write() as tx:
        repositories.update(tx, repo.id, likes=7)
        assert tx.sql.execute(sa.select(repositories._R.c.likes)).scalar_one() == 7
    with catalog.read() as tx:
        assert repositories.by_id(tx, repo.id) == attrs.evolve(repo, likes=7)


def test_a_refused_change_fails_as_with_sqlalchemy(catalog: Catalog, repo: RepoRow) -> None:
    with pytest.raises(sa.exc.IntegrityError), catalog.write(Lock.repo(repo.id)) as tx:
        repositories.update(tx, repo.id, type=None)
    with pytest.raises(sa.exc.IntegrityError), catalog.write(Lock.repo(repo.id)) as tx:
        objects.put(tx, 10**9, [ObjectRow(OID, "blob", 1, b"1", None, None)] * 2, 1)
    with catalog.read() as tx:
        assert repositories.by_id(tx, repo.id) == repo
