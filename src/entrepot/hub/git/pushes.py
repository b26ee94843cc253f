"""Pushes that are being received: who may push which refs, and the pack in its quarantine."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import EntrepotError, LimitExceeded, Malformed, StoreFull
from entrepot.git.commands import PushRequest
from entrepot.git.packs import read_pack_header
from entrepot.hub import access
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.git import git_wire
from entrepot.hub.repos import push_reservations
from entrepot.hub.repos.push_reservations import PushWaiter
from entrepot.names import Oid, RefName, RepoRef
from entrepot.storage.mirrors import Lease
from entrepot.storage.quarantines import Quarantine, Receiver, open_quarantine

MAX_OBJECTS = 5_000_000
"""Maximum number of objects in one push."""

MAX_REFS = 10_000
"""Maximum number of refs that one push moves: all of them move in one transaction."""


@attrs.define(eq=False)
class PushProgress:
    """The progress of a push; one thread writes it, another one reads it.

    ``warnings``: lines for the author of a push that has succeeded.
    """

    text: str = ""
    warnings: str = ""


@attrs.frozen(eq=False)
class Push:
    """A push that is being received; close it when it has ended."""

    hub: HubContext
    row: RepoRow
    author: Caller
    request: PushRequest
    quarantine: Quarantine
    _lease: Lease
    progress: PushProgress = attrs.field(factory=PushProgress)
    tolerated: Sequence[str] = ()

    def receiver(self, number: int) -> Receiver:
        """Return the program that reads a pack with this number of objects."""
        settings = self.hub.settings
        return self.quarantine.receiver(
            number,
            longest_pack=settings.max_pack,
            longest_file=settings.max_inline_file,
            tolerated=self.tolerated,
        )

    def close(self) -> None:
        """Delete the objects that were not published; call it once."""
        self.quarantine.close()
        self._lease.release()


def list_refs(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> Sequence[tuple[RefName, Oid]]:
    """Return all refs of a repository if the caller may push to it; tags are not peeled.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    with hub.read() as tx:
        row, _ = pull_request_access.pusher(tx, caller, ref)
        return refs.everything(tx, row.id)


def advertise(hub: HubContext, caller: MaybeCaller, ref: RepoRef, waiter: PushWaiter) -> Sequence[tuple[RefName, Oid]]:
    """Return all refs to a pusher, and record the attempt; a repeated one reserves the repository.

    Raises:
        RepositoryReserved: for another account; begin again when ``waiter`` says so.
        as :func:`list_refs`.
    """
    with hub.read() as tx:
        row, author = pull_request_access.pusher(tx, caller, ref)
        may_commit = access.may_commit(tx, author, row)
    if may_commit:
        waiter.note_try(hub, row.id, author.account.id)
    return list_refs(hub, caller, ref)


def begin(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, request: PushRequest, *, tolerated: Sequence[str] = ()
) -> Push:
    """Prepare to receive a pack.

    Args:
        tolerated: object faults that are accepted; see :meth:`Quarantine.receiver`.

    Raises:
        as :func:`list_refs`; LimitExceeded: the push moves too many refs.
        StoreUnavailable: git is not installed, or failed.
    """
    with hub.read() as tx:
        row, author = pull_request_access.pusher(tx, caller, ref)
    if len(request.commands) > MAX_REFS:
        raise LimitExceeded("the number of refs in one push", MAX_REFS, "push some of them at a time")
    push_reservations.note_pack(hub, row.id, author.account.id)
    lease = hub.mirrors.take(hub.store, hub.read, row)
    try:
        return Push(hub, row, author, request, open_quarantine(lease.path), lease, tolerated=tolerated)
    except BaseException:
        lease.release()
        raise


def check_pack(head: bytes) -> int:
    """Return the number of objects that the first twelve bytes of a pack announce.

    Raises:
        Malformed: it is not a pack.
        LimitExceeded: there are too many.
    """
    number = read_pack_header(head)
    if number > MAX_OBJECTS:
        raise LimitExceeded("the number of objects in one push", MAX_OBJECTS, "push in smaller steps")
    return number


def why_refused(push: Push, number: int, stderr: bytes) -> EntrepotError:
    """Return why :meth:`Push.receiver` refused a pack, based on its output."""
    receiver = push.receiver(number)
    if receiver.is_beyond_memory(stderr):
        advice = "track large files with git-lfs: git lfs migrate import --everything --above=10MiB"
        return LimitExceeded("the size in bytes of an object of the pack", receiver.longest, advice)
    failed = git_wire.failure(stderr)
    return failed if isinstance(failed, StoreFull) else Malformed("pack", git_wire.reason(stderr))
