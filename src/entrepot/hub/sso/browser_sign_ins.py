"""Use cases of signing in with another issuer in a browser: authorization code with PKCE, state and nonce.

A sealed cookie of the browser remembers what is needed between the two requests. ``hub/sso/identities.py`` finds or
makes the account of the person.
Source: OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9207; RFC 9700, section 2.1.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import attrs

from entrepot.catalog import Lock, Write
from entrepot.catalog.accounts.accounts import Account
from entrepot.errors import (
    ConfigError,
    InvalidSignature,
    IssuerUnavailable,
    NotOffered,
    OAuthRefused,
    shown,
)
from entrepot.hub.accounts import sessions
from entrepot.hub.accounts.sessions import OpenedSession, SessionOrigin
from entrepot.hub.callers import Caller, MaybeCaller, require_write
from entrepot.hub.context import HubContext
from entrepot.hub.sso import id_tokens, identities, issuer_keys, issuers
from entrepot.hub.sso.id_tokens import IdToken
from entrepot.hub.sso.issuers import Issuer
from entrepot.names import parse_account
from entrepot.settings import Settings

LIFETIME_S = 600
"""How long a person may take at the issuer."""

_PURPOSE = "sign-in at an issuer"
_CHOICE = "name after a sign-in at an issuer"
_MAX_TARGET = 1_000
_MAX_CLAIM = 200


@attrs.frozen
class BegunSignIn:
    """The address to which the browser is sent, and the sealed state that its cookie keeps meanwhile."""

    url: str
    sealed: str = attrs.field(repr=False)


@attrs.frozen
class IssuerReply:
    """The parameters with which the issuer sent the browser back."""

    state: str = attrs.field(repr=False)
    code: str = attrs.field(repr=False)
    error: str = ""
    issuer: str = ""


@attrs.frozen
class FinishedSignIn:
    """The session that was opened, None if an identity was linked; and the page to go to.

    ``sealed``: if a name has to be chosen first, the sealed state that the cookie of the browser keeps meanwhile.
    """

    opened: OpenedSession | None
    target: str
    sealed: str = attrs.field(default="", repr=False)


@attrs.frozen
class NameChoice:
    """A first sign-in that waits for the name of the account; ``said``: how the issuer calls the person.

    ``proposal``: a free name, empty if none is near; ``identity``: names the identity; ``token``: what the form has to
    send back.
    """

    said: str
    proposal: str
    identity: str
    token: str = attrs.field(repr=False)


def issuer_host(hub: HubContext) -> str:
    """Return the host of the issuer with which people may sign in; empty if there is none."""
    settings = hub.settings
    return settings.sso_issuer.partition("://")[2].partition("/")[0] if settings.sso_client_id else ""


def begin(hub: HubContext, callback: str, target: str, *, link_to: Caller | None = None) -> BegunSignIn:
    """Prepare a sign-in at the issuer of the settings.

    Args:
        callback: the address of this hub to which the issuer sends the browser back.
        target: the page to go to afterwards.
        link_to: the account with which the identity is to be linked, instead of signing in.

    Raises:
        NotOffered: the settings name no issuer.
        IssuerUnavailable: it does not answer.
        ExtraNotInstalled: the library for signatures is missing.
    """
    issuer, client_id = _issuer(hub)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    kept = {
        "state": state,
        "nonce": nonce,
        "verifier": verifier,
        "callback": callback,
        "target": target[:_MAX_TARGET],
        "until": hub.now_ms() // 1000 + LIFETIME_S,
        "link": None if link_to is None else link_to.account.uid,
    }
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": callback,
        "scope": "openid profile email",
        "state": state,
        "nonce": nonce,
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    address = _endpoint(hub, issuer, "authorization_endpoint")
    url = f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"
    return BegunSignIn(url, hub.signer.seal(_PURPOSE, json.dumps(kept)))


def finish(
    hub: HubContext,
    caller: MaybeCaller,
    sealed: str,
    reply: IssuerReply,
    *,
    replaced: str | None,
    origin: SessionOrigin,
) -> FinishedSignIn:
    """Exchange the code of the issuer, and open a session of the account that the identity is linked with.

    If a new account would get a name that breaks a rule, nothing is stored: :func:`choose_name` makes the account.

    Raises:
        OAuthRefused: the reply does not belong to the sign-in of this browser, or the issuer refused.
        Refused, AlreadyExists: no account is linked, and none can be made.
        LoginRequired: an identity was to be linked, and the session has ended meanwhile.
        AccountSuspended: an administrator of the hub has suspended it.
        NotOffered, IssuerUnavailable, ExtraNotInstalled: as :func:`begin`.
    """
    issuer, client_id = _issuer(hub)
    kept = _unsealed(hub, sealed)
    _check_reply(hub, issuer, kept, reply)
    token = _redeem(hub, issuer, client_id, kept, reply.code)
    find_key = functools.partial(issuer_keys.find_key, hub, issuer)
    proof = id_tokens.verify(token, find_key, issuer=issuer.url, audience=client_id, now_s=hub.now_ms() // 1000)
    if not hmac.compare_digest(str(proof.claims.get("nonce", "")).encode(), str(kept["nonce"]).encode()):
        raise _failed("the token of the issuer is for another sign-in")
    if proof.claims.get("azp", client_id) != client_id:
        raise _failed("the token of the issuer was issued to another client ('azp')")
    target = str(kept["target"])
    if kept["link"] is not None:
        known = require_write(caller)
        if known.account.uid != kept["link"]:
            raise _failed("the link was not started by the account that is signed in now")
        identities.link(hub, known, proof)
        return FinishedSignIn(None, target)
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        user = identities.account_of(hub, tx, proof)
        if user is None:
            return FinishedSignIn(None, target, _seal_choice(hub, proof, target))
        return _enter(hub, tx, user, proof, target, replaced, origin)


def show_choice(hub: HubContext, sealed: str) -> NameChoice:
    """Return what to ask a person whose first sign-in waits for a name.

    Raises:
        NotOffered: the settings name no issuer.
        OAuthRefused: the browser keeps no such sign-in, it took too long, or the settings have changed.
    """
    kept, proof = _unsealed_choice(hub, sealed)
    said = str(proof.claims[hub.settings.sso_name_claim])
    with hub.read() as tx:
        free = identities.free_name(tx, said)
        return NameChoice(identities.label(hub, proof), free, identities.hash_of(proof), str(kept["token"]))


def choose_name(
    hub: HubContext, sealed: str, token: str, name: str, *, replaced: str | None, origin: SessionOrigin
) -> FinishedSignIn:
    """Make the account of a first sign-in with the name that the person has chosen, and open its session.

    Guarantees: an account that exists is never linked, and no sign-in makes a second account while the first is linked.

    Raises:
        NotOffered, OAuthRefused: as :func:`show_choice`; or the form belongs to another sign-in, or has been used.
        InvalidName: the name breaks a rule.
        Refused: it is taken.
    """
    kept, proof = _unsealed_choice(hub, sealed)
    if not hmac.compare_digest(token.encode(), str(kept["token"]).encode()):
        raise _failed("the form belongs to another sign-in")
    chosen = parse_account(name.strip())
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        if identities.is_linked(tx, proof):
            raise _failed("this identity has an account already")
        user = identities.create_account(hub, tx, proof, chosen, "choose another one")
        return _enter(hub, tx, user, proof, str(kept["target"]), replaced, origin)


def _issuer(hub: HubContext) -> tuple[Issuer, str]:
    """Return the issuer of the settings, and the name of the hub there."""
    if not hub.settings.sso_issuer or not hub.settings.sso_client_id:
        raise NotOffered("sign-ins with another issuer")
    return Issuer(hub.settings.sso_issuer), hub.settings.sso_client_id


def _endpoint(hub: HubContext, issuer: Issuer, name: str) -> str:
    found = issuer_keys.describe(hub, issuer).get(name)
    schemes = ("https://", "http://") if hub.settings.oidc_private_issuers else ("https://",)
    if not isinstance(found, str) or not found.startswith(schemes) or not found.isprintable() or "#" in found:
        raise IssuerUnavailable(f"the issuer {shown(issuer.url)} names no usable address '{name}'")
    return found


def _seal_choice(hub: HubContext, proof: IdToken, target: str) -> str:
    """Return what a cookie keeps of a verified sign-in while the person chooses a name."""
    wanted = (hub.settings.sso_name_claim, "name", "email")
    kept = {
        "issuer": proof.issuer,
        "subject": proof.subject,
        "claims": {
            **{key: value[:_MAX_CLAIM] for key in wanted if isinstance(value := proof.claims.get(key), str)},
            "email_verified": proof.claims.get("email_verified") is True,
        },
        "target": target,
        "token": secrets.token_urlsafe(32),
        "until": hub.now_ms() // 1000 + LIFETIME_S,
    }
    return hub.signer.seal(_CHOICE, json.dumps(kept))


def _unsealed_choice(hub: HubContext, sealed: str) -> tuple[Mapping[str, object], IdToken]:
    issuer, _ = _issuer(hub)
    kept = _unsealed(hub, sealed, _CHOICE)
    claims = kept["claims"]
    assert isinstance(claims, dict)
    if kept["issuer"] != issuer.url or hub.settings.sso_name_claim not in claims or not hub.settings.sso_create_users:
        raise _failed("the settings of this hub have changed")
    return kept, IdToken(issuer.url, str(kept["subject"]), None, 0, claims)


def _enter(
    hub: HubContext,
    tx: Write,
    user: Account,
    proof: IdToken,
    target: str,
    replaced: str | None,
    origin: SessionOrigin,
) -> FinishedSignIn:
    identities.note_use(hub, tx, proof)
    return FinishedSignIn(sessions.open_session(hub, tx, user, sessions.SSO, replaced, origin), target)


def _unsealed(hub: HubContext, sealed: str, purpose: str = _PURPOSE) -> Mapping[str, object]:
    try:
        kept = json.loads(hub.signer.unseal(purpose, sealed))
    except (InvalidSignature, ValueError):
        raise _failed("the sign-in was not started in this browser") from None
    if hub.now_ms() // 1000 >= kept["until"]:
        raise _failed("it took more than ten minutes")
    return dict(kept)


def _check_reply(hub: HubContext, issuer: Issuer, kept: Mapping[str, object], reply: IssuerReply) -> None:
    if not hmac.compare_digest(reply.state.encode(), str(kept["state"]).encode()):
        raise _failed("the answer of the issuer belongs to another sign-in")
    if reply.issuer and reply.issuer != issuer.url:
        raise _failed("the answer comes from another issuer")
    if reply.error:
        raise _failed(f"the issuer refused with {shown(reply.error)}")
    if not reply.code:
        raise _failed("the issuer sent no code")
    says_issuer = issuer_keys.describe(hub, issuer).get("authorization_response_iss_parameter_supported")
    if says_issuer is True and not reply.issuer:
        raise _failed("the answer does not name its issuer")


def _redeem(hub: HubContext, issuer: Issuer, client_id: str, kept: Mapping[str, object], code: str) -> str:
    """Return the ID token for a code."""
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": str(kept["callback"]),
        "client_id": client_id,
        "code_verifier": str(kept["verifier"]),
    }
    headers = {}
    if hub.settings.sso_client_secret_file:
        pair = ":".join(quote(part, safe="") for part in (client_id, _secret(hub)))
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        del fields["client_id"]  # a client authenticates in one way only
    address = _endpoint(hub, issuer, "token_endpoint")
    found = issuers.fetch_object(hub, address, urlencode(fields).encode(), **headers).get("id_token")
    if not isinstance(found, str):
        raise IssuerUnavailable(f"the issuer {shown(issuer.url)} returned no ID token")
    return found


def check_secret(settings: Settings) -> None:
    """Check that the secret of the hub at its issuer can be read, before people try to sign in with it.

    Raises:
        ConfigError: the file cannot be read, or is empty.
    """
    file = settings.sso_client_secret_file
    if not file:
        return
    try:
        if Path(file).read_text(encoding="utf-8").strip():
            return
        reason = "it is empty"
    except OSError as error:
        reason = str(error.strerror)
    except ValueError:
        reason = "it is not text"
    raise ConfigError("sso_client_secret_file", "the file named there", f"cannot read the secret: {reason}")


def _secret(hub: HubContext) -> str:
    try:
        return Path(hub.settings.sso_client_secret_file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise IssuerUnavailable("the file in the setting sso_client_secret_file cannot be read") from None


def _failed(why: str) -> OAuthRefused:
    return OAuthRefused("invalid_request", f"signing in did not succeed: {why}; start again")
