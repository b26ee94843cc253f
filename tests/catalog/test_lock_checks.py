import ast
import pathlib

import pytest

import entrepot.hub
from entrepot.catalog import Catalog, Lock, hub_metadata
from entrepot.catalog.community_tables import metadata
from entrepot.catalog.files import files
from entrepot.catalog.jobs import jobs
from entrepot.catalog.lock_checks import ATOMIC, LOCKS
from entrepot.catalog.repos import repositories
from entrepot.names import Sha256

HUB = pathlib.Path(entrepot.hub.__file__).parent


def test_every_table_has_its_kinds_of_locks_or_a_reason_to_need_none() -> None:
    assert LOCKS.keys() | ATOMIC.keys() == {*metadata.tables, "repo_texts"}
    assert LOCKS.keys() & ATOMIC.keys() == set()


def test_a_write_that_no_lock_covers_is_a_defect(catalog: Catalog) -> None:
    found = "files is written under locks of REPO, AUDIT only"
    with pytest.raises(AssertionError, match=found), catalog.write(Lock.repo(1), Lock.audit()) as tx:
        files.reserve(tx, Sha256("a" * 64), 1, 1)
    with catalog.write(Lock.file("a" * 64)) as tx:
        files.reserve(tx, Sha256("a" * 64), 1, 1)


def test_a_prepared_change_that_no_lock_covers_is_one_too(catalog: Catalog) -> None:
    found = "repos is written under locks of FILE only"
    with pytest.raises(AssertionError, match=found), catalog.write(Lock.file("a" * 64)) as tx:
        repositories.update(tx, 1, likes=1)


def test_who_locks_nothing_may_change_the_job_queue_only(catalog: Catalog) -> None:
    with catalog.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "card", {}, 1)
    with pytest.raises(AssertionError, match="NOTHING"), catalog.write(Lock.nothing()) as tx:
        hub_metadata.put(tx, "a", "1")


def test_every_transaction_of_the_hub_names_its_locks() -> None:
    nameless = []
    for path in sorted(HUB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.With):
                for call in (item.context_expr for item in node.items):
                    is_write = isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".write")
                    if is_write and isinstance(call, ast.Call) and not call.args:
                        nameless.append(f"{path.relative_to(HUB)}:{node.lineno}")
    assert nameless == []
