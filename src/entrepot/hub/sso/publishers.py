"""Use cases on trusted publishers: jobs of continuous integration that may publish in a repository without a secret.

A publisher acts with the rights of the user who set it up, limited to its repository. They are checked at every use of
its access tokens, so it ends with the right, the membership or the account of this user.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.repos import trusted_publishers
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.repos.trusted_publishers import PublisherRow
from entrepot.errors import AlreadyExists, InvalidName, LimitExceeded, Refused, ThingNotFound
from entrepot.hub import access, audit
from entrepot.hub.callers import Caller, MaybeCaller, require_write
from entrepot.hub.context import HubContext
from entrepot.hub.sso import issuers, signatures
from entrepot.hub.sso.claim_patterns import check_patterns
from entrepot.names import RepoRef, new_uid

READ, WRITE = "read", "write"
"""What the access tokens of a publisher allow in its repository."""

MAX_PUBLISHERS = 50
"""Maximum number of publishers of one repository."""

_MAX_NAME = 80


@attrs.frozen
class PublisherDraft:
    """A publisher to add: tokens of ``issuer`` whose claims match all patterns get access with a role."""

    name: str
    issuer: str
    claims: Mapping[str, str]
    role: str = WRITE


@attrs.frozen
class Publisher:
    """A publisher, and the current name of the user whose rights it has."""

    row: PublisherRow
    owner: str


def of_repo(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> Sequence[Publisher]:
    """Return the publishers of a repository, oldest first.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: the caller may not write to it.
    """
    with hub.read() as tx:
        row, _ = _managed(tx, caller, ref, by_alias=True)
        found = trusted_publishers.of_repo(tx, row.id)
        owners = accounts.by_ids(tx, [publisher.user_id for publisher in found])
        return [Publisher(publisher, owners[publisher.user_id].name) for publisher in found]


def add(hub: HubContext, caller: MaybeCaller, ref: RepoRef, draft: PublisherDraft) -> Publisher:
    """Add a publisher, which will have the caller's rights in this repository.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed, RepoArchived: the caller may not write to it.
        ExtraNotInstalled, Refused: the hub cannot verify tokens, or does not trust the issuer.
        InvalidName, Malformed, LimitExceeded: a value of the draft cannot be used.
        AlreadyExists: there is one with the same claims.
    """
    with hub.read() as tx:
        access.check_not_archived(_managed(tx, caller, ref)[0])  # nothing about issuers is said to others
    _check(hub, draft)
    with hub.write(access.lock(hub, caller, ref, _managed), Lock.audit()) as tx:
        row, owner = _managed(tx, caller, ref)
        access.check_not_archived(row)
        present = trusted_publishers.of_repo(tx, row.id)
        if len(present) >= MAX_PUBLISHERS:
            raise LimitExceeded("the number of publishers of one repository", MAX_PUBLISHERS, "remove some first")
        same = (draft.issuer, dict(draft.claims))
        if any((one.issuer, dict(one.claims)) == same for one in present):
            raise AlreadyExists("This repository has a trusted publisher with the same claims already")
        made = PublisherRow(
            *(new_uid(), row.id, owner.account.id, draft.name.strip(), draft.issuer),
            *(dict(draft.claims), draft.role, hub.now_ms()),
        )
        trusted_publishers.add(tx, made)
        audit.record(hub, tx, owner, "publisher.add", access.subject(row), details_of(made))
        return Publisher(made, owner.account.name)


def remove(hub: HubContext, caller: MaybeCaller, ref: RepoRef, uid: str) -> None:
    """Remove a publisher; its access tokens become invalid immediately.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed, RepoArchived: the caller may not write to it.
        ThingNotFound: the repository has no such publisher.
    """
    with hub.write(Lock.hub(), access.lock(hub, caller, ref, _managed), Lock.audit()) as tx:
        row, actor = _managed(tx, caller, ref)
        access.check_not_archived(row)
        found = [one for one in trusted_publishers.of_repo(tx, row.id) if one.uid == uid]
        if not found:
            raise ThingNotFound("trusted publisher", uid)
        trusted_publishers.remove(tx, found[0])
        audit.record(hub, tx, actor, "publisher.remove", access.subject(row), details_of(found[0]))


def details_of(publisher: PublisherRow) -> dict[str, audit.Detail]:
    """Return the details of a publisher for the audit log."""
    claims = json.dumps(dict(publisher.claims), sort_keys=True)
    return {"publisher": publisher.uid, "issuer": publisher.issuer, "claims": claims, "role": publisher.role}


def _managed(tx: Read, caller: MaybeCaller, ref: RepoRef, *, by_alias: bool = False) -> tuple[RepoRow, Caller]:
    """Return repository and caller, whose token must allow everything: a publisher cannot make another one."""
    row, _ = access.manageable(tx, caller, ref, by_alias=by_alias)
    return row, require_write(caller)


def _check(hub: HubContext, draft: PublisherDraft) -> None:
    signatures.require_library()
    if not hub.settings.base_url:
        raise Refused("the hub does not know its own address, for which tokens must be: set base_url")
    issuers.trusted(hub, draft.issuer)
    if draft.role not in (READ, WRITE):
        raise InvalidName("role", draft.role, f"expected {READ} or {WRITE}")
    name = draft.name.strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise InvalidName("name of a publisher", draft.name, f"expected 1 to {_MAX_NAME} printable characters")
    check_patterns(draft.claims)
