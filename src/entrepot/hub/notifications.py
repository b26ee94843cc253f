"""Notifications of users, stored in the transaction of the change that causes them.

A user has one notification about each topic; news replace it. Who is notified of a
discussion is found by a job (:mod:`entrepot.hub.community.discussion_notices`), because
a repository may have many watchers; all else concerns a few people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeGuard

from entrepot.catalog import Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import notifications
from entrepot.catalog.community.notifications import NotificationRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import NotAllowed
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext

DISCUSSION = "discussion"
ACCESS_REQUEST = notifications.ACCESS_REQUEST
ACCESS_DECISION = "access-decision"
INVITATION = "invitation"
INVITATION_ANSWER = "invitation-answer"
MEMBERSHIP = "membership"
WEBHOOK = "webhook"
FOLDER_GRANT = "folder-grant"
"""Kinds of notifications."""

MAX_KEPT = 1_000
"""Notifications kept for a user; beyond, the oldest are deleted of the account that has caused most of them."""

MAX_NOTIFIED = 50
"""Maximum number of people who are notified of an access request: those who decide, oldest accounts first."""

MAX_SHARED_WITH = 200
"""Maximum number of members of an organisation who are notified of a grant to it, oldest accounts first."""

PERSONAL = "personal"
"""The reason of notifications that concern the user alone."""


def invitation_topic(org_id: int) -> str:
    """Return the topic of the invitation into an organisation."""
    return f"invitation:{org_id}"


def requests_topic(repo_id: int) -> str:
    """Return the topic of the access requests for a repository."""
    return f"requests:{repo_id}"


def webhook_topic(webhook_id: int) -> str:
    """Return the topic of failed deliveries of a webhook."""
    return f"webhook:{webhook_id}"


def grant_topic(folder_uid: str, subject_id: int) -> str:
    """Return the topic of the grant of a folder to an account."""
    return f"grant:{folder_uid}:{subject_id}"


def notify(
    hub: HubContext,
    tx: Write,
    user_ids: Collection[int],
    kind: str,
    topic: str,
    *,
    actor: Account | None = None,
    repo_id: int | None = None,
    org_id: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Notify users of an event, except the one who caused it, in the transaction of the change."""
    actor_id = 0 if actor is None else actor.id
    news = NotificationRow(
        topic, kind, PERSONAL, actor_id, hub.now_ms(), repo_id=repo_id, org_id=org_id, data=dict(data or {})
    )
    others = {user_id for user_id in user_ids if user_id != actor_id}
    notifications.put(tx, news, dict.fromkeys(others, PERSONAL))
    notifications.keep_newest(tx, others, MAX_KEPT)


def deciders(tx: Read, row: RepoRow) -> list[int]:
    """Return the row ids of the users who decide on access requests for a repository, at most :data:`MAX_NOTIFIED`.

    These are its owner, or the members of the organisation who may write to all of its repositories.
    """
    owner = accounts.by_ids(tx, [row.owner_id]).get(row.owner_id)
    if owner is None:
        return []
    return [owner.id] if owner.is_user else accounts.members_with(tx, owner.id, ("write", "admin"), limit=MAX_NOTIFIED)


def require_personal(caller: Caller) -> Caller:
    """Return the caller if their token may read and change notifications.

    Raises:
        NotAllowed: it is fine-grained.
    """
    if caller.limits is not None:
        raise NotAllowed("This token is fine-grained: it cannot read or change notifications")
    return caller


def may_change(caller: MaybeCaller) -> TypeGuard[Caller]:
    """Return whether the caller may mark notifications and change their subscriptions."""
    return caller is not None and caller.limits is None and caller.may_write
