from __future__ import annotations

import re
from pathlib import Path

import pytest

from entrepot.catalog.accounts import accounts as account_rows
from entrepot.hub.accounts import passwords, sessions
from entrepot.hub.context import open_hub
from entrepot.settings import Settings
from tests.support.commands import Run
from tests.support.second_factors import add_app


def password_hash(data: Path, name: str) -> str | None:
    hub = open_hub(Settings(data=data))
    try:
        with hub.read() as tx:
            found = account_rows.find(tx, name)
    finally:
        hub.close()
    assert found is not None
    return found.password_hash


def test_a_user_is_made_on_a_folder_that_does_not_exist_yet(run: Run, data: Path) -> None:
    outcome = run("admin", "create-user", "alice")
    assert (outcome.code, outcome.out, outcome.err) == (0, "created user alice\n", "")
    assert (data / "format.json").exists()


def test_a_user_is_shown_to_programs_with_every_documented_key(run: Run) -> None:
    made = run(
        "admin", "create-user", "alice", "--fullname", "Alice A.", "--email", "a@example.org", "--admin", "--json"
    ).json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made.pop("created_at"))
    assert made == {
        "name": "alice",
        "fullname": "Alice A.",
        "email": "a@example.org",
        "is_admin": True,
        "is_suspended": False,
        "tokens": [],
        "has_second_factor": False,
    }


def test_a_password_comes_from_standard_input(run: Run, data: Path) -> None:
    run("admin", "create-user", "alice", "--password-stdin", stdin="correct horse\nnot this\n")
    assert passwords.is_right(password_hash(data, "alice"), "correct horse")


@pytest.mark.parametrize(
    ("args", "stdin", "reason"),
    [
        (["alice b"], "", "invalid account name"),
        (["bob", "--email", "nowhere"], "", "invalid email address"),
        (["bob", "--password-stdin"], "short\n", "invalid password"),
        (["bob", "--password-stdin"], "", "expected the password on its first line"),
        (["Alice"], "", "already exists"),
    ],
)
def test_a_user_that_breaks_a_rule_is_refused(admin: Run, run: Run, args: list[str], stdin: str, reason: str) -> None:
    outcome = run("admin", "create-user", *args, stdin=stdin)
    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert reason in outcome.err
    assert [user["name"] for user in admin("list-users", "--json").json] == ["alice"]


def test_an_organisation_has_an_administrator_and_a_default(admin: Run) -> None:
    made = admin("create-org", "acme", "--admin", "alice", "--default-visibility", "private", "--json").json
    assert made.pop("created_at").endswith("Z")
    assert made == {"name": "acme", "fullname": "acme", "default_visibility": "private"}
    assert [org["name"] for org in admin("list-orgs", "--json").json] == ["acme"]
    assert "acme" in admin("list-orgs").out


def test_an_organisation_needs_a_user_who_exists(admin: Run, run: Run) -> None:
    outcome = run("admin", "create-org", "acme", "--admin", "nobody")
    assert (outcome.code, outcome.err) == (1, "error: no user is called 'nobody'\n")


def test_a_member_gets_a_role(admin: Run, data: Path) -> None:
    admin("create-user", "bob")
    admin("create-org", "acme", "--admin", "alice")
    shown = admin("add-member", "acme", "bob", "--role", "contributor", "--json").json
    assert shown == {"org": "acme", "user": "bob", "role": "contributor"}
    hub = open_hub(Settings(data=data))
    with hub.read() as tx:
        bob = account_rows.find(tx, "bob")
        assert bob is not None
        roles = [(membership.org.name, membership.role) for membership in account_rows.memberships(tx, bob.id)]
    hub.close()
    assert roles == [("acme", "contributor")]


def test_a_role_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    outcome = run("admin", "add-member", "acme", "bob", "--role", "king")
    assert outcome.code == 2
    assert "king" in outcome.err


def test_users_are_listed_for_people(admin: Run) -> None:
    admin("create-user", "bob", "--admin", "--email", "bob@example.org")
    admin("create-token", "bob", "--role", "read")
    header, alice, bob = admin("list-users").out.splitlines()
    assert header.split() == ["NAME", "FULL", "NAME", "EMAIL", "ADMIN", "2FA", "TOKENS", "CREATED", "STATE"]
    assert alice.split()[:6] == ["alice", "alice", "-", "no", "no", "0"]
    assert bob.split()[:6] == ["bob", "bob", "bob@example.org", "yes", "no", "1"]


def test_a_user_is_deleted(admin: Run, run: Run) -> None:
    assert admin("delete-user", "alice").out == "deleted user alice\n"
    assert admin("list-users", "--json").json == []
    assert run("admin", "delete-user", "alice").code == 1


def test_the_only_administrator_of_an_organisation_stays(admin: Run, run: Run) -> None:
    admin("create-org", "acme", "--admin", "alice")
    outcome = run("admin", "delete-user", "alice")
    assert outcome.code == 1
    assert "only administrator of acme" in outcome.err


def test_a_random_password_is_all_that_standard_output_says(admin: Run, data: Path) -> None:
    outcome = admin("reset-password", "alice")
    assert re.fullmatch(r"[A-Za-z0-9]{20}\n", outcome.out)
    assert passwords.is_right(password_hash(data, "alice"), outcome.out.strip())


def test_a_chosen_password_is_not_printed(admin: Run, data: Path) -> None:
    outcome = admin("reset-password", "alice", "--password-stdin", stdin="correct horse\n")
    assert "horse" not in outcome.out + outcome.err
    assert passwords.is_right(password_hash(data, "alice"), "correct horse")
    assert admin("reset-password", "alice", "--password-stdin", "--json", stdin="correct horse\n").json == {
        "name": "alice",
        "password": None,
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "the first row names the columns"),
        ("user\nbob\n", "the first row names the columns"),
        ("name,colour\nbob,red\n", "the first row names the columns"),
        ("name\n", "it lists no users"),
        ("name,admin\nbob\n", "line 2: expected 2 columns"),
        ("name\nbob,x\n", "line 2: expected 1 columns"),
        ("name,admin\nbob,maybe\n", "line 2: admin is yes or no"),
        ("name,email\n,b@x.org\n", "line 2: the name is empty"),
        ("name\nbob\nno way\n", "no way"),
    ],
)
def test_a_table_that_cannot_be_used_creates_no_one(admin: Run, run: Run, table: str, message: str) -> None:
    outcome = run("admin", "users", "create", "--csv", "-", stdin=table)
    assert outcome.code == 1
    assert message in outcome.err
    assert [user["name"] for user in admin("users", "list", "--json").json] == ["alice"]


def test_a_login_link_signs_a_user_in_once(admin: Run, data: Path) -> None:
    outcome = admin("login-link", "alice")
    found = re.fullmatch(r"http://127\.0\.0\.1:8080/login\?code=(code_[\w-]+)\n", outcome.out)
    assert found is not None
    assert "valid once" in outcome.err
    hub = open_hub(Settings(data=data))
    try:
        assert sessions.sign_in_with_code(hub, found[1]).user == "alice"
    finally:
        hub.close()
    told = admin("login-link", "alice", "--json").json
    assert told["user"] == "alice"
    assert told["link"].startswith("http://127.0.0.1:8080/login?code=code_")
    assert set(told) == {"user", "link", "expires_at"}


def test_older_spellings_work_and_are_not_listed(admin: Run, run: Run) -> None:
    admin("create-org", "acme", "--admin", "alice")
    admin("add-member", "acme", "alice", "--role", "admin")
    assert admin("org", "ls", "--json").json == admin("list-orgs", "--json").json
    assert run("admin", "repo", "show", "alice/none").code == 1
    assert run("admin", "quota", "show", "acme").code == 0
    shown = run("admin", "--help").out
    assert not [word for word in ("create-user", "list-orgs", "disable-repo", " quota ") if word in shown]


def test_the_last_administrator_is_not_deleted(admin: Run, run: Run) -> None:
    admin("users", "set-admin", "alice")
    for command in ("delete", "suspend", "unset-admin"):
        outcome = run("admin", "users", command, "alice")
        assert outcome.code == 1
        assert "error: alice is the only administrator of the hub" in outcome.err


def test_a_second_factor_is_reset(run: Run, data: Path) -> None:
    run("admin", "create-user", "alice", "--password-stdin", stdin="correct horse\n")
    hub = open_hub(Settings(data=data))
    try:
        add_app(hub, "alice", "correct horse")
    finally:
        hub.close()
    outcome = run("admin", "users", "reset-2fa", "alice")
    assert (outcome.code, outcome.out) == (0, "removed the second factor and 0 passkeys of alice\n")
    shown = run("admin", "users", "reset-2fa", "alice", "--json").json
    assert shown == {"user": "alice", "second_factor": False, "passkeys": 0}
    assert run("admin", "users", "reset-2fa", "nobody").code == 1


def test_a_table_that_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    outcome = run("admin", "users", "create", "--csv", str(tmp_path / "absent.csv"))
    assert outcome.code == 1
    assert outcome.err == f"error: could not open file '{tmp_path}/absent.csv': No such file or directory\n"
