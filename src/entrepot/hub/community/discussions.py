"""Use cases on discussions: create, list, read, comment, change, delete. Pull requests are discussions too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.community import discussions
from entrepot.catalog.community.discussions import (
    ALIVE,
    CLOSED,
    MERGED,
    OPEN,
    AuthorRow,
    DiscussionFilter,
    DiscussionRow,
    EventRow,
)
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Malformed, Refused, ThingNotFound
from entrepot.hub import access, audit, events
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import discussion_events, discussion_rules
from entrepot.hub.community.discussion_events import DiscussionEvent
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef

STATES: Mapping[str, tuple[str, ...] | None] = {"all": None, "open": ALIVE, "closed": (CLOSED, MERGED)}
"""Filters by state: drafts count as open, merged pull requests as closed."""


@attrs.frozen
class ListedDiscussion:
    """A discussion of a repository with its author, None if their account is gone."""

    repo: RepoRow
    discussion: DiscussionRow
    author: AuthorRow | None


@attrs.frozen
class DiscussionList:
    """A page of discussions, newest first; ``total``: number of matches, ``closed``: number of closed ones."""

    discussions: Sequence[ListedDiscussion]
    total: int
    closed: int


@attrs.frozen
class DiscussionWithEvents:
    """A discussion with all of its events, oldest first; the first one is its description."""

    shown: ListedDiscussion
    events: Sequence[DiscussionEvent]


def list_page(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    *,
    is_pull: bool | None = None,
    state: str = "all",
    author: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> DiscussionList:
    """Return discussions of a repository, newest first.

    Args:
        is_pull: only pull requests, or only others; None for both.
        state: a key of :data:`STATES`.
        author: name of an account; if it does not exist, nothing matches.

    Raises:
        Malformed: the state is unknown.
        NotAllowed: discussions are disabled.
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    if state not in STATES:
        raise Malformed("parameter 'status'", f"expected one of {', '.join(STATES)}")
    with hub.read() as tx:
        row = discussion_rules.visible_repo(tx, caller, ref)
        writer = accounts.find(tx, author) if author else None
        author_id = None if not author else writer.id if writer is not None else -1
        wanted = DiscussionFilter(is_pull, STATES[state], author_id)
        found = discussions.page(tx, row.id, wanted, offset=offset, limit=limit)
        total = discussions.count(tx, row.id, wanted)
        closed = discussions.count(tx, row.id, attrs.evolve(wanted, states=STATES["closed"]))
        return DiscussionList(_shown(tx, row, found), total, closed)


def show(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> DiscussionWithEvents:
    """Return one discussion.

    Raises:
        ThingNotFound: no discussion has this number.
        NotAllowed: discussions are disabled.
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = discussion_rules.visible_repo(tx, caller, ref)
        discussion = discussion_rules.get(tx, row, num)
        return DiscussionWithEvents(
            _shown(tx, row, [discussion])[0],
            discussion_events.read_events(tx, discussions.events_of(tx, discussion.id)),
        )


def check_create(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Raise unless the caller may create discussions, before they write one.

    Raises:
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        discussion_rules.get_repo_to_discuss(tx, caller, ref)


def create(hub: HubContext, caller: MaybeCaller, ref: RepoRef, title: str, text: str) -> DiscussionRow:
    """Create a discussion.

    Raises:
        Malformed, LimitExceeded: the title or the text cannot be used.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    title, text = discussion_rules.checked_title(title), discussion_rules.checked_text(text)
    with hub.write(access.lock(hub, caller, ref, discussion_rules.get_repo_to_discuss)) as tx:
        row, author = discussion_rules.get_repo_to_discuss(tx, caller, ref)
        return discussion_rules.create(hub, tx, row, author, title, text, status=OPEN, base=None)


def comment(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, text: str) -> DiscussionEvent:
    """Add a comment to a discussion.

    Raises:
        Malformed, LimitExceeded: the text cannot be used, or the discussion has too many events.
        ThingNotFound: the discussion does not exist.
        NotAllowed: it is locked, and the caller may not write to the repository; or no access.
        LoginRequired, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    text = discussion_rules.checked_text(text)
    with hub.write(access.lock(hub, caller, ref, discussion_rules.get_discussion_to_join, num)) as tx:
        row, author, discussion = discussion_rules.get_discussion_to_join(tx, caller, ref, num)
        event = discussion_rules.add_comment(hub, tx, row, discussion, author, text)
        return discussion_rules.shown_event(tx, event)


def edit_comment(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, uid: str, text: str) -> DiscussionEvent:
    """Replace the text of a comment; its earlier text is kept in its history.

    Raises:
        Malformed, LimitExceeded: the text cannot be used.
        ThingNotFound: the comment does not exist.
        NotAllowed: the caller may not write to the repository, and is not its author or the discussion is locked.
        Refused: it is hidden.
        LoginRequired, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    text = discussion_rules.checked_text(text)
    with hub.write(access.lock(hub, caller, ref, _own_comment, num, uid)) as tx:
        row, editor, discussion, event = _own_comment(tx, caller, ref, num, uid)
        if event.data["hidden"]:
            raise Refused("this comment is hidden: it can no longer be changed")
        data = discussion_events.edited(event.data, text, editor.account.uid, hub.now_ms())
        return _rewritten(hub, tx, row, discussion, attrs.evolve(event, data=data))


def hide_comment(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, uid: str) -> DiscussionEvent:
    """Delete all texts of a comment permanently; only the fact that it existed is kept.

    Raises:
        as :func:`edit_comment`.
    """
    with hub.write(access.lock(hub, caller, ref, _own_comment, num, uid)) as tx:
        row, editor, discussion, event = _own_comment(tx, caller, ref, num, uid)
        data = discussion_events.hidden(event.data, editor.account.uid, hub.now_ms())
        return _rewritten(hub, tx, row, discussion, attrs.evolve(event, data=data))


def rename(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, title: str) -> DiscussionEvent:
    """Change the title of a discussion.

    Raises:
        Malformed: the title cannot be used.
        ThingNotFound: the discussion does not exist.
        NotAllowed: the caller may not write to the repository, and is not its author or it is locked.
        LoginRequired, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    title = discussion_rules.checked_title(title)
    with hub.write(access.lock(hub, caller, ref, discussion_rules.get_discussion_to_change, num)) as tx:
        row, known, discussion = discussion_rules.get_discussion_to_change(tx, caller, ref, num)
        event = discussion_rules.note(
            hub, tx, discussion, known, "title-change", {"from": discussion.title, "to": title}
        )
        discussions.change(tx, discussion.id, title=title)
        discussion_rules.emit_event(hub, tx, row, attrs.evolve(discussion, title=title), "update")
        return discussion_rules.shown_event(tx, event)


def set_status(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, status: str, text: str | None = None
) -> DiscussionEvent:
    """Close a discussion, or open one that is closed or a draft.

    Args:
        text: a comment that is added with the change.

    Raises:
        Malformed: the state is unknown.
        ThingNotFound: the discussion does not exist.
        NotAllowed: the caller may not write to the repository, and is not its author or it is locked.
        Refused: it is merged, or in this state already.
        LoginRequired, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    if status not in (OPEN, CLOSED):
        raise Malformed("status", f"expected {OPEN} or {CLOSED}")
    said = discussion_rules.checked_text(text) if text and text.strip() else None
    with hub.write(access.lock(hub, caller, ref, discussion_rules.get_discussion_to_change, num)) as tx:
        row, known, discussion = discussion_rules.get_discussion_to_change(tx, caller, ref, num)
        _check_change(tx, discussion, status)
        if said is not None:
            discussion_rules.add_comment(hub, tx, row, discussion, known, said)
        event = discussion_rules.note(hub, tx, discussion, known, "status-change", {"status": status})
        discussions.change(tx, discussion.id, status=status)
        discussion_rules.emit_event(hub, tx, row, attrs.evolve(discussion, status=status), "update")
        return discussion_rules.shown_event(tx, event)


def pin(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, *, is_pinned: bool) -> None:
    """Pin a discussion to the top, or unpin it; does nothing if that is its state already.

    Raises:
        ThingNotFound: the discussion does not exist.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    _flag(hub, caller, ref, num, "is_pinned", is_pinned, "pinning-change", "pinned")


def lock(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, *, is_locked: bool) -> None:
    """Lock a discussion, or unlock it; does nothing if that is its state already.

    While it is locked, everyone who sees the repository still reads it, but only
    those who may write to the repository can comment, change or merge it.

    Raises:
        ThingNotFound: the discussion does not exist.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    _flag(hub, caller, ref, num, "is_locked", is_locked, "locking-change", "locked")


def _flag(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, column: str, value: bool, event: str, key: str
) -> None:
    """Change a flag of a discussion and note the event; do nothing if it has the value already."""
    with hub.write(access.lock(hub, caller, ref, discussion_rules.owned, num)) as tx:
        row, known, discussion = discussion_rules.owned(tx, caller, ref, num)
        flag: dict[str, Any] = {column: value}
        changed = attrs.evolve(discussion, **flag)
        if changed != discussion:
            discussion_rules.note(hub, tx, discussion, known, event, {key: value})
            discussions.change(tx, discussion.id, **flag)
            discussion_rules.emit_event(hub, tx, row, changed, "update")


def delete(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> None:
    """Delete a discussion with its comments, and the ref of a pull request; its number is not used again.

    Raises:
        ThingNotFound: the discussion does not exist.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.write(access.lock(hub, caller, ref, discussion_rules.owned, num), Lock.audit()) as tx:
        row, known, discussion = discussion_rules.owned(tx, caller, ref, num)
        head = refs.find(tx, row.id, discussion_rules.head_ref(discussion)) if discussion.is_pull else None
        if head is not None:
            refs.swap(tx, row.id, discussion_rules.head_ref(discussion), head, None, hub.now_ms())
            events.emit_content(hub, tx, row, [events.RefChange(discussion_rules.head_ref(discussion), head, None)])
        discussion_rules.emit_event(hub, tx, row, discussion, "delete")
        discussions.remove(tx, discussion.id)
        audit.record(hub, tx, known, "discussion.delete", access.subject(row), {"num": num, "title": discussion.title})


def _shown(tx: Read, row: RepoRow, found: Sequence[DiscussionRow]) -> list[ListedDiscussion]:
    people = discussions.people(tx, (discussion.author_id for discussion in found))
    return [ListedDiscussion(row, discussion, people.get(discussion.author_id)) for discussion in found]


def _own_comment(
    tx: Read, caller: MaybeCaller, ref: RepoRef, num: int, uid: str
) -> tuple[RepoRow, Caller, DiscussionRow, EventRow]:
    row, known, discussion = discussion_rules.get_discussion_to_join(tx, caller, ref, num)
    event = discussions.find_event(tx, discussion.id, uid)
    if event is None or event.kind != "comment":
        raise ThingNotFound("comment", uid)
    discussion_rules.check_may_change(tx, known, row, event.author_id)
    return row, known, discussion, event


def _check_change(tx: Read, discussion: DiscussionRow, status: str) -> None:
    what = "pull request" if discussion.is_pull else "discussion"
    if discussion.status == MERGED:
        raise Refused(f"{what} {discussion.num} is merged, which is final")
    if discussion.status == status:
        raise Refused(f"{what} {discussion.num} is {status} already")
    if (
        status == OPEN
        and discussion.is_pull
        and refs.find(tx, discussion.repo_id, discussion_rules.head_ref(discussion)) is None
    ):
        raise Refused(f"{what} {discussion.num} cannot be opened: its ref was deleted")


def _rewritten(hub: HubContext, tx: Write, row: RepoRow, discussion: DiscussionRow, event: EventRow) -> DiscussionEvent:
    discussions.set_data(tx, event.id, event.data)
    discussion_rules.emit_event(hub, tx, row, discussion, "update", comment=event, scope="discussion.comment")
    return discussion_rules.shown_event(tx, event)
