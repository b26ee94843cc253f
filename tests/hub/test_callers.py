from __future__ import annotations

import pytest

from entrepot.catalog.visibility import Visibility
from entrepot.errors import InvalidCredentials, LoginRequired, NotAllowed
from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import (
    FINE_GRAINED,
    Role,
    acting_as,
    hash_secret,
    read_by,
    require_change,
    require_login,
    require_permission,
    require_write,
    seen_by,
)
from entrepot.hub.scopes import COLLECT, READ, RequestedScope
from tests.support.worlds import World


def test_no_secret_is_anonymous_and_a_wrong_one_is_an_error(world: World) -> None:
    assert world.hub.identify(None) is None
    for secret in ("", "hf_wrong", "\ud800"):
        with pytest.raises(InvalidCredentials):
            world.hub.identify(secret)


def test_roles_come_from_memberships(world: World) -> None:
    [membership] = world.rita.memberships
    acme = membership.org.id
    roles = {name: world.caller(name).role_in(acme) for name in ("rita", "carl", "wendy", "olga", "zed", "root")}
    assert roles == {
        "rita": Role.READ,
        "carl": Role.CONTRIBUTOR,
        "wendy": Role.WRITE,
        "olga": Role.ADMIN,
        "zed": None,
        "root": Role.ADMIN,
    }
    assert world.rita.role_in(world.rita.account.id) is Role.ADMIN
    assert Role.parse("Write") is Role.WRITE
    assert Role.READ < Role.CONTRIBUTOR < Role.WRITE < Role.ADMIN


def test_visibility_depends_on_the_caller(world: World) -> None:
    assert seen_by(None) == Visibility()
    assert seen_by(world.root) is None
    assert seen_by(world.zed) == Visibility({world.zed.account.id}, grantees={world.zed.account.id})
    seen = seen_by(world.rita)
    assert seen is not None
    assert len(seen.namespaces) == 2


def test_changes_need_a_write_token(world: World) -> None:
    assert require_login(world.caller("alice", "read")).account.name == "alice"
    assert require_write(world.alice).may_write
    for check in (require_login, require_write):
        with pytest.raises(LoginRequired):
            check(None)
    with pytest.raises(NotAllowed):
        require_write(world.caller("root", "read"))


def test_secrets_are_stored_as_sha256() -> None:
    assert hash_secret("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_fine_grained_token_is_judged_by_the_place_of_the_change(world: World) -> None:
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("user", "alice", [COLLECT])])
    limited = world.hub.identify(tokens.create_for(world.hub, "alice", wish)[0].secret)
    assert not limited.may_write
    assert require_login(limited) == require_change(limited) == require_permission(limited, COLLECT) == limited
    with pytest.raises(NotAllowed, match="fine-grained"):
        require_write(limited)
    with pytest.raises(NotAllowed, match=r"lacks the permission 'repo.content.read'"):
        require_permission(limited, READ)
    assert not limited.permits(COLLECT, world.bob.account.id)
    assert seen_by(limited) == read_by(limited) == Visibility()


def test_other_tokens_have_every_permission_that_their_role_gives(world: World) -> None:
    assert require_permission(world.alice, COLLECT) == world.alice
    assert read_by(world.zed) == seen_by(world.zed)
    assert read_by(None) == Visibility()
    assert read_by(world.root) is None
    for check in (require_change, lambda caller: require_permission(caller, COLLECT)):
        with pytest.raises(LoginRequired):
            check(None)
        with pytest.raises(NotAllowed, match="role 'read'"):
            check(world.caller("alice", "read"))


def test_the_machine_acts_with_all_rights_of_an_account(world: World) -> None:
    with world.hub.read() as tx:
        found = acting_as(tx, world.rita.account)
    assert (found.roles, found.may_write) == (world.rita.roles, True)
