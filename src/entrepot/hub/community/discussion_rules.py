"""Functions shared by all use cases on discussions: look-up, rights, new events.

Everyone who sees a repository may read its discussions and take part; titles and
states may be changed by the author of a discussion and by users with write access
to the repository, who alone may change a locked discussion. The setting
``discussionsDisabled`` disables all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entrepot.catalog import Read, Write
from entrepot.catalog.community import discussions
from entrepot.catalog.community.discussions import DiscussionRow, EventRow
from entrepot.catalog.repos import activity
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import LimitExceeded, Malformed, NotAllowed, ThingNotFound
from entrepot.hub import access, events
from entrepot.hub.callers import Caller, MaybeCaller, require_login
from entrepot.hub.community import discussion_events, discussion_notices
from entrepot.hub.community.discussion_events import DiscussionEvent
from entrepot.hub.context import HubContext
from entrepot.names import Oid, RefName, RepoRef, new_uid, pull_ref

MIN_TITLE, MAX_TITLE = 3, 200
MAX_TEXT = 65_536
"""Maximum number of characters in a comment."""

MAX_EVENTS = 1_000
"""Maximum number of events in a discussion, because it is read as a whole."""

_ALWAYS_STORED = ("status-change", "locking-change")
_DISABLED = "discussionsDisabled"


def visible_repo(tx: Read, caller: MaybeCaller, ref: RepoRef) -> RepoRow:
    """Return the repository if the caller may read its discussions.

    Raises:
        NotAllowed: its discussions are disabled.
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    row = access.visible(tx, caller, ref)
    check_enabled(row)
    return row


def get_repo_to_discuss(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may take part in its discussions.

    Raises:
        LoginRequired, NotAllowed: they may not, or its discussions are disabled.
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    row = access.visible(tx, caller, ref, by_alias=False)
    known = require_login(caller)
    if not access.may_write(tx, known, row):
        row, known = access.discussable(tx, caller, ref)
    check_enabled(row)
    return row, known


def get_discussion_to_join(
    tx: Read, caller: MaybeCaller, ref: RepoRef, num: int
) -> tuple[RepoRow, Caller, DiscussionRow]:
    """Return the discussion if the caller may write in it; all use cases for which that is enough begin here.

    Raises:
        ThingNotFound: the discussion does not exist.
        NotAllowed: it is locked, and the caller may not write to the repository.
        LoginRequired, RepoNotFound, RepoMoved, RepoDisabled: as :func:`get_repo_to_discuss`.
    """
    row, known = get_repo_to_discuss(tx, caller, ref)
    discussion = get(tx, row, num)
    if discussion.is_locked and not access.may_write(tx, known, row):
        raise lock_refusal(row, discussion)
    return row, known, discussion


def get_discussion_to_change(
    tx: Read, caller: MaybeCaller, ref: RepoRef, num: int
) -> tuple[RepoRow, Caller, DiscussionRow]:
    """Return the discussion if the caller may change its title and state.

    Raises:
        ThingNotFound: the discussion does not exist.
        NotAllowed: the caller may not write to the repository, and is not its author or it is locked.
        LoginRequired, RepoNotFound, RepoMoved, RepoDisabled: as :func:`get_repo_to_discuss`.
    """
    row, known, discussion = get_discussion_to_join(tx, caller, ref, num)
    check_may_change(tx, known, row, discussion.author_id)
    return row, known, discussion


def owned(tx: Read, caller: MaybeCaller, ref: RepoRef, num: int) -> tuple[RepoRow, Caller, DiscussionRow]:
    """Return the discussion if the caller may pin, lock or delete it, which needs write access to the repository.

    Raises:
        as :func:`discussion_to_change`.
    """
    check_enabled(access.visible(tx, caller, ref, by_alias=False))
    row, known = access.writable(tx, caller, ref)
    return row, known, get(tx, row, num)


def get_discussion_to_merge(
    tx: Read, caller: MaybeCaller, ref: RepoRef, num: int
) -> tuple[RepoRow, Caller, DiscussionRow]:
    """Return the discussion if the caller may merge it, which needs the right to change the content of the repository.

    Raises:
        as :func:`discussion_to_change`.
    """
    check_enabled(access.visible(tx, caller, ref, by_alias=False))
    row, known = access.committable(tx, caller, ref)
    return row, known, get(tx, row, num)


def get(tx: Read, row: RepoRow, num: int) -> DiscussionRow:
    """Return the discussion with this number.

    Raises:
        ThingNotFound: it does not exist.
    """
    discussion = discussions.find(tx, row.id, num) if 0 < num < 1 << 31 else None
    if discussion is None:
        raise ThingNotFound("discussion", str(num))
    return discussion


def get_pull(tx: Read, row: RepoRow, num: int) -> DiscussionRow:
    """Return the pull request with this number.

    Raises:
        ThingNotFound: it does not exist, or a discussion has the number.
    """
    discussion = get(tx, row, num)
    if not discussion.is_pull:
        raise ThingNotFound("pull request", str(num))
    return discussion


def may_change(tx: Read, known: Caller, row: RepoRow, author_id: int) -> bool:
    """Return whether the caller is the author, or may write to the repository."""
    return author_id == known.account.id or access.may_write(tx, known, row)


def check_may_change(tx: Read, known: Caller, row: RepoRow, author_id: int) -> None:
    """Raise if the caller is not the author and may not write to the repository.

    Raises:
        NotAllowed: they are neither.
    """
    if not may_change(tx, known, row, author_id):
        raise NotAllowed(
            f"Only its author and those who may write to the {row.type.value} {row.ref.id} can do this: you are neither"
        )


def lock_refusal(row: RepoRow, discussion: DiscussionRow) -> NotAllowed:
    """Return the error for those whom the lock of a discussion excludes."""
    what = "Pull request" if discussion.is_pull else "Discussion"
    return NotAllowed(
        f"{what} {discussion.num} is locked: only those who may write to "
        f"the {row.type.value} {row.ref.id} can change it"
    )


def are_enabled(row: RepoRow) -> bool:
    """Return whether a repository has discussions and pull requests."""
    return not row.settings.get(_DISABLED)


def check_enabled(row: RepoRow) -> None:
    """Raise if a repository has its discussions disabled.

    Raises:
        NotAllowed: its discussions are disabled.
    """
    if not are_enabled(row):
        raise NotAllowed("Discussions are disabled for this repository")


def checked_title(text: str) -> str:
    """Return a title on one line, without surrounding white space.

    Raises:
        Malformed: it has fewer than 3 or more than 200 characters.
    """
    title = " ".join(text.split())
    if not MIN_TITLE <= len(title) <= MAX_TITLE:
        raise Malformed("title", f"use {MIN_TITLE} to {MAX_TITLE} characters")
    return title


def checked_text(text: str) -> str:
    """Return the text of a comment if it can be used.

    Raises:
        Malformed: it is empty.
        LimitExceeded: it has more than 65,536 characters.
    """
    if not text.strip():
        raise Malformed("comment", "it is empty")
    if len(text) > MAX_TEXT:
        raise LimitExceeded("the length of a comment", MAX_TEXT)
    return text.replace("\0", "")


def create(
    hub: HubContext,
    tx: Write,
    row: RepoRow,
    author: Caller,
    title: str,
    text: str,
    *,
    status: str,
    base: RefName | None,
) -> DiscussionRow:
    """Store a new discussion, or with ``base`` a pull request, and its description."""
    now, num = hub.now_ms(), discussions.next_number(tx, row.id)
    discussion = discussions.add(
        tx,
        DiscussionRow(
            id=0,
            uid=new_uid(),
            repo_id=row.id,
            num=num,
            title=title,
            author_id=author.account.id,
            is_pull=base is not None,
            status=status,
            base=base,
            fork_oid=None,
            merge_oid=None,
            is_pinned=False,
            is_locked=False,
            comments=0,
            created_ms=now,
            updated_ms=now,
        ),
    )
    first = note(hub, tx, discussion, author, "comment", discussion_events.comment_data(text, author.account.uid, now))
    emit_event(hub, tx, row, discussion, "create", comment=first)
    activity.add(tx, row, author.account.id, now)
    return discussion


def add_comment(
    hub: HubContext, tx: Write, row: RepoRow, discussion: DiscussionRow, author: Caller, text: str
) -> EventRow:
    """Add a comment to a discussion and notify the webhooks that watch it.

    Raises:
        LimitExceeded: the discussion is too long.
    """
    data = discussion_events.comment_data(text, author.account.uid, hub.now_ms())
    event = note(hub, tx, discussion, author, "comment", data)
    discussions.count_comment(tx, discussion.id)
    emit_event(hub, tx, row, discussion, "create", comment=event, scope="discussion.comment")
    activity.add(tx, row, author.account.id, hub.now_ms())
    return event


def note(
    hub: HubContext, tx: Write, discussion: DiscussionRow, author: Caller, kind: str, data: Mapping[str, Any]
) -> EventRow:
    """Store an event of a discussion, and schedule the notifications about it.

    Raises:
        LimitExceeded: the discussion has too many already. A change of its state
            or lock is always stored, because otherwise it could not be closed or locked.
    """
    if kind not in _ALWAYS_STORED and is_full(tx, discussion):
        raise LimitExceeded(f"the number of events in discussion {discussion.num}", MAX_EVENTS, "begin a new one")
    now = hub.now_ms()
    discussions.change(tx, discussion.id, updated_ms=now)
    event = discussions.add_event(tx, EventRow(0, new_uid(), discussion.id, kind, author.account.id, data, now))
    discussion_notices.schedule(hub, tx, discussion, event)
    return event


def is_full(tx: Read, discussion: DiscussionRow) -> bool:
    """Return whether a discussion has the maximum number of events."""
    return discussions.count_events(tx, discussion.id) >= MAX_EVENTS


def shown_event(tx: Read, event: EventRow) -> DiscussionEvent:
    """Return a stored event as a value."""
    return discussion_events.read_events(tx, [event])[0]


def emit_event(
    hub: HubContext,
    tx: Write,
    row: RepoRow,
    discussion: DiscussionRow,
    action: str,
    *,
    comment: EventRow | None = None,
    scope: str = "discussion",
) -> None:
    """Record an event about a discussion, or about a comment in it, for the webhooks that watch the repository.

    Source of the keys: huggingface_hub 2.4.0, ``_webhooks_payload.py``, which ignores others such as ``locked``.
    """
    events.emit(hub, tx, row, scope, action, _payload(tx, row, discussion, comment))


def _payload(tx: Read, row: RepoRow, discussion: DiscussionRow, comment: EventRow | None) -> dict[str, Any]:
    people = discussions.people(tx, [discussion.author_id, *([comment.author_id] if comment else [])])
    page = f"/{row.ref.path}/discussions/{discussion.num}"
    payload: dict[str, Any] = {
        "discussion": {
            "id": discussion.uid,
            "num": discussion.num,
            "title": discussion.title,
            "status": discussion.status,
            "isPullRequest": discussion.is_pull,
            "pinned": discussion.is_pinned,
            "locked": discussion.is_locked,
            "author": {"id": people[discussion.author_id].uid} if discussion.author_id in people else {"id": ""},
            "url": {"web": page, "api": f"/api/{row.type.plural}/{row.ref.id}/discussions/{discussion.num}"},
        }
    }
    if discussion.is_pull:
        payload["discussion"]["changes"] = {"base": discussion.base} | (
            {"mergeCommitId": discussion.merge_oid} if discussion.merge_oid else {}
        )
    if comment is not None:
        payload["comment"] = {
            "id": comment.uid,
            "author": {"id": people[comment.author_id].uid} if comment.author_id in people else {"id": ""},
            "content": comment.data["raw"],
            "hidden": comment.data["hidden"],
            "url": {"web": f"{page}#{comment.uid}"},
        }
    return payload


def head_ref(discussion: DiscussionRow) -> RefName:
    """Return the ref that holds the commits of a pull request."""
    return pull_ref(discussion.num)


def commit_data(subject: str, oid: Oid) -> Mapping[str, Any]:
    """Return the stored form of a new commit in a pull request."""
    return {"subject": subject[:MAX_TEXT], "oid": oid}
