"""Passes: short-lived tokens that open the chunk store for one repository.

A pass is signed and not stored. Its real life is longer than the stated one,
because clients compare the stated end with their own clock and never ask
again when they are refused. Source: docs/protocols/xet.md, section 7.1.
"""

from __future__ import annotations

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
from entrepot.hub import access, capabilities, revisions
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.capabilities import Capability
from entrepot.hub.community import pull_request_access
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, Uid

LIFETIME_S = 3600
GRACE_S = 600
_PURPOSE = "xet-pass"
_GENERATION = "xet:"
_PREFIX = "xet_"
ANONYMOUS = "public"
"""The holder of passes that nobody in particular asked for."""


@attrs.frozen
class XetToken:
    """What the holder may do: read one repository's files, or also add to them.

    ``realm`` is the repository's namespace. ``is_proposal``: the holder may
    not write to the repository, only propose changes; then the realm is their
    own, and what they say about a file is believed once it was computed again.
    ``grant``: the access token that the pass was made for, whose rights of now
    decide. ``holder``: who may refer to the xorbs that are sent
    with the pass: the account, or a fine-grained token alone.
    """

    repo_id: int
    user_id: int | None
    realm: int
    may_write: bool
    is_proposal: bool = False
    holder: str = ANONYMOUS
    grant: Capability = attrs.field(default=Capability(Uid("")), eq=False)


@attrs.frozen
class IssuedToken:
    """A pass as it is handed out: its secret, its stated end (seconds since 1970) and the store's name in URLs."""

    secret: str
    expires_s: int
    store: str


def issue_read(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str | None) -> IssuedToken:
    """A pass for reading the files of a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound: no such revision.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        if revision is not None:
            revisions.resolve(tx, row.id, revision)
        grant = capabilities.of(row, caller).by_name(row)
        return _issue(
            hub, tx, XetToken(row.id, grant.user_id, row.namespace_id, False, False, holder_of(caller), grant)
        )


def issue_write(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str | None = "main") -> IssuedToken:
    """A pass for adding files to a repository.

    Args:
        revision: where they shall be committed; None stands for a pull
            request that does not exist yet.

    Raises:
        RepoNotFound, RepoMoved, LoginRequired, NotAllowed, GatedRepo: no access.
        RevisionNotFound, Refused: there is no such pull request, or it is closed.
    """
    with hub.read() as tx:
        row, author = pull_request_access.uploader(tx, caller, ref, revision)
        is_proposal = not access.may_write(author, row)
        realm = author.account.id if is_proposal else row.namespace_id
        grant = capabilities.for_upload(row, author, revision).by_name(row)
        given = XetToken(row.id, grant.user_id, realm, True, is_proposal, holder_of(author), grant)
        return _issue(hub, tx, given)


def check(hub: HubContext, secret: str | None, store: str) -> XetToken:
    """The pass behind a secret.

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
    found = XetToken(0, grant.user_id, fields["n"], fields["w"], fields.get("p", False), fields["h"], grant)
    with hub.read() as tx:
        found = attrs.evolve(found, repo_id=recheck(hub, tx, found).id)
        # The part after the epoch may have changed since: passes that were handed out before stay good.
        if store != f"{_store(hub, tx)}-{fields['s']}":
            raise ThingNotFound("store", store)
    return found


def recheck(hub: HubContext, tx: Read, given: XetToken) -> RepoRow:
    """Return the repository of a pass; also called in the transaction that publishes what came with it.

    A pass holds for the repository that has the name now, because clients keep
    passes by the name of the repository: after a repository was deleted and
    made anew, they show the pass of the old one. The holder's right to the new
    one is judged as if they asked for it now.

    Raises:
        InvalidCredentials: the holder has lost the right, by whatever change of
            the account, the token or the repository; or another repository
            took the name since the pass was checked for this request.
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
    realm = author.account.id if given.is_proposal else row.namespace_id
    # Content of a mere proposer is proven before it is believed, so a pass does not become one.
    if realm != given.realm or (not given.is_proposal and not access.may_write(author, row)):
        raise InvalidCredentials
    return row


def require_write(given: XetToken) -> None:
    """Raise unless the pass allows adding files.

    Raises:
        NotAllowed: it is for reading.
    """
    if not given.may_write:
        raise NotAllowed("This token only allows reading: uploads need a token from xet-write-token")


def forget_known(tx: Write, holder: str) -> None:
    """Let the next pass of a holder name another store, so that clients forget which chunks they may refer to."""
    key = _GENERATION + holder
    hub_metadata.put(tx, key, str(int(hub_metadata.find(tx, key) or 0) + 1))


def _store(hub: HubContext, tx: Read) -> str:
    return f"{hub.store_id}-{hub_metadata.find(tx, 'epoch')}"


def _view(hub: HubContext, tx: Read, given: XetToken) -> str:
    """What clients key their caches of known chunks by: whoever has the same rights shares it.

    It changes whenever a client has relied on chunks that it may not refer to any more.
    """
    parts = [given.holder]
    if hub.settings.dedup_scope == "namespace":
        parts.append(str(given.realm))
    generation = hub_metadata.find(tx, _GENERATION + given.holder)
    return "-".join([*parts, *([generation] if generation else [])])


def holder_of(caller: MaybeCaller) -> str:
    """Return who may refer to the xorbs that a caller sends: their account, or a fine-grained token alone."""
    if caller is None:
        return ANONYMOUS
    return f"u{caller.account.uid}" if caller.limits is None else f"t{caller.token.uid}"


def _issue(hub: HubContext, tx: Read, given: XetToken) -> IssuedToken:
    expires_s = hub.now_ms() // 1000 + LIFETIME_S
    view = _view(hub, tx, given)
    fields = {
        "g": given.grant.fields(),
        "n": given.realm,
        "w": given.may_write,
        "p": given.is_proposal,
        "e": expires_s,
        "h": given.holder,
        "s": view,
    }
    secret = _PREFIX + hub.signer.seal(_PURPOSE, json.dumps(fields, separators=(",", ":")))
    return IssuedToken(secret, expires_s, f"{_store(hub, tx)}-{view}")
