from __future__ import annotations

import contextlib
from pathlib import Path

import httpx2
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.cli.admin import targets
from entrepot.cli.admin.targets import fields_of
from entrepot.errors import AlreadyExists
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.testing.hubs import RunningHub
from entrepot.wire.accounts.administration import AdminToken, AdminUser
from tests.support.commands import Outcome, Run


@pytest.fixture
def remote(at_hub: Run, entrepot_hub: RunningHub) -> Run:
    """``entrepot admin … --endpoint`` on the shared hub, as one of its administrators."""
    opened = open_hub(entrepot_hub.settings)
    with contextlib.suppress(AlreadyExists):
        accounts.create_user(opened, "chief", is_admin=True)
    token = accounts.create_token(opened, "chief", role="write").secret
    opened.close()

    def call(*args: str, stdin: str = "", code: int = 0) -> Outcome:
        outcome = at_hub("admin", *args, "--endpoint", entrepot_hub.url, "--token", token, stdin=stdin)
        assert outcome.code == code, outcome.err
        return outcome

    return call


def test_values_are_printed_in_snake_case() -> None:
    token = AdminToken(id="i", user="u", name="n", role="read", created_at="t", expires_at=None, last_used_at=None)
    user = AdminUser(
        name="u", fullname="U", email=None, is_admin=False, is_suspended=False, created_at="t", tokens=[token]
    )
    row = fields_of(user)
    known = ["name", "fullname", "email", "is_admin", "is_suspended", "created_at", "tokens", "has_second_factor"]
    assert list(row) == known
    assert row["tokens"] == [fields_of(token)]


def test_a_token_needs_an_endpoint(run: Run) -> None:
    outcome = run("admin", "users", "list", "--token", "hf_x")
    assert outcome.code == 2
    assert "error: --token needs --endpoint" in outcome.err


def test_many_users_are_created_on_a_running_hub_and_sign_in(
    remote: Run, at_hub: Run, entrepot_hub: RunningHub
) -> None:
    Path("team.csv").write_text("name, fullname, admin\nann, Ann A., no\nben, ,\n", encoding="utf-8")
    lines = remote("users", "create", "--csv", "team.csv").out.splitlines()
    assert lines[0] == "user,code,expires_at,link"
    codes = dict(line.split(",")[:2] for line in lines[1:])
    assert sorted(codes) == ["ann", "ben"]
    link = lines[2].split(",")[3]
    assert link == f"{entrepot_hub.url}/login?code={codes['ben']}"
    shown = httpx2.get(link, trust_env=False, timeout=240)
    assert (shown.status_code, codes["ben"] in shown.text) == (200, True)
    login = ("login", "--endpoint", entrepot_hub.url, "--code", codes["ann"])
    cleared = {"ENTREPOT_TOKEN": "", "HF_TOKEN": ""}
    done = at_hub(*login, environ=cleared)
    assert done.code == 0, done.err
    assert "as ann; the token may write" in done.out
    again = at_hub(*login, environ=cleared)
    assert again.code == 1
    assert "error: this sign-in code is unknown, used or expired" in again.err


def test_aliases_of_a_running_hub_are_added_listed_and_removed(
    remote: Run, entrepot_hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "_PAGE", 1)
    with contextlib.closing(open_hub(entrepot_hub.settings)) as hub:
        chief = hub.identify(accounts.create_token(hub, "chief", role="write").secret)
        repositories.create(hub, chief, NewRepo(RepoType.DATASET, "squad-aliased"))
    added = [
        remote("aliases", "add", name, "chief/squad-aliased", "--type", "dataset", "--json").json
        for name in ("remote-a", "remote-b")
    ]
    assert added[0] == {"name": "remote-a", "type": "dataset", "repo": "chief/squad-aliased"}
    assert [alias for alias in remote("aliases", "list", "--json").json if alias in added] == added
    logged = remote("audit", "list", "--action", "alias.set", "--limit", "2", "--json").json
    assert {entry["actor"] for entry in logged} == {"chief"}
    for alias in added:
        assert remote("aliases", "remove", alias["name"], "--type", "dataset").out == f"removed {alias['name']}\n"
    assert not [alias for alias in remote("aliases", "list", "--type", "dataset", "--json").json if alias in added]


def test_a_running_hub_is_managed_as_its_data_folder_is(remote: Run) -> None:
    remote("users", "create", "cid")
    remote("orgs", "create", "remote-org", "--admin", "cid")
    remote("members", "add", "remote-org", "chief", "--role", "read")
    members = remote("members", "ls", "remote-org", "--json").json
    assert [(row["user"], row["role"]) for row in members] == [("chief", "read"), ("cid", "admin")]
    remote("members", "rm", "remote-org", "chief")
    assert remote("users", "suspend", "cid", "--json").json["is_suspended"] is True
    assert "suspended" in remote("users", "list").out
    remote("users", "unsuspend", "cid")
    assert remote("users", "set-admin", "cid", "--json").json["is_admin"] is True
    remote("users", "unset-admin", "cid")
    assert "remote-org" in remote("orgs", "list").out
    assert remote("repos", "list", "cid", "--json").json == []
    assert remote("repos", "transfer", "cid", "chief", "--json").json == {"moved": []}
    refused = remote("users", "delete", "cid", code=1)
    assert "error: cid is the only administrator of remote-org" in refused.err
    remote("orgs", "delete", "remote-org")
    assert remote("users", "delete", "cid", "--purge", "--yes", "--json").json["deleted"] == "cid"
    code = remote("users", "code", "chief")
    assert code.out.startswith("code_")
    assert code.out.count("\n") == 1


def test_others_do_not_manage_a_running_hub(at_hub: Run, entrepot_hub: RunningHub) -> None:
    outcome = at_hub("admin", "users", "list", "--endpoint", entrepot_hub.url)
    assert outcome.code == 1
    assert "administrators of the hub" in outcome.err


def test_quotas_are_set_and_tokens_revoked_on_a_running_hub(remote: Run) -> None:
    remote("users", "create", "quinn", "--json")
    changed = remote("quotas", "set", "quinn", "--max-bytes", "1GiB", "--max-repos", "default", "--json").json
    assert (changed["namespace"], changed["max_bytes"], changed["used_bytes"]) == ("quinn", 1 << 30, 0)
    assert remote("quotas", "show", "quinn", "--json").json == changed
    assert "nobody-at-all" in remote("quotas", "show", "nobody-at-all", code=1).err
    chief = remote("tokens", "list", "chief", "--json").json[-1]
    assert (chief["user"], chief["role"], "secret" in chief) == ("chief", "write", False)
    assert "no-such-token" in remote("tokens", "revoke", "chief", "no-such-token", code=1).err
    assert "nobody-at-all" in remote("tokens", "list", "nobody-at-all", code=1).err


def test_the_log_and_the_jobs_of_a_running_hub_are_read_and_changed(remote: Run, entrepot_hub: RunningHub) -> None:
    opened = open_hub(entrepot_hub.settings)
    with opened.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "trends", {"remote": True}, 4_000_000_000_000)
        job = str(next(found.id for found in jobs.find(tx) if found.args == {"remote": True}))
    opened.close()
    listed = remote("jobs", "list", "--state", "ready", "--limit", "1", "--json").json
    assert [(row["kind"], row["args"], row["state"]) for row in listed] == [("trends", {"remote": True}, "ready")]
    assert remote("jobs", "cancel", job).out == f"job {job} is cancelled\n"
    assert f"'{job}'" in remote("jobs", "retry", job, code=1).err
    [entry] = remote("audit", "list", "--subject", f"job {job}", "--json").json
    assert (entry["actor"], entry["action"], entry["details"]) == ("chief", "job.cancel", {})


def test_a_list_is_read_page_by_page_up_to_its_limit(admin: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ann", "ben", "cid"):
        admin("create-user", name)
    everything = admin("audit", "list", "--json").json
    monkeypatch.setattr(targets, "_PAGE", 2)
    assert admin("audit", "list", "--json").json == everything
    assert admin("audit", "list", "--limit", "3", "--json").json == everything[:3]


def test_repositories_of_a_running_hub_are_disabled_and_protected(remote: Run, entrepot_hub: RunningHub) -> None:
    opened = open_hub(entrepot_hub.settings)
    owner = opened.identify(accounts.create_token(opened, "chief", role="write").secret)
    repositories.create(opened, owner, NewRepo(RepoType.MODEL, "restricted"))
    opened.close()
    repo = "chief/restricted"
    assert remote("repos", "disable", repo, "--reason", "reported", "--json").json["disabled"] is True
    assert "is disabled" in remote("repos", "disable", repo, "--reason", "again", code=1).err
    assert remote("repos", "enable", repo).out == f"enabled {repo}\n"
    assert remote("repos", "protect", repo, "--branch", "main", "--tags", "--json").json["tags"] is True
    shown = f"{repo}: protected branches: main; tags are immutable\n"
    assert remote("repos", "show", repo).out == shown
    assert "'dev' is not protected" in remote("repos", "unprotect", repo, "--branch", "dev", code=1).err
    assert remote("repos", "unprotect", repo, "--json").json["branches"] == []


def test_tokens_are_created_and_imported_on_a_running_hub(remote: Run, at_hub: Run, entrepot_hub: RunningHub) -> None:
    remote("users", "create", "tokia")
    made = remote("tokens", "create", "tokia", "--role", "read", "--name", "ci", "--expires", "30d")
    login = at_hub("whoami", "--endpoint", entrepot_hub.url, "--json", environ={"ENTREPOT_TOKEN": made.out.strip()})
    assert (login.json["user"], login.json["token"], login.json["role"]) == ("tokia", "ci", "read")
    limits = ("--fine-grained", "--namespace", "tokia", "--permission", "repo.write")
    assert remote("tokens", "create", "tokia", *limits, "--json").json["role"] == "fineGrained"
    importing = ("tokens", "create", "tokia", "--role", "write", "--value-stdin")
    imported = remote(*importing, stdin="hf_remote_secret_1\n")
    assert (imported.out, "remote_secret" in imported.err) == ("", False)
    again = remote(
        "tokens", "create", "tokia", "--role", "write", "--value-stdin", stdin="hf_remote_secret_1\n", code=1
    )
    assert "remote_secret" not in again.err
    assert "nobody-at-all" in remote("tokens", "create", "nobody-at-all", "--role", "read", code=1).err


def test_the_audit_log_of_a_running_hub_is_verified(remote: Run) -> None:
    verdict = remote("audit", "verify", "--json").json
    assert (verdict["intact"], verdict["broken_at"]) == (True, None)
    remote("users", "create", "audrey")
    assert remote("audit", "verify", "--expect", verdict["head"].upper()).out.strip() != verdict["head"]
    assert "rewritten" in remote("audit", "verify", "--expect", "ab" * 32, code=1).err
