"""Passes: short-lived tokens that open the chunk store for one repository.

A pass is signed and not stored. Its real life is longer than the stated one,
because clients compare the stated end with their own clock and never ask
again when they are refused. Source: xet, section 7.1.
"""

from __future__ import annotations

import json

import attrs

from entrepot.catalog import Read, facts
from entrepot.catalog.repos import RepoRow
from entrepot.errors import (
    Forbidden,
    InvalidCredentials,
    InvalidSignature,
    NotAllowed,
    NotFound,
    Refused,
    ThingNotFound,
)
from entrepot.hub import access, grants, proposals, revisions
from entrepot.hub.callers import Anyone
from entrepot.hub.grants import Grant
from entrepot.hub.house import Hub
from entrepot.names import RepoRef, Uid

LIFETIME_S = 3600
GRACE_S = 600
_PURPOSE = "xet-pass"
_PREFIX = "xet_"


@attrs.frozen
class Pass:
    """What the holder may do: read one repository's files, or also add to them.

    ``realm`` is the repository's namespace. ``is_proposal``: the holder may
    not write to the repository, only propose changes; then the realm is their
    own, and what they say about a file is believed once it was computed again.
    """

    repo_id: int
    user_id: int | None
    realm: int
    may_write: bool
    is_proposal: bool = False
    grant: Grant = attrs.field(default=Grant(Uid("")), eq=False)


@attrs.frozen
class Issued:
    """A pass as it is handed out: its secret, its stated end (seconds since 1970) and the store's name in URLs."""

    secret: str
    expires_s: int
    store: str


def issue_read(hub: Hub, caller: Anyone, ref: RepoRef, revision: str | None) -> Issued:
    """A pass for reading the files of a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound: no such revision.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        if revision is not None:
            revisions.resolve(tx, row.id, revision)
        return _issue(hub, tx, row.namespace_id, grants.of(row, caller).by_name(row), may_write=False)


def issue_write(hub: Hub, caller: Anyone, ref: RepoRef, revision: str | None = "main") -> Issued:
    """A pass for adding files to a repository.

    Args:
        revision: where they shall be committed; None stands for a pull
            request that does not exist yet.

    Raises:
        RepoNotFound, RepoMoved, LoginRequired, NotAllowed, GatedRepo: no access.
        RevisionNotFound, Refused: there is no such pull request, or it is closed.
    """
    with hub.read() as tx:
        row, author = proposals.uploader(tx, caller, ref, revision)
        is_proposal = not access.may_write(author, row)
        realm = author.account.id if is_proposal else row.namespace_id
        grant = grants.for_upload(row, author, revision).by_name(row)
        return _issue(hub, tx, realm, grant, may_write=True, is_proposal=is_proposal)


def check(hub: Hub, secret: str | None, store: str) -> Pass:
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
    grant = grants.of_fields(fields["g"])
    with hub.read() as tx:
        found = Pass(0, grant.user_id, fields["n"], fields["w"], fields.get("p", False), grant)
        found = attrs.evolve(found, repo_id=recheck(hub, tx, found).id)
        if store != store_name(hub, tx, found.realm):
            raise ThingNotFound("store", store)
    return found


def recheck(hub: Hub, tx: Read, given: Pass) -> RepoRow:
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


def _repository(hub: Hub, tx: Read, given: Pass) -> RepoRow:
    if not given.may_write:
        row = grants.reader(tx, given.grant, hub.now_ms())
        if row is None:
            raise InvalidCredentials
        return row
    try:
        row, author = grants.writer(tx, given.grant, hub.now_ms())
    except (Forbidden, NotFound, Refused):
        raise InvalidCredentials from None
    realm = author.account.id if given.is_proposal else row.namespace_id
    # Content of a mere proposer is proven before it is believed, so a pass does not become one.
    if realm != given.realm or (not given.is_proposal and not access.may_write(author, row)):
        raise InvalidCredentials
    return row


def require_write(given: Pass) -> None:
    """Raise unless the pass allows adding files.

    Raises:
        NotAllowed: it is for reading.
    """
    if not given.may_write:
        raise NotAllowed("This token only allows reading: uploads need a token from xet-write-token")


def store_name(hub: Hub, tx: Read, realm: int) -> str:
    """What clients key their caches of known chunks by: it changes whenever those may no longer be trusted."""
    name = f"{hub.store_id}-{facts.find(tx, 'epoch')}"
    return name if hub.settings.dedup_scope == "hub" else f"{name}-{realm}"


def _issue(hub: Hub, tx: Read, realm: int, grant: Grant, *, may_write: bool, is_proposal: bool = False) -> Issued:
    expires_s = hub.now_ms() // 1000 + LIFETIME_S
    fields = {"g": grant.fields(), "n": realm, "w": may_write, "p": is_proposal, "e": expires_s}
    secret = _PREFIX + hub.signer.seal(_PURPOSE, json.dumps(fields, separators=(",", ":")))
    return Issued(secret, expires_s, store_name(hub, tx, realm))
