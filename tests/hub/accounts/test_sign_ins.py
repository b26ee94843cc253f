from __future__ import annotations

import attrs
import pytest

from entrepot.errors import (
    AccountNotFound,
    AccountSuspended,
    AlreadyExists,
    InvalidName,
    InvalidSignInCode,
    Malformed,
    NotAllowed,
)
from entrepot.hub import aliases, audit
from entrepot.hub.accounts import accounts, administration, sign_ins
from entrepot.hub.context import HubContext
from entrepot.wire.accounts.administration import CodeExchange, NewUser, NewUsers, UserChanges
from tests.support import hub_work
from tests.support.worlds import World

CONSOLE = audit.CONSOLE
WEEK_S = 7 * 86_400


def exchange(hub: HubContext, code: str) -> str:
    return sign_ins.exchange(hub, None, CodeExchange(code=code)).token


def test_a_code_is_exchanged_once_for_a_token(hub: HubContext) -> None:
    (code,) = sign_ins.create_users(hub, CONSOLE, NewUsers(users=[NewUser(name="bob", email="b@example.org")]))
    caller = hub.identify(exchange(hub, f" {code.code}\n"))
    assert caller is not None
    assert (caller.account.name, caller.account.email, caller.may_write) == ("bob", "b@example.org", True)
    with pytest.raises(InvalidSignInCode):
        exchange(hub, code.code)


def test_the_alias_of_a_repository_becomes_no_account(world: World) -> None:
    aliases.put(world.hub, "gpt2", world.repo("alice/gpt2"))
    with pytest.raises(AlreadyExists, match="alias"):
        sign_ins.create_users(world.hub, CONSOLE, NewUsers(users=[NewUser(name="bob2"), NewUser(name="GPT2")]))
    with pytest.raises(AccountNotFound):
        accounts.reset_password(world.hub, "bob2", "a long password")


def test_a_code_expires_and_is_replaced_by_the_next(hub: HubContext) -> None:
    accounts.create_user(hub, "bob")
    first = sign_ins.issue_code(hub, CONSOLE, "bob", WEEK_S)
    second = sign_ins.issue_code(hub, CONSOLE, "bob", WEEK_S)
    with pytest.raises(InvalidSignInCode):
        exchange(hub, first.code)
    later = attrs.evolve(hub, now_ms=lambda: hub.now_ms() + WEEK_S * 1000 + 1)
    with pytest.raises(InvalidSignInCode):
        exchange(later, second.code)
    assert exchange(hub, second.code)


def test_a_code_is_stored_as_a_hash_only(hub: HubContext) -> None:
    accounts.create_user(hub, "bob")
    code = sign_ins.issue_code(hub, CONSOLE, "bob", WEEK_S).code
    folder = hub.settings.data
    stored = b"".join(path.read_bytes() for path in folder.glob("catalog.sqlite3*"))
    assert code.encode() not in stored
    assert code.removeprefix(sign_ins.PREFIX).encode() not in stored


def test_a_suspended_or_deleted_user_cannot_sign_in(hub: HubContext) -> None:
    codes = sign_ins.create_users(hub, CONSOLE, NewUsers(users=[NewUser(name="bob"), NewUser(name="carol")]))
    administration.change_user(hub, CONSOLE, "bob", UserChanges(is_suspended=True))
    with pytest.raises(AccountSuspended):
        exchange(hub, codes[0].code)
    with pytest.raises(AccountSuspended):
        sign_ins.issue_code(hub, CONSOLE, "bob", WEEK_S)
    hub_work.delete_user(hub, "carol")
    with pytest.raises(InvalidSignInCode):
        exchange(hub, codes[1].code)


@pytest.mark.parametrize("wrong", [NewUser(name="no spaces"), NewUser(name="BOB"), NewUser(name="x", email="nowhere")])
def test_users_are_created_all_or_none(hub: HubContext, wrong: NewUser) -> None:
    with pytest.raises((InvalidName, AlreadyExists)):
        sign_ins.create_users(hub, CONSOLE, NewUsers(users=[NewUser(name="bob"), wrong]))
    assert administration.list_users(hub, CONSOLE) == []


def test_codes_with_wrong_lifetimes_users_or_names_are_refused(hub: HubContext) -> None:
    accounts.create_user(hub, "bob")
    for seconds in (0, 59, 31 * 86_400):
        with pytest.raises(Malformed):
            sign_ins.issue_code(hub, CONSOLE, "bob", seconds)
    with pytest.raises(AccountNotFound):
        sign_ins.issue_code(hub, CONSOLE, "carol", WEEK_S)
    with pytest.raises(InvalidName):
        sign_ins.exchange(hub, None, CodeExchange(code="x", token_name="\n\x00"))


def test_codes_are_for_administrators_only(hub: HubContext) -> None:
    accounts.create_user(hub, "bob")
    bob = hub.identify(accounts.create_token(hub, "bob", role="write").secret)
    with pytest.raises(NotAllowed):
        sign_ins.issue_code(hub, bob, "bob", WEEK_S)
    with pytest.raises(NotAllowed):
        sign_ins.create_users(hub, bob, NewUsers(users=[NewUser(name="eve", is_admin=True)]))
