from __future__ import annotations

import re
from pathlib import Path

import pytest

from entrepot.cli.admin.tokens import read_expiry
from entrepot.errors import InvalidCredentials, Malformed
from entrepot.hub.callers import Caller
from entrepot.hub.context import open_hub
from entrepot.settings import Settings
from tests.support.commands import Run

NOW_MS = 1_700_000_000_000


def caller_of(data: Path, secret: str) -> Caller:
    hub = open_hub(Settings(data=data))
    try:
        found = hub.identify(secret)
    finally:
        hub.close()
    assert found is not None
    return found


def test_standard_output_is_the_secret_and_nothing_else(admin: Run, data: Path) -> None:
    outcome = admin("create-token", "alice", "--role", "write")
    assert re.fullmatch(r"hf_[A-Za-z0-9]{34}\n", outcome.out)
    assert "token-1" in outcome.err
    caller = caller_of(data, outcome.out.strip())
    assert (caller.account.name, caller.may_write) == ("alice", True)


def test_a_token_is_shown_to_programs_with_every_documented_key(admin: Run, data: Path) -> None:
    made = admin("create-token", "alice", "--role", "read", "--name", "ci", "--json").json
    assert set(made) == {"id", "user", "name", "role", "created_at", "expires_at", "last_used_at", "token"}
    assert (made["user"], made["name"], made["role"], made["expires_at"]) == ("alice", "ci", "read", None)
    assert not caller_of(data, made["token"]).may_write


def test_an_existing_secret_is_imported_and_not_printed(admin: Run, data: Path) -> None:
    outcome = admin("create-token", "alice", "--role", "write", "--value-stdin", stdin="hf_existing_secret\n")
    assert outcome.out == ""
    assert "existing" not in outcome.err
    assert caller_of(data, "hf_existing_secret").account.name == "alice"


def test_a_secret_of_another_form_is_refused_without_being_shown(admin: Run, run: Run) -> None:
    outcome = run("admin", "create-token", "alice", "--role", "write", "--value-stdin", stdin="my-old-secret\n")
    assert outcome.code == 1
    assert "must start with 'hf_'" in outcome.err
    assert "old-secret" not in outcome.err


def test_a_token_may_expire(admin: Run) -> None:
    made = admin("create-token", "alice", "--role", "read", "--expires", "2999-01-31", "--json").json
    assert made["expires_at"] == "2999-01-31T00:00:00.000Z"


def test_a_revoked_token_is_worth_nothing(admin: Run, data: Path) -> None:
    secret = admin("create-token", "alice", "--role", "read", "--name", "ci").out.strip()
    assert admin("revoke-token", "alice", "ci").out == "revoked token 'ci' of alice\n"
    with pytest.raises(InvalidCredentials):
        caller_of(data, secret)


def test_a_token_is_revoked_by_its_id_when_names_are_shared(admin: Run, run: Run) -> None:
    ids = [admin("create-token", "alice", "--role", "read", "--name", "ci", "--json").json["id"] for _ in range(2)]
    assert run("admin", "revoke-token", "alice", "ci").code == 1
    assert admin("revoke-token", "alice", ids[0], "--json").json["id"] == ids[0]
    assert [token["id"] for token in admin("list-tokens", "alice", "--json").json] == ids[1:]


def test_tokens_are_listed_without_secrets(admin: Run) -> None:
    admin("create-user", "bob")
    secret = admin("create-token", "alice", "--role", "write").out.strip()
    admin("create-token", "bob", "--role", "read", "--name", "reader", "--expires", "30d")
    assert [(row["user"], row["role"]) for row in admin("list-tokens", "--json").json] == [
        ("alice", "write"),
        ("bob", "read"),
    ]
    listed = admin("list-tokens", "ALICE")
    assert secret not in listed.out
    assert "token-1" in listed.out
    assert "never" in listed.out
    assert "reader" not in listed.out


def test_tokens_of_no_one_are_an_error(admin: Run, run: Run) -> None:
    assert run("admin", "list-tokens", "nobody").code == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("90s", NOW_MS + 90_000),
        ("30d", NOW_MS + 30 * 86_400_000),
        ("2030-01-31", 1_896_048_000_000),
        ("2030-01-31T12:00:00Z", 1_896_091_200_000),
    ],
)
def test_an_expiry_is_a_duration_or_a_date(text: str | None, expected: int | None) -> None:
    assert read_expiry(text, NOW_MS) == expected


@pytest.mark.parametrize("text", ["", "soon", "0", "2001-01-01", "999999999w", "99999999999999w"])
def test_an_expiry_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_expiry(text, NOW_MS)


def test_a_fine_grained_token_allows_what_its_options_say(admin: Run, data: Path) -> None:
    options = ("--namespace", "alice", "--permission", "repo.write", "--permission", "org.read", "--read-gated")
    made = admin("create-token", "alice", "--fine-grained", *options, "--everywhere", "discussion.write", "--json").json
    assert made["role"] == "fineGrained"
    caller = caller_of(data, made["token"])
    assert caller.limits is not None
    assert caller.limits.at(caller.account.id) == {"repo.write", "org.read"}
    assert (caller.limits.everywhere, caller.limits.reads_gated) == ({"discussion.write"}, True)


def test_a_fine_grained_token_names_repositories_as_urls_do(admin: Run, run: Run) -> None:
    outcome = run(
        "admin", "create-token", "alice", "--fine-grained", "--repo", "datasets/alice/d", "--permission", "repo.write"
    )
    assert (outcome.code, "no dataset 'alice/d' here" in outcome.err) == (1, True)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--role", "read", "--fine-grained"),
        ("--role", "read", "--repo", "alice/m"),
        ("--role", "write", "--read-gated"),
        ("--fine-grained", "--repo", "alice/m"),
        ("--fine-grained", "--permission", "repo.write"),
        ("--fine-grained", "--value-stdin"),
    ],
)
def test_options_that_do_not_fit_are_a_wrong_usage(admin: Run, run: Run, options: tuple[str, ...]) -> None:
    outcome = run("admin", "create-token", "alice", *options, stdin="hf_existing_secret\n")
    assert (outcome.code, outcome.out) == (2, "")
