from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from entrepot.catalog import community_tables
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.settings import Settings
from entrepot.testing.hubs import RunningHub
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
    assert (verdict["intact"], verdict["rows"], verdict["broken_at"]) == (True, 2, None)
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


def test_the_log_of_an_organisation_is_listed_and_chosen(admin: Run, run: Run) -> None:
    admin("orgs", "create", "acme", "--admin", "alice")
    admin("orgs", "create", "other", "--admin", "alice")
    admin("users", "create", "bob")
    admin("members", "add", "acme", "bob", "--role", "read")
    rows = admin("orgs", "audit", "acme", "--json").json
    assert [row["subject"] for row in rows] == ["organisation acme", "organisation acme"]
    assert set(rows[0]) == {"id", "at", "actor", "action", "subject", "details"}
    assert admin("orgs", "audit", "acme", "--action", rows[1]["action"], "--json").json == rows[1:]
    assert len(admin("orgs", "audit", "acme", "--limit", "1").out.splitlines()) == 2
    unknown = run("admin", "orgs", "audit", "nobody")
    assert (unknown.code, "nobody" in unknown.err) == (1, True)


def test_administrators_of_an_organisation_list_its_log_on_a_running_hub(at_hub: Run, entrepot_hub: RunningHub) -> None:
    opened = open_hub(entrepot_hub.settings)
    for name in ("captain", "sailor"):
        accounts.create_user(opened, name)
    accounts.create_org(opened, "harbour", admin="captain")
    secrets = {name: accounts.create_token(opened, name, role="write").secret for name in ("captain", "sailor")}
    opened.close()
    place = ("admin", "orgs", "audit", "harbour", "--endpoint", entrepot_hub.url, "--token")
    found = at_hub(*place, secrets["captain"], "--limit", "5", "--json")
    assert found.code == 0, found.err
    assert {row["subject"] for row in found.json} == {"organisation harbour"}
    refused = at_hub(*place, secrets["sailor"])
    assert (refused.code, "admin" in refused.err) == (1, True)
