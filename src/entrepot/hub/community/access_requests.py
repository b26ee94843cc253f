"""Gated repositories: users request access to the content, and users with write access decide.

Metadata stay public. An ``auto`` gate admits users as soon as they submit the
form; with a ``manual`` gate, each request needs a decision. Only the requester
and those who decide can see that a request exists, and its answers.
Source: docs/protocols/hf_api.md, sections 0.2 and 1B.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.cards import GateForm, check_answers, read_gate
from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import access_requests
from entrepot.catalog.community import notifications as notification_rows
from entrepot.catalog.community.access_requests import ACCEPTED, PENDING, REJECTED, AccessRequest
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    AccountNotFound,
    AlreadyGranted,
    EntrepotError,
    InvalidName,
    LimitExceeded,
    Malformed,
    NotAllowed,
    NotGated,
    ThingNotFound,
)
from entrepot.hub import access, audit, notifications, roles
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.pages import Page
from entrepot.names import RepoRef, new_uid

STATUSES = (PENDING, ACCEPTED, REJECTED)
MAX_DECISIONS = 1_000
_MAX_REASON = 2_000


@attrs.frozen
class Gate:
    """The gate of a repository, as the caller sees it.

    ``kind``: ``no``, ``auto`` or ``manual``; ``request``: the caller's own, or
    None; ``is_open``: the caller may read the content.
    """

    kind: str
    form: GateForm
    request: AccessRequest | None
    is_open: bool


@attrs.frozen
class RequestWithUser:
    """A request and the user who made it."""

    request: AccessRequest
    user: Account


@attrs.frozen
class RequesterId:
    """Identifies a request: by the name of the user, their id, or the id of the request."""

    user: str | None = None
    user_id: str | None = None
    request_id: str | None = None

    @property
    def name(self) -> str:
        """The identifier that the decider sent."""
        return self.user or self.user_id or self.request_id or ""


@attrs.frozen
class DecidedRequest:
    """The result of one of many decisions; ``error`` None is success."""

    requester: RequesterId
    error: EntrepotError | None


def describe(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> Gate:
    """Return the gate of a repository, its form, and the caller's own request.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        own = None if caller is None else access_requests.find(tx, row.id, caller.account.id)
        return Gate(row.gated, read_gate(row.card or {}), own, access.may_read(tx, caller, row))


def request_access(hub: HubContext, caller: MaybeCaller, ref: RepoRef, answers: Mapping[str, object]) -> AccessRequest:
    """Request access; an earlier request that was not rejected stays as it is.

    Args:
        answers: field name -> answer, checked against the form of the card.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no
            access, or an earlier request was rejected.
        NotGated, AlreadyGranted: no request is needed.
        Malformed: an answer is missing, or the form does not accept it.
    """
    with hub.write(access.lock(hub, caller, ref, access.personal), Lock.audit()) as tx:
        row, requester = access.personal(tx, caller, ref)
        _check_gated(row)
        if roles.member_role(tx, requester, row) is not None:
            raise AlreadyGranted(requester.account.name, str(row.ref.id))
        there = access_requests.find(tx, row.id, requester.account.id)
        if there is not None:
            if there.status == REJECTED:
                raise NotAllowed(f"Your request to access {row.type.value} {row.ref.id} has been rejected before")
            return there
        kept = check_answers(read_gate(row.card or {}), answers)
        now = hub.now_ms()
        status, handled = (ACCEPTED, now) if row.gated == "auto" else (PENDING, None)
        fresh = AccessRequest(0, new_uid(), row.id, requester.account.id, status, kept, None, now, handled)
        audit.record(hub, tx, requester, "access.request", access.subject(row), {"status": status})
        if status == PENDING:
            _notify_deciders(hub, tx, requester, row)
        return access_requests.add(tx, fresh)


def cancel(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Delete the caller's own request, and with it the access it gave; a rejected one stays.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access, or it was rejected.
        ThingNotFound: the caller has made no request.
    """
    with hub.write(access.lock(hub, caller, ref, access.personal), Lock.audit()) as tx:
        row, requester = access.personal(tx, caller, ref)
        found = access_requests.find(tx, row.id, requester.account.id)
        if found is None:
            raise ThingNotFound("access request of", requester.account.name)
        if found.status == REJECTED:
            raise NotAllowed(f"Your request to access {row.type.value} {row.ref.id} has been rejected")
        access_requests.remove(tx, found.id)
        audit.record(hub, tx, requester, "access.cancel", access.subject(row), {"from": found.status})
        _settle(tx, row)


def list_requests(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, status: str, *, after: tuple[float, int] | None, limit: int
) -> Page[RequestWithUser]:
    """Return a page of the requests with a status; for callers who may write to the repository.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        NotGated: the repository has no gate.
    """
    with hub.read() as tx:
        row, _ = access.reviewable(tx, caller, ref)
        _check_gated(row)
        found = access_requests.page(tx, row.id, status, after=after, limit=limit + 1)
    items = [RequestWithUser(request, user) for request, user in found[:limit]]
    last = items[-1].request if len(found) > limit else None
    return Page(items, None if last is None else (last.requested_ms, last.id))


def report(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> list[RequestWithUser]:
    """Return all requests for a repository, oldest first; for callers who may write to it.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        NotGated: the repository has no gate.
    """
    with hub.read() as tx:
        row, _ = access.reviewable(tx, caller, ref)
        _check_gated(row)
        return [RequestWithUser(request, user) for request, user in access_requests.everything(tx, row.id)]


def decide(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, requester: RequesterId, status: str, reason: str | None = None
) -> None:
    """Accept or reject a request, or make it pending again; takes effect immediately.

    Args:
        reason: reason of a rejection, shown to the user.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        NotGated: the repository has no gate.
        AccountNotFound, ThingNotFound: no such user, the user made no request, or it has this status already.
        InvalidName, Malformed: the status or the reason cannot be used.
    """
    _check_decision(status, reason)
    with hub.write(access.lock(hub, caller, ref, access.manageable), Lock.audit()) as tx:
        row, decider = access.manageable(tx, caller, ref)
        _check_gated(row)
        _decide(hub, tx, decider, row, requester, status, reason)
        _settle(tx, row)


def decide_many(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    requesters: Sequence[RequesterId],
    status: str,
    reason: str | None = None,
) -> list[DecidedRequest]:
    """Decide several requests, as :func:`decide` does one; a failed decision does not stop the others.

    Raises:
        LimitExceeded: more than 1,000.
        as :func:`decide`, for errors of the repository, the status and the reason.
    """
    _check_decision(status, reason)
    if len(requesters) > MAX_DECISIONS:
        raise LimitExceeded("the number of requests in one call", MAX_DECISIONS, "decide in smaller groups")
    outcomes = []
    with hub.write(access.lock(hub, caller, ref, access.manageable), Lock.audit()) as tx:
        row, decider = access.manageable(tx, caller, ref)
        _check_gated(row)
        for requester in requesters:
            try:
                _decide(hub, tx, decider, row, requester, status, reason)
            except (AccountNotFound, ThingNotFound, Malformed) as error:
                outcomes.append(DecidedRequest(requester, error))
            else:
                outcomes.append(DecidedRequest(requester, None))
        _settle(tx, row)
    return outcomes


def grant(hub: HubContext, caller: MaybeCaller, ref: RepoRef, user: str) -> None:
    """Give a user access without a request.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        NotGated, AlreadyGranted: the user has access already.
        AccountNotFound: the user does not exist.
    """
    with hub.write(access.lock(hub, caller, ref, access.manageable), Lock.audit()) as tx:
        row, giver = access.manageable(tx, caller, ref)
        _check_gated(row)
        found = _user(tx, user)
        there = access_requests.find(tx, row.id, found.id)
        if roles.is_member(tx, found, row) or (there is not None and there.status == ACCEPTED):
            raise AlreadyGranted(found.name, str(row.ref.id))
        now = hub.now_ms()
        if there is None:
            there = AccessRequest(0, new_uid(), row.id, found.id, ACCEPTED, None, None, now, now, giver.account.id)
            access_requests.add(tx, there)
        else:
            access_requests.decide(tx, _decided(hub, giver, there, ACCEPTED, None))
        audit.record(hub, tx, giver, "access.grant", access.subject(row), {"user": found.name})
        _notify_requester(hub, tx, giver, row, found.id, ACCEPTED)
        _settle(tx, row)


def _decide(
    hub: HubContext, tx: Write, decider: Caller, row: RepoRow, requester: RequesterId, status: str, reason: str | None
) -> None:
    found = _request(tx, row, requester)
    if found is None or found.status == status:
        raise ThingNotFound("undecided access request of", requester.name)
    access_requests.decide(tx, _decided(hub, decider, found, status, reason))
    people = accounts.by_ids(tx, [found.user_id])
    details = {"user": people[found.user_id].name, "from": found.status, "to": status}
    audit.record(hub, tx, decider, "access.decide", access.subject(row), details)
    if status != PENDING:
        _notify_requester(hub, tx, decider, row, found.user_id, status)


def _notify_deciders(hub: HubContext, tx: Write, requester: Caller, row: RepoRow) -> None:
    topic = notifications.requests_topic(row.id)
    deciders = notifications.deciders(tx, row)
    notifications.notify(
        hub, tx, deciders, notifications.ACCESS_REQUEST, topic, actor=requester.account, repo_id=row.id
    )


def _settle(tx: Write, row: RepoRow) -> None:
    """Delete the notifications about requests for a repository once none of them waits for a decision."""
    if not access_requests.page(tx, row.id, PENDING, after=None, limit=1):
        for user_id in notifications.deciders(tx, row):
            notification_rows.remove_topic(tx, user_id, notifications.requests_topic(row.id))


def _notify_requester(hub: HubContext, tx: Write, decider: Caller, row: RepoRow, user_id: int, status: str) -> None:
    kind = notifications.ACCESS_DECISION
    data = {"status": status}
    notifications.notify(hub, tx, [user_id], kind, f"access:{row.id}", actor=decider.account, repo_id=row.id, data=data)


def _decided(hub: HubContext, decider: Caller, found: AccessRequest, status: str, reason: str | None) -> AccessRequest:
    return attrs.evolve(found, status=status, reason=reason, handled_ms=hub.now_ms(), handler_id=decider.account.id)


def _request(tx: Read, row: RepoRow, requester: RequesterId) -> AccessRequest | None:
    if requester.request_id is not None:
        return access_requests.by_uid(tx, row.id, requester.request_id)
    if requester.user is not None:
        return access_requests.find(tx, row.id, _user(tx, requester.user).id)
    if requester.user_id is None:
        raise Malformed("decision", "name the user, the userId or the requestId")
    people = accounts.by_uids(tx, [requester.user_id])
    return access_requests.find(tx, row.id, people[0].id) if people else None


def _user(tx: Read, name: str) -> Account:
    found = accounts.find(tx, name)
    if found is None or not found.is_user:
        raise AccountNotFound(name, "user")
    return found


def _check_gated(row: RepoRow) -> None:
    if row.gated == "no":
        raise NotGated(str(row.ref.id), row.type.value)


def _check_decision(status: str, reason: str | None) -> None:
    if status not in STATUSES:
        raise InvalidName("status", status, f"expected {', '.join(STATUSES)}")
    if reason is not None and status != REJECTED:
        raise Malformed("decision", "only a rejection has a reason")
    if reason is not None and len(reason) > _MAX_REASON:
        raise LimitExceeded("the length of the reason in characters", _MAX_REASON)
