from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import msgspec
import pytest

from entrepot.catalog.accounts import accounts as account_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import (
    AccountSuspended,
    AlreadyExists,
    ConfigError,
    ConfirmationNeeded,
    EntrepotError,
    InvalidName,
    IssuerUnavailable,
    LoginRequired,
    NotAllowed,
    NotOffered,
    OAuthRefused,
    Refused,
    ThingNotFound,
)
from entrepot.hub import aliases, audit
from entrepot.hub.accounts import administration, own_sessions, sessions
from entrepot.hub.accounts.sessions import NOWHERE
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.sso import browser_sign_ins, identities
from entrepot.hub.sso.browser_sign_ins import BegunSignIn, FinishedSignIn, IssuerReply
from entrepot.settings import Settings
from entrepot.wire.accounts.administration import UserChanges
from tests.support.issuer import LocalIssuer
from tests.support.worlds import World

CALLBACK = "https://hub.example.org/-/sso/callback"


@pytest.fixture
def sso_world(make_world: Callable[..., World], issuer: LocalIssuer) -> World:
    return make_world(sso_issuer=issuer.url, sso_client_id="hub", oidc_private_issuers=True, sso_create_users=True)


def begin(world: World, link_to: Any = None) -> BegunSignIn:
    return browser_sign_ins.begin(world.hub, CALLBACK, "/models", link_to=link_to)


def reply_of(issuer: LocalIssuer, begun: BegunSignIn, **claims: Any) -> IssuerReply:
    found = issuer.approve(begun.url, **claims)
    return IssuerReply(found["state"], found["code"], issuer=found["iss"])


def finish(world: World, begun: BegunSignIn, reply: IssuerReply, caller: MaybeCaller = None) -> FinishedSignIn:
    return browser_sign_ins.finish(world.hub, caller, begun.sealed, reply, replaced=None, origin=NOWHERE)


def sign_in(world: World, issuer: LocalIssuer, **claims: Any) -> str:
    begun = begin(world)
    done = finish(world, begun, reply_of(issuer, begun, **claims))
    assert done.opened is not None
    return done.opened.user


def account(world: World, name: str) -> Account:
    with world.hub.read() as tx:
        found = account_rows.find(tx, name)
    assert found is not None
    return found


def test_the_first_sign_in_makes_an_account_and_the_next_one_finds_it(sso_world: World, issuer: LocalIssuer) -> None:
    begun = begin(sso_world)
    asked = dict(parse_qsl(urlsplit(begun.url).query))
    assert begun.url.startswith(f"{issuer.url}/authorize?")
    assert (asked["response_type"], asked["client_id"], asked["redirect_uri"]) == ("code", "hub", CALLBACK)
    assert asked["code_challenge_method"] == "S256"
    claims = {"name": "Ann Example", "email": "ann@example.org", "email_verified": True}
    done = finish(sso_world, begun, reply_of(issuer, begun, **claims))
    assert done.opened is not None
    assert (done.opened.user, done.target) == ("ann", "/models")
    caller = sessions.identify(sso_world.hub, done.opened.secret)
    assert caller is not None
    made = account(sso_world, "ann")
    assert (made.fullname, made.email, made.is_admin) == ("Ann Example", "ann@example.org", False)
    assert sign_in(sso_world, issuer, preferred_username="renamed") == "ann", "the subject counts, not the name"
    assert [row.action for row in audit.search(sso_world.hub, AuditFilter())][:4] == [
        *("user.sign_in", "user.sign_in", "identity.link", "user.create"),
    ]
    [identity] = identities.list_own(sso_world.hub, caller)
    assert (identity.label, identity.used_ms) == ("ann", sso_world.clock.now_ms)


def test_the_alias_of_a_repository_becomes_no_account(sso_world: World, issuer: LocalIssuer) -> None:
    aliases.put(sso_world.hub, "gpt2", sso_world.repo("alice/gpt2", visibility="private"))
    with pytest.raises(Refused, match="the name 'GPT2' is taken") as of_alias:
        sign_in(sso_world, issuer, preferred_username="GPT2")
    with pytest.raises(Refused) as of_account:
        sign_in(sso_world, issuer, preferred_username="alice")
    assert of_alias.value.message.replace("GPT2", "alice") == of_account.value.message


def test_an_address_that_is_not_verified_and_names_that_break_rules_are_left_out(
    sso_world: World, issuer: LocalIssuer
) -> None:
    sign_in(sso_world, issuer, name="a\nb", email="boss@example.org", email_verified=False)
    assert (account(sso_world, "ann").fullname, account(sso_world, "ann").email) == ("ann", None)


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"preferred_username": "alice"}, Refused),
        ({"preferred_username": "ALICE"}, Refused),
        ({"preferred_username": "acme"}, Refused),
        ({"preferred_username": None}, Refused),
        ({"preferred_username": 7}, Refused),
        ({"nonce": "another"}, OAuthRefused),
        ({"nonce": None}, OAuthRefused),
        ({"aud": "another-client"}, OAuthRefused),
        ({"aud": ["hub", "another-client"]}, OAuthRefused),
        ({"iss": "https://evil.example"}, OAuthRefused),
        ({"azp": "another-client"}, OAuthRefused),
        ({"azp": ["hub"]}, OAuthRefused),
        ({"sub": ""}, OAuthRefused),
        ({"exp": 1_000}, OAuthRefused),
    ],
)
def test_a_token_that_proves_nothing_or_somebody_else_opens_no_session(
    sso_world: World, issuer: LocalIssuer, claims: dict[str, Any], error: type[EntrepotError]
) -> None:
    with pytest.raises(error):
        sign_in(sso_world, issuer, **claims)
    assert audit.search(sso_world.hub, AuditFilter())[0].action != "user.sign_in"


def ask_name(world: World, issuer: LocalIssuer, said: str, **claims: Any) -> str:
    """Sign in with a name that breaks a rule, and return what the cookie keeps."""
    begun = begin(world)
    done = finish(world, begun, reply_of(issuer, begun, preferred_username=said, **claims))
    assert done.opened is None
    return done.sealed


def choose(world: World, sealed: str, name: str, token: str | None = None) -> FinishedSignIn:
    sent = browser_sign_ins.show_choice(world.hub, sealed).token if token is None else token
    return browser_sign_ins.choose_name(world.hub, sealed, sent, name, replaced=None, origin=NOWHERE)


@pytest.mark.parametrize(
    ("said", "proposal"),
    [
        ("ann.lee", "ann-lee"),
        ("ann.", "ann"),
        ("bob.", "bob-2"),
        ("gpt.2", "gpt-2-2"),
        ("settings", "settings-2"),
        ("admin/x", "admin-x"),
        ("../x", "x-2"),
        ("a." + "b" * 60, "a-" + "b" * 40),
        ("ö.", ""),
    ],
)
def test_a_name_that_breaks_a_rule_is_followed_by_a_free_proposal(
    sso_world: World, issuer: LocalIssuer, said: str, proposal: str
) -> None:
    aliases.put(sso_world.hub, "gpt-2", sso_world.repo("alice/gpt2", visibility="private"))
    choice = browser_sign_ins.show_choice(sso_world.hub, ask_name(sso_world, issuer, said))
    assert choice.proposal == proposal
    assert audit.search(sso_world.hub, AuditFilter())[0].action not in ("user.create", "user.sign_in")


def test_the_chosen_name_makes_an_account_once_and_opens_it(sso_world: World, issuer: LocalIssuer) -> None:
    claims = {"name": "Ann Lee", "email": "ann@example.org", "email_verified": True}
    sealed = ask_name(sso_world, issuer, "ann.lee", **claims)
    other = ask_name(sso_world, issuer, "ann.lee", **claims)
    done = choose(sso_world, sealed, " ann_lee ")
    assert done.opened is not None
    assert (done.opened.user, done.target) == ("ann_lee", "/models")
    made = account(sso_world, "ann_lee")
    assert (made.fullname, made.email) == ("Ann Lee", "ann@example.org")
    assert [row.action for row in audit.search(sso_world.hub, AuditFilter())][:3] == [
        *("user.sign_in", "identity.link", "user.create"),
    ]
    for used in (sealed, other):
        with pytest.raises(OAuthRefused, match="has an account already"):
            choose(sso_world, used, "second")
    assert sign_in(sso_world, issuer, preferred_username="ann.lee") == "ann_lee"


def test_a_chosen_name_never_opens_an_account_that_exists(sso_world: World, issuer: LocalIssuer) -> None:
    aliases.put(sso_world.hub, "gpt2", sso_world.repo("alice/gpt2", visibility="private"))
    sealed = ask_name(sso_world, issuer, "alice.")
    for name in ("alice", "ALICE", "acme", "gpt2"):
        with pytest.raises(Refused, match=f"the name '{name}' is taken: choose another one"):
            choose(sso_world, sealed, name)
    for name in ("", "ann.lee", "settings", "a" * 43):
        with pytest.raises(InvalidName):
            choose(sso_world, sealed, name)
    assert choose(sso_world, sealed, "alice-3").opened


def test_a_choice_belongs_to_its_browser_its_form_and_its_time(sso_world: World, issuer: LocalIssuer) -> None:
    sealed = ask_name(sso_world, issuer, "ann.lee")
    for kept, token, why in (
        ("", "x", "was not started in this browser"),
        (begin(sso_world).sealed, "x", "was not started in this browser"),
        (sealed[:-4] + "0000", "x", "was not started in this browser"),
        (sealed, "", "another sign-in"),
        (sealed, "é", "another sign-in"),
    ):
        with pytest.raises(OAuthRefused, match=why):
            choose(sso_world, kept, "ann-lee", token)
    with pytest.raises(OAuthRefused, match="not started in this browser"):
        finish(sso_world, BegunSignIn("", sealed), IssuerReply("x", "x"))
    settings = msgspec.structs.replace(sso_world.hub.settings, sso_create_users=False)
    closed = World(attrs.evolve(sso_world.hub, settings=settings), sso_world.clock, sso_world.secrets)
    with pytest.raises(OAuthRefused, match="settings of this hub have changed"):
        choose(closed, sealed, "ann-lee", "x")
    sso_world.clock.advance(600_000)
    with pytest.raises(OAuthRefused, match="ten minutes"):
        choose(sso_world, sealed, "ann-lee", "x")


def test_the_reply_must_belong_to_the_sign_in_of_this_browser(sso_world: World, issuer: LocalIssuer) -> None:
    mine, other = begin(sso_world), begin(sso_world)
    reply = reply_of(issuer, other)
    for sealed, answer, why in (
        (mine.sealed, reply, "another sign-in"),
        ("", reply, "was not started in this browser"),
        (other.sealed[:-4] + "0000", reply, "was not started in this browser"),
        ("é", reply, "was not started in this browser"),
        (other.sealed, attrs.evolve(reply, state=""), "another sign-in"),
        (other.sealed, attrs.evolve(reply, state="é"), "another sign-in"),
        (other.sealed, attrs.evolve(reply, issuer="https://evil.example"), "another issuer"),
        (other.sealed, attrs.evolve(reply, error="access_denied"), "access_denied"),
        (other.sealed, attrs.evolve(reply, code=""), "no code"),
    ):
        with pytest.raises(OAuthRefused, match=why):
            finish(sso_world, BegunSignIn("", sealed), answer)
    assert finish(sso_world, other, attrs.evolve(reply, issuer="")).opened
    with pytest.raises(IssuerUnavailable, match="invalid_grant"):
        finish(sso_world, other, reply)


def test_a_reply_without_issuer_is_refused_if_the_issuer_promises_to_name_itself(
    sso_world: World, issuer: LocalIssuer
) -> None:
    page = "/.well-known/openid-configuration"
    about = json.loads(issuer.pages[page]) | {"authorization_response_iss_parameter_supported": True}
    issuer.pages[page] = json.dumps(about).encode()
    begun = begin(sso_world)
    reply = reply_of(issuer, begun)
    with pytest.raises(OAuthRefused, match="does not name its issuer"):
        finish(sso_world, begun, attrs.evolve(reply, issuer=""))
    assert finish(sso_world, begun, reply).opened


def test_a_code_of_another_sign_in_is_refused(sso_world: World, issuer: LocalIssuer) -> None:
    mine, other = begin(sso_world), begin(sso_world)
    stolen = attrs.evolve(reply_of(issuer, mine), code=reply_of(issuer, other).code)
    with pytest.raises(IssuerUnavailable, match="invalid_grant"):
        finish(sso_world, mine, stolen)


def test_a_sign_in_takes_ten_minutes_at_most(sso_world: World, issuer: LocalIssuer) -> None:
    begun = begin(sso_world)
    reply = reply_of(issuer, begun)
    sso_world.clock.advance(600_000)
    with pytest.raises(OAuthRefused, match="ten minutes"):
        finish(sso_world, begun, reply)


def test_without_the_setting_only_linked_identities_sign_in(
    make_world: Callable[..., World], issuer: LocalIssuer
) -> None:
    world = make_world(sso_issuer=issuer.url, sso_client_id="hub", oidc_private_issuers=True)
    with pytest.raises(Refused, match="no account of this hub is linked"):
        sign_in(world, issuer)
    begun = begin(world, world.alice)
    assert finish(world, begun, reply_of(issuer, begun), world.alice) == FinishedSignIn(None, "/models")
    assert sign_in(world, issuer) == "alice"
    [identity] = identities.list_own(world.hub, world.alice)
    (alice, secret), (bob, bobs) = world.browser("alice"), world.browser("bob")
    with pytest.raises(ThingNotFound):
        identities.unlink(world.hub, bob, bobs, identity.id_hash)
    with pytest.raises(NotAllowed):
        identities.unlink(world.hub, world.alice, None, identity.id_hash)
    world.clock.advance(own_sessions.RECENT_MS)
    with pytest.raises(ConfirmationNeeded):
        identities.unlink(world.hub, alice, secret, identity.id_hash)
    assert identities.list_own(world.hub, world.alice)
    alice, secret = world.browser("alice")
    identities.unlink(world.hub, alice, secret, identity.id_hash)
    assert not identities.list_own(world.hub, world.alice)
    world.clock.advance(-own_sessions.RECENT_MS)
    with pytest.raises(Refused):
        sign_in(world, issuer)


def test_an_identity_is_linked_once_and_with_the_account_that_began(sso_world: World, issuer: LocalIssuer) -> None:
    begun = begin(sso_world, sso_world.alice)
    for caller, error in ((None, LoginRequired), (sso_world.bob, OAuthRefused)):
        with pytest.raises(error):
            finish(sso_world, begun, reply_of(issuer, begun), caller)
    with pytest.raises(NotAllowed):
        finish(sso_world, begun, reply_of(issuer, begun), sso_world.caller("alice", "read"))
    finish(sso_world, begun, reply_of(issuer, begun), sso_world.alice)
    again = begin(sso_world, sso_world.bob)
    with pytest.raises(AlreadyExists):
        finish(sso_world, again, reply_of(issuer, again), sso_world.bob)


def test_an_identity_is_not_linked_after_the_session_has_ended(sso_world: World, issuer: LocalIssuer) -> None:
    browser, secret = sso_world.browser("alice")
    begun = begin(sso_world, browser)
    reply = reply_of(issuer, begun)
    sessions.sign_out(sso_world.hub, secret)
    with pytest.raises(LoginRequired):
        finish(sso_world, begun, reply, browser)
    assert not identities.list_own(sso_world.hub, sso_world.alice)


def test_a_suspended_account_opens_no_session(sso_world: World, issuer: LocalIssuer) -> None:
    sign_in(sso_world, issuer)
    administration.change_user(sso_world.hub, sso_world.root, "ann", UserChanges(is_suspended=True))
    with pytest.raises(AccountSuspended):
        sign_in(sso_world, issuer)


def test_the_hub_proves_itself_with_its_secret(
    make_world: Callable[..., World], issuer: LocalIssuer, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "secret"
    settings = {"sso_issuer": issuer.url, "sso_client_id": "hub", "oidc_private_issuers": True}
    world = make_world(**settings, sso_create_users=True, sso_client_secret_file=str(file))
    with pytest.raises(IssuerUnavailable, match="sso_client_secret_file"):
        sign_in(world, issuer)
    file.write_text("p:ss/word\n")
    sign_in(world, issuer)
    assert issuer.authorizations == ["Basic " + base64.b64encode(b"hub:p%3Ass%2Fword").decode()]


def test_without_an_issuer_there_is_nothing_to_begin(world: World) -> None:
    with pytest.raises(NotOffered):
        begin(world)
    with pytest.raises(NotOffered):
        finish(world, BegunSignIn("", ""), IssuerReply("", ""))


@pytest.mark.parametrize("address", [None, 7, "javascript:alert(1)", "file:///x", "http://x/#f", "http://x/\r\n"])
def test_an_issuer_with_a_strange_address_is_refused(sso_world: World, issuer: LocalIssuer, address: Any) -> None:
    page = json.loads(issuer.pages["/.well-known/openid-configuration"])
    issuer.pages["/.well-known/openid-configuration"] = json.dumps(page | {"authorization_endpoint": address}).encode()
    with pytest.raises(IssuerUnavailable, match="no usable address"):
        begin(sso_world)


def test_a_secret_that_cannot_be_read_is_noticed_before_anyone_signs_in(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "secret"
    settings = Settings(data=tmp_path, sso_client_secret_file=str(file))
    with pytest.raises(ConfigError, match="No such file"):
        browser_sign_ins.check_secret(settings)
    file.write_bytes(b" \n")
    with pytest.raises(ConfigError, match="it is empty"):
        browser_sign_ins.check_secret(settings)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is not text"):
        browser_sign_ins.check_secret(settings)
    file.write_text("secret\n")
    browser_sign_ins.check_secret(settings)
    browser_sign_ins.check_secret(Settings(data=tmp_path))
