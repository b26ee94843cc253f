"""Sets up a second factor as a user with an app does, and computes what the app shows."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import attrs

from entrepot.hub import callers
from entrepot.hub.accounts import one_time_passwords, own_factors, passkeys, sessions
from entrepot.hub.accounts.passkey_proofs import PasskeySite
from entrepot.hub.accounts.passkeys import PasskeyReply
from entrepot.hub.accounts.sessions import OpenedSession
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from tests.support.authenticator import Authenticator

SITE = PasskeySite("hub.example", "https://hub.example")
"""Where passkeys of these tests are made and used."""


@attrs.frozen
class App:
    """An app with a secret, and the recovery codes beside it."""

    secret: bytes
    codes: Sequence[str]

    def shows(self, hub: HubContext, steps_later: int = 0) -> str:
        """Return the code of now, or of a later time step."""
        return one_time_passwords.password_at(self.secret, one_time_passwords.step_of(hub.now_ms()) + steps_later)


def frozen(hub: HubContext) -> HubContext:
    """Return a hub whose clock stands, in the middle of a time step: a test never runs into the next one."""
    now = hub.now_ms() // one_time_passwords.STEP_MS * one_time_passwords.STEP_MS + 15_000
    return attrs.evolve(hub, now_ms=lambda: now)


def decode_secret(text: str) -> bytes:
    """Return the secret that a page shows."""
    return base64.b32decode(text.replace(" ", ""))


def whose(hub: HubContext, opened: OpenedSession) -> Caller:
    """Return the caller of a session."""
    caller = sessions.identify(hub, opened.secret)
    assert caller is not None
    return caller


def add_app(hub: HubContext, name: str, password: str) -> App:
    """Turn two-step sign-in on for a user without one; codes of now are accepted afterwards too."""
    past = attrs.evolve(hub, now_ms=lambda: hub.now_ms() - 120_000)
    opened = sessions.sign_in(past, name, password)
    caller = whose(past, opened)
    setup = own_factors.begin(past, caller, opened.secret, "hub.example")
    secret = decode_secret(setup.secret)
    app = App(secret, ())
    codes = own_factors.enable(past, caller, opened.secret, setup.sealed, app.shows(past))
    return attrs.evolve(app, codes=codes)


def add_passkey(hub: HubContext, opened: OpenedSession, name: str = "phone") -> Authenticator:
    """Add a passkey to the user of a session."""
    key, caller = Authenticator(SITE.origin, SITE.host), whose(hub, opened)
    begun = passkeys.begin_adding(hub, caller, opened.secret, SITE)
    passkeys.add(hub, caller, opened.secret, SITE, PasskeyReply(key.make(begun.options), begun.sealed), name)
    return key


def reload(hub: HubContext, caller: Caller) -> Caller:
    """Return a caller with the account as it is now."""
    with hub.read() as tx:
        return callers.acting_as(tx, caller.account)
