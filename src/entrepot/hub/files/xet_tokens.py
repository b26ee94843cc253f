"""Xet tokens: short-lived tokens for using the chunk store on behalf of one repository.

A token is signed and not stored. It is valid longer than stated, because
clients compare the stated expiry with their own clock and do not request a new
token after a refusal. Source: docs/protocols/xet.md, section 7.1.
"""

from __future__ import annotations

import hashlib
import json

import attrs

from entrepot.catalog import Read, Write, hub_metadata
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    Forbidden,
    InvalidCredentials,
    InvalidSignature,
    NotAllowed,
    NotFound,
    Refused,
    ThingNotFound,
)
from entrepot.hub import access, capabilities, revisions, scopes
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.capabilities import Capability
from entrepot.hub.community import pull_request_access
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, Uid

LIFETIME_S = 3600
GRACE_S = 600
_PURPOSE = "xet-pass"
_GENERATION = "xet:"
_DAMAGES = "xet-damages"
_PREFIX = "xet_"
ANONYMOUS = "public"
"""The sender of xorbs in tokens that were issued to anonymous callers."""


@attrs.frozen
class XetToken:
    """What the holder may do: read one repository's files, or also add files.

    ``namespace_id``: the account that owns the repository. ``is_proposal``: the holder may
    not write to the repository, only propose changes; then the namespace is their
    own, and the hub verifies their claims about files before using them.
    ``grant``: the access token that it was issued for, whose current rights
    decide. ``sender``: under whom xorbs that are sent with this token are recorded,
    and who may refer to them, see :func:`sender_of`.
    """

    repo_id: int
    user_id: int | None
    namespace_id: int
    may_write: bool
    is_proposal: bool = False
    sender: str = ANONYMOUS
    grant: Capability = attrs.field(default=Capability(Uid("")), eq=False)


@attrs.frozen
class IssuedXetToken:
    """A Xet token for the client: its secret, stated expiry (seconds since 1970) and the store's name in URLs."""

    secret: str
    expires_s: int
    store: str


def issue_read(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str | None) -> IssuedXetToken:
    """Return a token for reading the files of a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound: the revision does not exist.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        if revision is not None:
            revisions.resolve(tx, row.id, revision)
        grant = capabilities.of(row, caller).by_name(row)
        return _issue(hub, tx, XetToken(row.id, grant.user_id, row.owner_id, False, False, sender_of(caller), grant))


def issue_write(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str | None = "main") -> IssuedXetToken:
    """Return a token for adding files to a repository.

    Args:
        revision: target of the commit; None stands for a pull request
            that does not exist yet.

    Raises:
        RepoNotFound, RepoMoved, LoginRequired, NotAllowed, GatedRepo: no access.
        RevisionNotFound, Refused: the pull request does not exist, or is closed.
    """
    with hub.read() as tx:
        row, author = pull_request_access.uploader(tx, caller, ref, revision)
        is_proposal = not access.may_commit(tx, author, row)
        namespace_id = author.account.id if is_proposal else row.owner_id
        grant = capabilities.for_upload(tx, row, author, revision).by_name(row)
        given = XetToken(row.id, grant.user_id, namespace_id, True, is_proposal, sender_of(author), grant)
        return _issue(hub, tx, given)


def check(hub: HubContext, secret: str | None, store: str) -> XetToken:
    """Return the token that a secret encodes.

    Raises:
        InvalidCredentials: none was sent, it is altered or expired, or its holder
            may no longer do what it is for (see :func:`recheck`).
        ThingNotFound: the URL names another store than this hub's.
    """
    if secret is None or not secret.startswith(_PREFIX):
        raise InvalidCredentials
    try:
        fields = json.loads(hub.signer.unseal(_PURPOSE, secret.removeprefix(_PREFIX)))
    except InvalidSignature:
        raise InvalidCredentials from None
    if fields["e"] + GRACE_S < hub.now_ms() // 1000:
        raise InvalidCredentials
    grant = capabilities.of_fields(fields["g"])
    found = XetToken(0, grant.user_id, fields["n"], fields["w"], fields["p"], fields["h"], grant)
    with hub.read() as tx:
        found = attrs.evolve(found, repo_id=recheck(hub, tx, found).id)
        # The part after the epoch may have changed since then: tokens issued before remain valid.
        if store != f"{_store(hub, tx)}-{fields['s']}":
            raise ThingNotFound("store", store)
    return found


def recheck(hub: HubContext, tx: Read, given: XetToken) -> RepoRow:
    """Return the repository of a token; also called in the transaction that publishes an upload.

    A token applies to the repository that has the name now, because clients cache
    tokens by the name of the repository: after a repository was deleted and
    created again, they send the token of the old one. The holder's right to the
    new one is checked as if they asked for it now.

    Raises:
        InvalidCredentials: the holder has lost the right, by any change of
            the account, the token or the repository; or another repository
            took the name since the token was checked for this request.
    """
    row = _repository(hub, tx, given)
    if given.repo_id and row.id != given.repo_id:
        raise InvalidCredentials
    return row


def _repository(hub: HubContext, tx: Read, given: XetToken) -> RepoRow:
    if not given.may_write:
        row = capabilities.reading_repo(tx, given.grant, hub.now_ms())
        if row is None:
            raise InvalidCredentials
        return row
    try:
        row, author = capabilities.writing_repo(tx, given.grant, hub.now_ms())
    except (Forbidden, NotFound, Refused):
        raise InvalidCredentials from None
    namespace_id = author.account.id if given.is_proposal else row.owner_id
    # A writer's token must not become a proposer's, whose claims are verified first.
    if namespace_id != given.namespace_id or (not given.is_proposal and not access.may_commit(tx, author, row)):
        raise InvalidCredentials
    return row


def require_write(given: XetToken) -> None:
    """Raise unless the token allows adding files.

    Raises:
        NotAllowed: it is for reading.
    """
    if not given.may_write:
        raise NotAllowed("This token only allows reading: uploads need a token from xet-write-token")


def forget_known(tx: Write, sender: str) -> None:
    """Give the next token of a sender another store name, so that clients discard their caches of known chunks."""
    key = _GENERATION + sender
    hub_metadata.put(tx, key, str(int(hub_metadata.find(tx, key) or 0) + 1))


def forget_all_known(tx: Write) -> None:
    """Change the store name of all later tokens, so that clients discard their caches and send damaged chunks again."""
    hub_metadata.put(tx, _DAMAGES, str(int(hub_metadata.find(tx, _DAMAGES) or 0) + 1))


def _store(hub: HubContext, tx: Read) -> str:
    return f"{hub.store_id}-{hub_metadata.find(tx, 'epoch')}"


def _view(hub: HubContext, tx: Read, given: XetToken) -> str:
    """Return the part of the store's name that is shared by callers with the same rights to chunks.

    Clients key their caches of known chunks by it. It changes when a client has
    referred to chunks that it may no longer use, and when stored chunks were found damaged.
    """
    parts = [given.sender]
    if hub.settings.dedup_scope == "namespace":
        parts.append(str(given.namespace_id))
    generation = hub_metadata.find(tx, _GENERATION + given.sender)
    damages = hub_metadata.find(tx, _DAMAGES)
    return "-".join([*parts, *([generation] if generation else []), *([f"d{damages}"] if damages else [])])


def sender_of(caller: MaybeCaller) -> str:
    """Return the id under which sent xorbs are recorded.

    It is the account's, or a fine-grained token's own; resumable tokens of an account with equal scopes share one.
    """
    if caller is None:
        return ANONYMOUS
    if caller.limits is None:
        return f"u{caller.account.uid}"
    if not scopes.decode(caller.token.scopes).is_resumable:
        return f"t{caller.token.uid}"
    rights = json.dumps([caller.account.uid, caller.token.scopes], sort_keys=True)
    return f"r{hashlib.sha256(rights.encode()).hexdigest()[:32]}"


def _issue(hub: HubContext, tx: Read, given: XetToken) -> IssuedXetToken:
    expires_s = hub.now_ms() // 1000 + LIFETIME_S
    view = _view(hub, tx, given)
    fields = {
        "g": given.grant.fields(),
        "n": given.namespace_id,
        "w": given.may_write,
        "p": given.is_proposal,
        "e": expires_s,
        "h": given.sender,
        "s": view,
    }
    secret = _PREFIX + hub.signer.seal(_PURPOSE, json.dumps(fields, separators=(",", ":")))
    return IssuedXetToken(secret, expires_s, f"{_store(hub, tx)}-{view}")
