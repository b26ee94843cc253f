"""Invitations into organisations: administrators send them, invited users accept or decline."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts, invitations
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.invitations import Invitation
from entrepot.catalog.community import notifications as notification_rows
from entrepot.errors import AccountNotFound, LimitExceeded, NotAllowed, Refused, ThingNotFound
from entrepot.hub import audit, notifications
from entrepot.hub.accounts import orgs
from entrepot.hub.accounts.accounts import org_subject
from entrepot.hub.accounts.members import parse_role
from entrepot.hub.callers import Caller, MaybeCaller, require_login, require_write
from entrepot.hub.context import HubContext
from entrepot.hub.pages import Page
from entrepot.names import new_uid

LIFETIME_MS = 14 * 86_400_000
MAX_WAITING = 1_000
"""Maximum of open invitations into one organisation."""

SHOWN = 100
"""Invitations on a page."""


@attrs.frozen
class InvitationDetails:
    """An invitation with its accounts."""

    invitation: Invitation
    org: Account
    user: Account
    inviter: Account


def invite(hub: HubContext, caller: MaybeCaller, name: str, user: str, role: str) -> InvitationDetails:
    """Offer a user a role in an organisation for 14 days, replacing an earlier offer.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: no such user or organisation, or not the caller's to change.
        InvalidName: the role does not exist.
        Refused: the user is a member already.
        LimitExceeded: too many invitations are unanswered.
    """
    word = parse_role(role).name.lower()
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        org, admin = orgs.get_administered(tx, caller, name)
        guest = accounts.find(tx, user)
        if guest is None or not guest.is_user:
            raise AccountNotFound(user, "user")
        if accounts.role_of(tx, org.id, guest.id) is not None:
            raise Refused(f"{guest.name} is a member of {org.name} already: change the role instead")
        now = hub.now_ms()
        invitations.forget_void(tx, org.id, now)
        if invitations.count_of_org(tx, org.id, now) >= MAX_WAITING:
            raise LimitExceeded("the number of unanswered invitations", MAX_WAITING, "cancel some first")
        fresh = Invitation(0, new_uid(), org.id, guest.id, word, admin.account.id, now, now + LIFETIME_MS)
        made = invitations.put(tx, fresh)
        audit.record(hub, tx, admin, "invitation.create", org_subject(org), {"user": guest.name, "role": word})
        topic = notifications.invitation_topic(org.id)
        kind, data = notifications.INVITATION, {"role": word}
        notifications.notify(hub, tx, [guest.id], kind, topic, actor=admin.account, org_id=org.id, data=data)
    return InvitationDetails(made, org, guest, admin.account)


def of_org(
    hub: HubContext, caller: MaybeCaller, name: str, *, after: int = 0, limit: int = SHOWN
) -> Page[InvitationDetails]:
    """Return a page of the unanswered invitations into an organisation, oldest first.

    Args:
        after: the row id of the last invitation of the previous page.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the organisation.
        AccountNotFound: the organisation does not exist.
    """
    with hub.read() as tx:
        org, _ = orgs.get_administered(tx, caller, name)
        return _page(tx, invitations.of_org(tx, org.id, hub.now_ms(), after=after, limit=limit + 1), limit)


def list_own(hub: HubContext, caller: MaybeCaller, *, after: int = 0, limit: int = SHOWN) -> Page[InvitationDetails]:
    """Return a page of the caller's unanswered invitations, as :func:`of_org`.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    known = require_login(caller)
    if known.limits is not None:
        raise NotAllowed("This token is fine-grained: it cannot read invitations")
    with hub.read() as tx:
        found = invitations.of_user(tx, known.account.id, hub.now_ms(), after=after, limit=limit + 1)
        return _page(tx, found, limit)


def accept(hub: HubContext, caller: MaybeCaller, uid: str) -> InvitationDetails:
    """Become a member of the organisation, with the offered role.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or the token does not permit this.
        ThingNotFound: the caller has no such invitation, it has expired, or its inviter may no longer invite.
    """
    guest = require_write(caller)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        offer = _own(hub, tx, guest, uid)
        invitations.remove(tx, offer.org.id, guest.account.id)
        # An administrator may have added them in the meantime, with another role.
        if accounts.role_of(tx, offer.org.id, guest.account.id) is None:
            accounts.join_org(tx, offer.org.id, guest.account.id, offer.invitation.role)
        details = {"user": guest.account.name, "role": offer.invitation.role}
        audit.record(hub, tx, guest, "member.join", org_subject(offer.org), details)
        _answered(hub, tx, offer, "accepted")
    return offer


def decline(hub: HubContext, caller: MaybeCaller, uid: str) -> None:
    """Decline an invitation.

    Raises:
        LoginRequired, NotAllowed, ThingNotFound: as :func:`accept`.
    """
    guest = require_write(caller)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        offer = _own(hub, tx, guest, uid)
        invitations.remove(tx, offer.org.id, guest.account.id)
        audit.record(hub, tx, guest, "invitation.decline", org_subject(offer.org), {"user": guest.account.name})
        _answered(hub, tx, offer, "declined")


def cancel(hub: HubContext, caller: MaybeCaller, name: str, uid: str) -> None:
    """Withdraw an invitation, even one whose inviter may no longer invite.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the organisation.
        AccountNotFound: the organisation does not exist.
        ThingNotFound: no invitation has this id, or it has been answered.
    """
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        org, admin = orgs.get_administered(tx, caller, name)
        found = invitations.in_org(tx, org.id, uid)
        if found is None:
            raise ThingNotFound("invitation", uid)
        guest = accounts.by_ids(tx, [found.user_id])[found.user_id]
        invitations.remove(tx, org.id, found.user_id)
        notification_rows.remove_topic(tx, found.user_id, notifications.invitation_topic(org.id))
        audit.record(hub, tx, admin, "invitation.cancel", org_subject(org), {"user": guest.name})


def _answered(hub: HubContext, tx: Write, offer: InvitationDetails, answer: str) -> None:
    """Tell the inviter, and stop telling the guest about the invitation."""
    notification_rows.remove_topic(tx, offer.user.id, notifications.invitation_topic(offer.org.id))
    topic = f"answer:{offer.org.id}:{offer.user.id}"
    kind, data = notifications.INVITATION_ANSWER, {"answer": answer}
    people = [offer.inviter.id]
    notifications.notify(hub, tx, people, kind, topic, actor=offer.user, org_id=offer.org.id, data=data)


def _own(hub: HubContext, tx: Read, guest: Caller, uid: str) -> InvitationDetails:
    found = invitations.by_uid(tx, uid, hub.now_ms())
    if found is None or found.user_id != guest.account.id:
        raise ThingNotFound("invitation", uid)
    return _offers(tx, [found])[0]


def _page(tx: Read, found: Sequence[Invitation], limit: int) -> Page[InvitationDetails]:
    shown = found[:limit]
    last = shown[-1].id if len(found) > limit else None
    return Page(_offers(tx, shown), None if last is None else (last, last))


def _offers(tx: Read, found: Sequence[Invitation]) -> list[InvitationDetails]:
    ids = {number for item in found for number in (item.org_id, item.user_id, item.inviter_id)}
    people = accounts.by_ids(tx, sorted(ids))
    return [
        InvitationDetails(item, people[item.org_id], people[item.user_id], people[item.inviter_id]) for item in found
    ]
