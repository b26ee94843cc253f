from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from entrepot.catalog import community_tables
from entrepot.hub.context import open_hub
from entrepot.settings import Settings
from tests.support.commands import Run


def tamper(data: Path, statement: sa.Executable) -> None:
    hub = open_hub(Settings(data=data))
    with hub.write() as tx:
        tx.sql.execute(statement)
    hub.close()


def test_changes_are_listed_newest_first_and_chosen(admin: Run) -> None:
    admin("create-token", "alice", "--role", "read", "--name", "ci")
    rows = admin("audit", "list", "--json").json
    assert [(row["actor"], row["action"], row["subject"]) for row in rows] == [
        ("(console)", "token.create", "token ci of alice"),
        ("(console)", "user.create", "user alice"),
    ]
    assert set(rows[0]) == {"id", "at", "actor", "token", "action", "subject", "details", "chain"}
    assert admin("audit", "list", "--action", "user.create", "--json").json == rows[1:]
    assert admin("audit", "list", "--until", rows[1]["at"], "--json").json == []
    assert len(admin("audit", "list", "--limit", "1").out.splitlines()) == 2


def test_an_untouched_log_is_whole_and_knows_its_older_heads(admin: Run, run: Run) -> None:
    head = admin("audit", "verify").out.strip()
    admin("create-user", "bob")
    verdict = admin("audit", "verify", "--expect", head, "--json").json
    assert (verdict["whole"], verdict["rows"], verdict["broken_at"]) == (True, 2, None)
    assert verdict["head"] != head
    unknown = run("admin", "audit", "verify", "--expect", "ab" * 32)
    assert (unknown.code, "rewritten" in unknown.err) == (1, True)


def test_a_changed_log_is_reported_with_exit_code_1(admin: Run, run: Run, data: Path) -> None:
    admin("create-user", "bob")
    table = community_tables.audit
    tamper(data, sa.update(table).where(table.c.id == 1).values(actor="mallory"))
    outcome = run("admin", "audit", "verify")
    assert (outcome.code, "row 1" in outcome.err) == (1, True)
    assert run("admin", "audit", "verify", "--json").json["broken_at"] == 1


def test_rows_that_are_missing_at_the_end_are_reported(admin: Run, run: Run, data: Path) -> None:
    tamper(data, sa.delete(community_tables.audit))
    outcome = run("admin", "audit", "verify")
    assert (outcome.code, "missing" in outcome.err) == (1, True)
