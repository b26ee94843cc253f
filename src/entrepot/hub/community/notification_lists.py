"""Use cases on notifications: list, count, mark as read. Rights are checked whenever a notification is read."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.community import discussions, notifications
from entrepot.catalog.community.discussions import AuthorRow, DiscussionRow
from entrepot.catalog.community.notifications import After, NotificationRow
from entrepot.catalog.repos import folders, repositories
from entrepot.catalog.repos.folders import FolderRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import LimitExceeded, Unavailable
from entrepot.hub import folder_access
from entrepot.hub.callers import Caller, MaybeCaller, require_login, require_write, seen_by
from entrepot.hub.community import discussion_notices, discussion_rules
from entrepot.hub.context import HubContext
from entrepot.hub.notifications import FOLDER_GRANT, may_change, require_personal
from entrepot.hub.pages import Page
from entrepot.names import RepoRef

MAX_COUNTED = 100
"""Unread notifications are counted up to this number."""

MAX_MARKED = 500
"""Notifications that one call may name."""


@attrs.frozen
class Notification:
    """A notification as its user sees it now.

    ``actor``: the account that did it, None if none did or it was deleted; ``repo``, ``discussion``,
    ``org``, ``folder``: what it is about, None if it is about something else. ``folder`` is also None if the
    user may no longer see it.
    """

    row: NotificationRow
    actor: AuthorRow | None
    repo: RepoRow | None
    discussion: DiscussionRow | None
    org: AuthorRow | None
    folder: FolderRow | None = None


def list_page(
    hub: HubContext, caller: MaybeCaller, *, is_unread: bool = True, after: After | None = None, limit: int = 50
) -> Page[Notification]:
    """Return a page of the caller's notifications, newest first.

    Those about repositories that they may no longer see are left out.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    known = require_personal(require_login(caller))
    with hub.read() as tx:
        found = notifications.page(
            tx, known.account.id, seen_by(known), is_unread=is_unread, after=after, limit=limit + 1
        )
        items = _shown(tx, known, found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    return Page(items, None if last is None else (last.happened_ms, last.id))


def count_unread(hub: HubContext, caller: MaybeCaller) -> int:
    """Return the number of unread notifications, at most :data:`MAX_COUNTED`; 0 for those who cannot list them."""
    if caller is None or caller.limits is not None:
        return 0
    with hub.read() as tx:
        return notifications.count_unread(tx, caller.account.id, seen_by(caller), MAX_COUNTED)


def mark(hub: HubContext, caller: MaybeCaller, uids: Sequence[str] | None, *, is_read: bool = True) -> int:
    """Mark notifications as read or unread and return how many changed; ids that do not exist change nothing.

    Args:
        uids: their ids, at most :data:`MAX_MARKED`; None marks all.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or the token does not permit this.
        LimitExceeded: there are too many ids.
    """
    known = require_personal(require_write(caller))
    if uids is not None and len(uids) > MAX_MARKED:
        raise LimitExceeded("the number of notifications in one call", MAX_MARKED, "mark them in smaller groups")
    with hub.write(Lock.nothing(), by=caller) as tx:
        return notifications.mark(tx, known.account.id, seen_by(known), uids, is_read=is_read)


def note_seen(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> None:
    """Mark the caller's notification about a discussion as read, because they see it; anonymous callers change nothing.

    A busy or full database is no error: what the caller sees does not depend on the mark.

    Raises:
        NotAllowed, RepoNotFound, RepoMoved, RepoDisabled, ThingNotFound: no access, or it does not exist.
    """
    if not may_change(caller):
        return
    with hub.read() as tx:
        row = discussion_rules.visible_repo(tx, caller, ref)
        topic = discussion_notices.topic_of(discussion_rules.get(tx, row, num).id)
        if not notifications.is_unread_about(tx, caller.account.id, topic):
            return
    with contextlib.suppress(Unavailable), hub.write(Lock.nothing()) as tx:
        notifications.mark_topic(tx, caller.account.id, topic)


def _shown(tx: Read, caller: Caller, rows: Sequence[NotificationRow]) -> list[Notification]:
    people = discussions.people(tx, notifications.people_of(rows))
    repos = repositories.by_ids(tx, [row.repo_id for row in rows if row.repo_id])
    found = discussions.by_ids(tx, [row.discussion_id for row in rows if row.discussion_id])
    shared = _folders(tx, caller, rows)
    return [
        Notification(
            row,
            people.get(row.actor_id),
            repos.get(row.repo_id or 0),
            found.get(row.discussion_id or 0),
            people.get(row.org_id or 0),
            shared.get(str(row.data.get("folder"))),
        )
        for row in rows
    ]


def _folders(tx: Read, caller: Caller, rows: Sequence[NotificationRow]) -> dict[str, FolderRow]:
    """Return the folders that notifications are about and the caller may see now, by their permanent ids."""
    found = folders.by_uids(tx, [row.data["folder"] for row in rows if row.kind == FOLDER_GRANT])
    folder_access.load(tx, caller, found)
    return {row.uid: row for row in found if folder_access.may_see(tx, caller, row)}
