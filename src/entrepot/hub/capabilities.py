"""Signed capabilities: who holds one, and whether the holder still has the right that it carries.

Signed URLs and the tokens of the chunk store outlive the request that asked
for them. They therefore name their holder, and every use is checked as if the
holder asked now: after a demotion, a removal, a revocation, a change of scopes,
visibility or gate, the next request is refused. Writes are checked once more in
the transaction that publishes them.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.catalog import Announcement, Read
from entrepot.catalog.repos import folders, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    Forbidden,
    InvalidCredentials,
    InvalidSignature,
    LoginRequired,
    NotAllowed,
    NotFound,
    RepoNotFound,
)
from entrepot.hub import access, callers
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import pull_request_access
from entrepot.names import MAIN, RefName, RepoRef, RepoType, Uid, parse_repo_id

_ENDED = "the token that asked for it was revoked, replaced or has expired"
_NO_LONGER_VALID = (InvalidCredentials, LoginRequired)
"""What is raised for a token or a session that has ended."""


@attrs.frozen
class Capability:
    """The holder of a capability, and the repository that it is for.

    ``name``: type and id of a repository, for capabilities that clients cache by
    name: they apply to the repository that has the name now, and never to
    another one. ``stamp``: identifies the token or session that asked (:func:`~entrepot.hub.callers.stamp_of`).
    ``user_id`` None: an anonymous caller. ``revision``: target of the commit that
    uploaded content is for; None for a pull request that does not exist yet.
    """

    repo: Uid
    user_id: int | None = None
    stamp: str = ""
    revision: str | None = None
    name: str = ""

    def by_name(self, row: RepoRow) -> Capability:
        """Return the same capability for any repository that has the name of this one."""
        return attrs.evolve(self, name=f"{row.type.value} {row.ref.id.key}")

    def fields(self) -> dict[str, str]:
        """Return the capability as short texts, to be signed."""
        found = {"repo": str(self.repo)}
        if self.user_id is not None:
            found |= {"user": str(self.user_id), "token": self.stamp}
        if self.revision is not None:
            found["rev"] = self.revision
        if self.name:
            found["name"] = self.name
        return found


def of(row: RepoRow, caller: MaybeCaller, revision: str | None = None) -> Capability:
    """Return the capability of a caller whose right to a repository was just checked."""
    if caller is None:
        return Capability(row.uid, revision=revision)
    return Capability(row.uid, caller.account.id, callers.stamp_of(caller), revision)


def for_upload(tx: Read, row: RepoRow, author: Caller, revision: str | None) -> Capability:
    """Return the capability of a caller whose right to upload for a revision was just checked."""
    return of(row, author, target(tx, row, author, revision))


def target(tx: Read, row: RepoRow, author: Caller, revision: str | None) -> str | None:
    """Return the revision that decides the right to upload: a writer who is demoted does not become a proposer."""
    return str(MAIN) if revision is None and access.may_commit(tx, author, row) else revision


def of_fields(fields: Mapping[str, str]) -> Capability:
    """Return the capability from signed fields whose signature was checked.

    Raises:
        InvalidSignature: it names no repository, or no token.
    """
    if "repo" not in fields or ("user" in fields) != ("token" in fields):
        raise InvalidSignature("it does not say who asked for it")
    user_id = int(fields["user"]) if "user" in fields else None
    return Capability(Uid(fields["repo"]), user_id, fields.get("token", ""), fields.get("rev"), fields.get("name", ""))


def reading_repo(tx: Read, grant: Capability, now_ms: int) -> RepoRow | None:
    """Return the repository of a capability if its holder may read the content now, else None."""
    row = _find(tx, grant)
    if row is None or not callers.is_active(tx, grant.user_id):
        return None
    try:
        is_open = not row.is_private and row.gated == "no"
        access.check_readable(tx, None if is_open else _holder(tx, grant, now_ms), row)
    except (Forbidden, NotFound, *_NO_LONGER_VALID):
        return None
    return row


def writing_repo(tx: Read, grant: Capability, now_ms: int) -> tuple[RepoRow, Caller]:
    """Return the repository of a capability and its holder, who may upload to it now.

    Raises:
        RepoNotFound: it was deleted, or the holder can no longer see it.
        InvalidSignature: the token or session that asked is no longer valid.
        NotAllowed, GatedRepo, RepoDisabled, RevisionNotFound, Refused: as
            :func:`pull_request_access.uploader <entrepot.hub.community.pull_request_access.uploader>`.
    """
    row = _find(tx, grant)
    if row is None:
        raise RepoNotFound
    try:
        holder = _holder(tx, grant, now_ms)
    except _NO_LONGER_VALID:
        raise InvalidSignature(_ENDED) from None
    return pull_request_access.uploader(tx, holder, row.ref, grant.revision, found=row)


def recheck(tx: Read, caller: Caller, row: RepoRow, ref: RefName | str | None, now_ms: int) -> tuple[RepoRow, Caller]:
    """Return a repository as it is now and a writer with their current rights, to publish a change.

    Call it in the transaction that publishes, under the lock of the repository.

    Args:
        row: the repository as it was when the request began.
        ref: the branch or head of a pull request that is to move; None for a
            pull request that this change opens.

    Raises:
        InvalidCredentials, LoginRequired: the caller's token is no longer valid, or their session has ended.
        RepoNotFound: it was deleted, or the caller can no longer see it.
        NotAllowed, GatedRepo, RepoDisabled, RevisionNotFound, Refused: as :func:`writing_repo`.
    """
    now = repositories.by_id(tx, row.id)
    if now is None or now.uid != row.uid:
        raise RepoNotFound
    known = callers.renewed(tx, caller, now_ms)
    return pull_request_access.uploader(tx, known, now.ref, None if ref is None else str(ref), found=now)


def ahead_of_recheck(caller: Caller, row: RepoRow) -> Announcement:
    """Return the announcement of what :func:`recheck` and :func:`recheck_push` read, for the transaction's locks."""

    def announce(tx: Read) -> None:
        repositories.ask_ahead_by_id(tx, row.id)
        callers.ask_ahead_renewed(tx, caller)

    return announce


def recheck_push(tx: Read, caller: Caller, row: RepoRow, now_ms: int) -> tuple[RepoRow, Caller]:
    """Return repository and pusher with current rights, at least to propose changes; errors as :func:`recheck`."""
    now = repositories.by_id(tx, row.id)
    if now is None or now.uid != row.uid:
        raise RepoNotFound
    return pull_request_access.uploader(tx, callers.renewed(tx, caller, now_ms), now.ref, None)


def holder(tx: Read, grant: Capability, now_ms: int) -> MaybeCaller:
    """Return the holder of a capability with their current rights; None if anonymous, or if the token is gone."""
    if grant.user_id is None:
        return None
    try:
        return callers.find_by_stamp(tx, grant.stamp, grant.user_id, now_ms)
    except (Forbidden, *_NO_LONGER_VALID):
        return None


def _find(tx: Read, grant: Capability) -> RepoRow | None:
    if not grant.name:
        return repositories.by_uid(tx, grant.repo)
    kind, _, name = grant.name.partition(" ")
    ref = RepoRef(RepoType(kind), parse_repo_id(name))
    return repositories.find(tx, ref) or repositories.find_redirect(tx, ref) or folders.find_moved_repo(tx, ref)


def _holder(tx: Read, grant: Capability, now_ms: int) -> Caller:
    if grant.user_id is None:
        raise NotAllowed("An anonymous caller asked for this")
    return callers.find_by_stamp(tx, grant.stamp, grant.user_id, now_ms)
