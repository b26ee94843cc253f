from __future__ import annotations

import re

import attrs
import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import InvalidCredentials, OAuthRefused, Refused
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, oauth_grants, tokens
from entrepot.hub.accounts.oauth_grants import ACCESS_MS, REFRESH_MS, REPEAT_MS, IssuedAccess
from tests.hub.accounts.test_devices import CLIENT, accept, begin, poll, session
from tests.support import hub_work
from tests.support.worlds import DAY_MS, World


def sign_in(world: World) -> IssuedAccess:
    begun = begin(world)
    accept(world, begun)
    return poll(world, begun)


def refresh(world: World, issued: IssuedAccess, client: str = CLIENT) -> IssuedAccess:
    return oauth_grants.refresh_grant(world.hub, client, issued.refresh_token)


def is_refused(world: World, issued: IssuedAccess, client: str = CLIENT) -> bool:
    with pytest.raises(OAuthRefused) as caught:
        refresh(world, issued, client)
    return caught.value.code == "invalid_grant"


def works(world: World, secret: str) -> bool:
    try:
        return world.hub.identify(secret) is not None
    except InvalidCredentials:
        return False


def test_a_refresh_token_is_exchanged_and_replaced(world: World) -> None:
    first = sign_in(world)
    world.clock.advance(ACCESS_MS - DAY_MS)
    second = refresh(world, first)
    assert len({first.access_token, first.refresh_token, second.access_token, second.refresh_token}) == 4
    assert second.expires_s == ACCESS_MS // 1000
    assert works(world, second.access_token)
    assert works(world, first.access_token), "programs that run go on"
    world.clock.advance(DAY_MS)
    assert not works(world, first.access_token)
    assert works(world, refresh(world, second).access_token)


def test_secrets_look_like_secrets(world: World) -> None:
    issued = sign_in(world)
    assert re.fullmatch(r"hf_[A-Za-z0-9]{43}", issued.access_token)
    assert re.fullmatch(r"ep_[0-9a-f]{24}[A-Za-z0-9]{65}", issued.refresh_token)
    assert not works(world, issued.refresh_token)


def test_a_response_that_was_lost_is_repeated_for_ten_minutes(world: World) -> None:
    first = sign_in(world)
    second = refresh(world, first)
    world.clock.advance(REPEAT_MS)
    again = refresh(world, first)
    assert (again.access_token, again.refresh_token) == (second.access_token, second.refresh_token)
    assert again.expires_s == second.expires_s - REPEAT_MS // 1000
    assert works(world, refresh(world, second).access_token)


def test_a_refresh_token_that_is_used_again_later_ends_the_sign_in(world: World) -> None:
    first = sign_in(world)
    second = refresh(world, first)
    world.clock.advance(REPEAT_MS + 1)
    assert is_refused(world, first)
    assert is_refused(world, second)
    assert not works(world, first.access_token)
    assert not works(world, second.access_token)
    assert [row.action for row in audit.search(world.hub, AuditFilter())][:2] == ["oauth.replay", "oauth.refresh"]


def test_a_refresh_token_that_was_replaced_twice_ends_the_sign_in_too(world: World) -> None:
    mine = sign_in(world)
    stolen = refresh(world, refresh(world, mine))  # by someone who has copied the refresh token
    assert works(world, stolen.access_token)
    assert is_refused(world, mine)
    assert not works(world, stolen.access_token)
    assert is_refused(world, stolen)


def test_a_made_up_refresh_token_ends_nothing(world: World) -> None:
    issued = sign_in(world)
    for token in (issued.refresh_token[:-1] + "~", issued.refresh_token[:-30] + "0" * 30, "ep_" + "0" * 89):
        assert is_refused(world, attrs.evolve(issued, refresh_token=token))
    assert works(world, refresh(world, issued).access_token)


def test_a_refresh_token_expires_and_belongs_to_its_client(world: World) -> None:
    first = sign_in(world)
    assert is_refused(world, first, "another")
    assert is_refused(world, IssuedAccess("x", "made up", 1))
    world.clock.advance(REFRESH_MS)
    assert is_refused(world, first)
    sign_in(world)
    assert len(tokens.list_own(world.hub, session(world))) == 3, "the expired one is gone"


def test_a_program_is_one_line_in_the_list_of_tokens_and_is_revoked_as_a_whole(world: World) -> None:
    first = sign_in(world)
    second = refresh(world, first)
    found = [item.token for item in tokens.list_own(world.hub, session(world)) if item.token.grant_uid]
    assert [token.name for token in found] == ["hf auth login"]
    with pytest.raises(Refused, match="revoke it, and sign in again"):
        tokens.rotate(world.hub, session(world), found[0].uid)
    renamed = tokens.rename(world.hub, session(world), found[0].uid, "my laptop").token
    assert [token.name for _, own in hub_work.list_users(world.hub) for token in own if token.grant_uid] == [
        "my laptop"
    ]
    third = refresh(world, second)
    named = [item.token for item in tokens.list_own(world.hub, session(world)) if item.token.grant_uid]
    assert [token.name for token in named] == ["my laptop"]
    tokens.revoke(world.hub, session(world), named[0].uid)
    assert renamed.uid != named[0].uid
    for issued in (first, second, third):
        assert not works(world, issued.access_token)
        assert is_refused(world, issued)


def test_an_administrator_revokes_the_whole_sign_in(world: World) -> None:
    issued = sign_in(world)
    accounts.revoke_token(world.hub, "alice", "hf auth login")
    assert is_refused(world, issued)
    assert not works(world, issued.access_token)


def test_only_the_newest_access_tokens_are_kept(world: World) -> None:
    issued = sign_in(world)
    all_of_them = [issued]
    for _ in range(4):
        issued = refresh(world, issued)
        all_of_them.append(issued)
    assert [works(world, item.access_token) for item in all_of_them] == [False, False, True, True, True]
