"""Exchange of a token of another issuer for an access token: a job proves what it is, and may publish for an hour.

What is refused before the repository is looked up depends on the token only. Afterwards there is one
refusal: whether the repository is absent, private or trusts someone else is not said.
Source: docs/protocols/oauth.md, section 3; RFC 8693.
"""

from __future__ import annotations

import functools
import hashlib
import json

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.tokens import Token
from entrepot.catalog.repos import repositories, trusted_publishers
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.repos.trusted_publishers import PublisherRow
from entrepot.errors import EntrepotError, LimitExceeded, OAuthRefused, shown
from entrepot.hub import access, audit, callers, scopes
from entrepot.hub.accounts import tokens
from entrepot.hub.callers import FINE_GRAINED, hash_secret
from entrepot.hub.context import HubContext
from entrepot.hub.scopes import Scopes
from entrepot.hub.sso import id_tokens, issuer_keys, issuers, signatures
from entrepot.hub.sso.claim_patterns import match
from entrepot.hub.sso.id_tokens import IdToken
from entrepot.hub.sso.publishers import WRITE, details_of
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType, new_uid, parse_repo_id

LIFE_S = 3_600
"""Lifetime of the access tokens of a publisher."""

MAX_LIVE = 200
"""Maximum number of valid access tokens of one publisher."""

_MAX_CLAIM_SHOWN = 300


@attrs.frozen
class PublisherAccess:
    """An access token of a publisher, shown to its job only."""

    secret: str = attrs.field(repr=False)
    expires_s: int


def exchange(hub: HubContext, token: str, resource: str) -> PublisherAccess:
    """Exchange the token of a job for an access token to one repository.

    Args:
        resource: the repository as clients name it: ``acme/m``, ``datasets/acme/d``.

    Raises:
        OAuthRefused: the token cannot be accepted, or no publisher of the repository accepts it.
        ExtraNotInstalled: the library for signatures is missing.
        IssuerUnavailable: the issuer does not answer.
    """
    signatures.require_library()
    audience = hub.settings.base_url
    if not audience:
        cure = "ask an administrator to set base_url"
        raise OAuthRefused("invalid_request", f"the hub does not know its own address: {cure}")
    issuer = issuers.trusted(hub, id_tokens.issuer_of(token))
    find_key = functools.partial(issuer_keys.find_key, hub, issuer)
    proof = id_tokens.verify(token, find_key, issuer=issuer.url, audience=audience, now_s=hub.now_ms() // 1000)
    ref = _parse_resource(resource)
    with hub.read() as read:  # anyone can get a token of a public issuer: only publishers may occupy the writers
        if ref is None or _accepting(read, ref, proof) is None:
            raise _nobody(resource, proof)
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        found = _accepting(tx, ref, proof)
        if found is None:
            raise _nobody(resource, proof)
        if not _is_first_use(hub, tx, proof):
            why = "it was exchanged before; a job keeps the access token, or asks its issuer for another token"
            raise OAuthRefused("invalid_grant", f"the token cannot be accepted: {why}")
        return _issue(hub, tx, *found, proof)


def _parse_resource(resource: str) -> RepoRef | None:
    """Return the repository that a client names; None for what cannot be one."""
    head, _, tail = resource.partition("/")
    kinds = {kind.plural: kind for kind in VERSIONED_TYPES}
    try:
        if head in kinds and "/" in tail:
            return RepoRef(kinds[head], parse_repo_id(tail))
        return RepoRef(RepoType.MODEL, parse_repo_id(resource)) if "/" in resource else None
    except EntrepotError:
        return None


def _accepting(tx: Read, ref: RepoRef, proof: IdToken) -> tuple[RepoRow, PublisherRow, Account] | None:
    """Return the first publisher of a repository that accepts a token and whose user still has the right."""
    row = repositories.find(tx, ref)
    if row is None or row.is_disabled:
        return None
    for publisher in trusted_publishers.of_repo(tx, row.id):
        if publisher.issuer == proof.issuer and match(publisher.claims, proof.claims):
            user = accounts.by_ids(tx, [publisher.user_id]).get(publisher.user_id)
            if user is not None and not user.is_suspended and _may(tx, user, row, publisher.role):
                return row, publisher, user
    return None


def _may(tx: Read, user: Account, row: RepoRow, role: str) -> bool:
    owner = callers.acting_as(tx, user)
    if not access.may_see(tx, owner, row):
        return False
    return access.may_manage(tx, owner, row) if role == WRITE else access.may_read(tx, owner, row)


def _nobody(resource: str, proof: IdToken) -> OAuthRefused:
    who = f"a token of {shown(proof.issuer)} for {shown(proof.subject)}"
    return OAuthRefused("invalid_grant", f"no trusted publisher of {shown(resource)} accepts this: {who}")


def _is_first_use(hub: HubContext, tx: Write, proof: IdToken) -> bool:
    """Record the use of a token; return False if it was used before. Tokens without an id can be used again."""
    if proof.token_id is None:
        return True
    name = json.dumps([proof.issuer, proof.token_id])
    expires_ms = (proof.expires_s + id_tokens.SKEW_S) * 1000
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return trusted_publishers.use_once(tx, digest, expires_ms, hub.now_ms())


def _issue(
    hub: HubContext, tx: Write, row: RepoRow, publisher: PublisherRow, user: Account, proof: IdToken
) -> PublisherAccess:
    now = hub.now_ms()
    if trusted_publishers.remove_expired_tokens(tx, publisher, now) >= MAX_LIVE:
        raise LimitExceeded("the number of access tokens of one publisher", MAX_LIVE, "wait until some expire")
    word = scopes.COMMIT if publisher.role == WRITE else scopes.READ
    encoded = Scopes((scopes.target_of(row, [word]),)).encode()
    secret, expires_ms = tokens.new_secret(), now + LIFE_S * 1000
    made = Token(
        *(new_uid(), user.id, f"publisher {publisher.name}", FINE_GRAINED, now, expires_ms),
        scopes=encoded,
        grant_uid=publisher.uid,
    )
    token_rows.add(tx, made, hash_secret(secret))
    trusted_publishers.note_use(tx, publisher.uid, now)
    said = {name: str(proof.claims.get(name))[:_MAX_CLAIM_SHOWN] for name in {*publisher.claims, "sub"}}
    details = details_of(publisher) | {"said": json.dumps(said, sort_keys=True), "token": made.uid}
    audit.record(hub, tx, user.name, "publisher.exchange", access.subject(row), details)
    return PublisherAccess(secret, LIFE_S)
