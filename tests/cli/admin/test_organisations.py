from __future__ import annotations

from tests.support.commands import Run


def test_members_and_organisations_come_and_go(admin: Run, run: Run) -> None:
    admin("users", "create", "bob")
    admin("orgs", "create", "acme", "--admin", "alice")
    assert "bob has role write in acme" in admin("members", "add", "acme", "bob", "--role", "write").out
    assert admin("members", "list", "acme").out.splitlines()[1:] == ["alice  admin", "bob    write"]
    admin("members", "remove", "acme", "bob")
    last = run("admin", "members", "remove", "acme", "alice")
    assert (last.code, last.err) == (
        1,
        "error: alice is the only administrator of acme: appoint another one first\n",
    )
    assert admin("orgs", "delete", "acme").out == "deleted organisation acme\n"
    assert admin("orgs", "list", "--json").json == []


def test_a_purge_asks_first(admin: Run, run: Run) -> None:
    admin("orgs", "create", "acme", "--admin", "alice")
    outcome = run("admin", "orgs", "delete", "acme", "--purge")
    assert outcome.code == 2
    assert "--yes" in outcome.err
    admin("orgs", "delete", "acme", "--purge", "--yes")
