"""Use cases of signing in with another issuer in a browser: authorization code with PKCE, state and nonce.

What has to be remembered between the two requests is in a sealed cookie of the browser. An identity belongs
to an account by issuer and subject only: names and addresses of e-mail can be changed, and link nothing.
Source: OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9207; RFC 9700, section 2.1.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts, sso_identities
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.sso_identities import IdentityRow
from entrepot.catalog.repos import aliases
from entrepot.errors import (
    AlreadyExists,
    ConfigError,
    InvalidName,
    InvalidSignature,
    IssuerUnavailable,
    NotOffered,
    OAuthRefused,
    Refused,
    ThingNotFound,
    shown,
)
from entrepot.hub import audit
from entrepot.hub.accounts import sessions
from entrepot.hub.accounts.accounts import parse_email
from entrepot.hub.accounts.confirmations import require_recent
from entrepot.hub.accounts.own_sessions import require_session
from entrepot.hub.accounts.sessions import OpenedSession, SessionOrigin
from entrepot.hub.callers import Caller, MaybeCaller, require_write
from entrepot.hub.context import HubContext
from entrepot.hub.sso import id_tokens, issuer_keys, issuers
from entrepot.hub.sso.id_tokens import IdToken
from entrepot.hub.sso.issuers import Issuer
from entrepot.names import AccountName, parse_account, parse_fullname
from entrepot.settings import Settings

LIFETIME_S = 600
"""How long a person may take at the issuer."""

_PURPOSE = "sign-in at an issuer"
_CHOICE = "name after a sign-in at an issuer"
_MAX_PROPOSALS = 20
_MAX_NAME = 42
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
    _check_reply(issuer, kept, reply)
    token = _redeem(hub, issuer, client_id, kept, reply.code)
    find_key = functools.partial(issuer_keys.find_key, hub, issuer)
    proof = id_tokens.verify(token, find_key, issuer=issuer.url, audience=client_id, now_s=hub.now_ms() // 1000)
    if not hmac.compare_digest(str(proof.claims.get("nonce", "")).encode(), str(kept["nonce"]).encode()):
        raise _failed("the token of the issuer is for another sign-in")
    if proof.claims.get("azp", client_id) != client_id:
        raise _failed("the token of the issuer was issued to another client ('azp')")
    target = str(kept["target"])
    if kept["link"] is not None:
        _link(hub, caller, str(kept["link"]), proof)
        return FinishedSignIn(None, target)
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        user = _account_of(hub, tx, proof)
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
        free = (name for name in _proposals(said) if not _is_taken(tx, name))
        return NameChoice(_label(hub, proof), next(free, ""), _hash_of(proof), str(kept["token"]))


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
        if sso_identities.find(tx, _hash_of(proof)) is not None:
            raise _failed("this identity has an account already")
        user = _create(hub, tx, proof, chosen, "choose another one")
        return _enter(hub, tx, user, proof, str(kept["target"]), replaced, origin)


def list_own_identities(hub: HubContext, caller: MaybeCaller) -> Sequence[IdentityRow]:
    """Return the identities with which the caller can sign in.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or their token may not change the account.
    """
    known = require_write(caller)
    with hub.read() as tx:
        return sso_identities.of_user(tx, known.account.id)


def unlink(hub: HubContext, caller: MaybeCaller, session: str | None, id_hash: str) -> None:
    """Remove an identity from the caller's account; sessions that were opened with it stay.

    Args:
        session: the secret of the session that asks.

    Raises:
        LoginRequired, NotAllowed, ConfirmationNeeded: as :func:`~entrepot.hub.accounts.confirmations.require_recent`.
        StepExpired: the session has ended.
        ThingNotFound: the caller has no such identity.
    """
    known = require_recent(hub, caller, session)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        require_session(tx, known, session)
        found = [row for row in sso_identities.of_user(tx, known.account.id) if row.id_hash == id_hash]
        if not found:
            raise ThingNotFound("identity", id_hash)
        sso_identities.remove(tx, known.account.id, id_hash)
        _record(hub, tx, known, "identity.unlink", known.account, found[0])


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


def _proposals(said: str) -> Iterator[AccountName]:
    """Yield names that follow the rules and are near the one that the issuer gives a person."""
    words = "-".join(part for part in re.split(r"[^A-Za-z0-9_]+", said) if part)
    for number in range(1, _MAX_PROPOSALS + 1):
        end = "" if number == 1 else f"-{number}"
        with contextlib.suppress(InvalidName):
            yield parse_account(words[: _MAX_NAME - len(end)].strip("-") + end)


def _is_taken(tx: Read, name: AccountName) -> bool:
    return accounts.find(tx, name) is not None or aliases.is_taken(tx, name)


def _enter(
    hub: HubContext,
    tx: Write,
    user: Account,
    proof: IdToken,
    target: str,
    replaced: str | None,
    origin: SessionOrigin,
) -> FinishedSignIn:
    sso_identities.note_use(tx, _hash_of(proof), hub.now_ms())
    return FinishedSignIn(sessions.open_session(hub, tx, user, sessions.SSO, replaced, origin), target)


def _unsealed(hub: HubContext, sealed: str, purpose: str = _PURPOSE) -> Mapping[str, object]:
    try:
        kept = json.loads(hub.signer.unseal(purpose, sealed))
    except (InvalidSignature, ValueError):
        raise _failed("the sign-in was not started in this browser") from None
    if hub.now_ms() // 1000 >= kept["until"]:
        raise _failed("it took more than ten minutes")
    return dict(kept)


def _check_reply(issuer: Issuer, kept: Mapping[str, object], reply: IssuerReply) -> None:
    if not hmac.compare_digest(reply.state.encode(), str(kept["state"]).encode()):
        raise _failed("the answer of the issuer belongs to another sign-in")
    if reply.issuer and reply.issuer != issuer.url:
        raise _failed("the answer comes from another issuer")
    if reply.error:
        raise _failed(f"the issuer refused with {shown(reply.error)}")
    if not reply.code:
        raise _failed("the issuer sent no code")


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


def _account_of(hub: HubContext, tx: Write, proof: IdToken) -> Account | None:
    """Return the account of an identity; make one if the settings say so. None: the person has to choose its name.

    Raises:
        Refused: there is none, and none can be made.
    """
    known = sso_identities.find(tx, _hash_of(proof))
    if known is not None:
        return accounts.by_ids(tx, [known.user_id])[known.user_id]
    if not hub.settings.sso_create_users:
        cure = "sign in as before and link it under Settings, Password; or ask an administrator for a one-time link"
        raise Refused(f"no account of this hub is linked with {shown(_label(hub, proof))}: {cure}")
    claim = hub.settings.sso_name_claim
    said = proof.claims.get(claim)
    if not isinstance(said, str):
        raise Refused(f"the issuer does not say the name of the account, in the claim {shown(claim)}")
    try:
        name = parse_account(said)
    except InvalidName:
        return None
    cure = "if the account is yours, sign in as before and link it under Settings, Password"
    return _create(hub, tx, proof, name, cure)


def _create(hub: HubContext, tx: Write, proof: IdToken, name: AccountName, cure: str) -> Account:
    """Make the account of an identity, and link the two.

    Raises:
        Refused: the name is taken; ``cure`` says what to do.
    """
    if _is_taken(tx, name):  # one sentence: aliases may be private
        raise Refused(f"the name {shown(name)} is taken: {cure}")
    email = _usable(proof, "email", parse_email) if proof.claims.get("email_verified") is True else None
    fullname = _usable(proof, "name", parse_fullname)
    user = accounts.add(tx, accounts.fresh(name, "user", hub.now_ms(), fullname=fullname, email=email))
    audit.record(hub, tx, user.name, "user.create", f"user {user.name}", {"issuer": proof.issuer})
    _add(hub, tx, user.name, user, proof)
    return user


def _usable(proof: IdToken, claim: str, parse: Callable[[str], str | None]) -> str | None:
    """Return the value of a claim if it follows the rules of this hub; accounts do without it otherwise."""
    value = proof.claims.get(claim)
    try:
        return parse(value) if isinstance(value, str) else None
    except InvalidName:
        return None


def _link(hub: HubContext, caller: MaybeCaller, uid: str, proof: IdToken) -> None:
    known = require_write(caller)
    if known.account.uid != uid:
        raise _failed("the link was not started by the account that is signed in now")
    # The issuer may have taken seconds to answer.
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        present = sso_identities.find(tx, _hash_of(proof))
        if present is not None:
            raise AlreadyExists("This identity is linked with an account already")
        _add(hub, tx, known, known.account, proof)


def _add(hub: HubContext, tx: Write, actor: Caller | str, user: Account, proof: IdToken) -> None:
    row = IdentityRow(_hash_of(proof), user.id, proof.issuer, _label(hub, proof), hub.now_ms())
    sso_identities.add(tx, row)
    _record(hub, tx, actor, "identity.link", user, row)


def _record(hub: HubContext, tx: Write, actor: Caller | str, action: str, user: Account, row: IdentityRow) -> None:
    audit.record(hub, tx, actor, action, f"user {user.name}", {"issuer": row.issuer, "label": row.label})


def _hash_of(proof: IdToken) -> str:
    name = json.dumps([proof.issuer, proof.subject])
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _label(hub: HubContext, proof: IdToken) -> str:
    """Return the readable name that the issuer gives a person."""
    said = proof.claims.get(hub.settings.sso_name_claim)
    text = said if isinstance(said, str) and said.isprintable() and said else proof.subject
    return text[:100].encode("ascii", "backslashreplace").decode()[:200]


def _failed(why: str) -> OAuthRefused:
    return OAuthRefused("invalid_request", f"signing in did not succeed: {why}; start again")
