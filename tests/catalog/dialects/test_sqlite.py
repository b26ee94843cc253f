"""What is special about SQLite is in test_engines.py; here is what the names of locks mean to it."""

import pathlib

from entrepot.catalog import Lock, open_catalog
from entrepot.names import RepoId, RepoRef, RepoType


def test_names_of_locks_cost_no_statement(tmp_path: pathlib.Path) -> None:
    catalog = open_catalog(f"sqlite:///{tmp_path / 'x.db'}")
    nothing = RepoRef(RepoType.MODEL, RepoId("alice", "gpt2"))
    with catalog.write() as tx:
        tx.sql.exec_driver_sql("DROP TABLE repo_tags")
        tx.sql.exec_driver_sql("ALTER TABLE repos RENAME TO elsewhere")
    with catalog.write(Lock.repo_at(nothing), Lock.namespace_named("alice"), Lock.audit()):
        pass  # the name was not looked up: there is no table of repositories
    catalog.close()
