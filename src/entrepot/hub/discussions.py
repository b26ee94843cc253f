"""Discussions: begun, read, commented, led to an end. Pull requests are discussions too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Read, Write, accounts, discussions, refs
from entrepot.catalog.discussions import ALIVE, CLOSED, MERGED, OPEN, Event, Person, Talk, Wanted
from entrepot.catalog.repos import RepoRow
from entrepot.errors import Malformed, Refused, ThingNotFound
from entrepot.hub import access, audit, events, happenings, talks
from entrepot.hub.callers import Anyone, Caller
from entrepot.hub.happenings import Happening
from entrepot.hub.house import Hub
from entrepot.names import RepoRef

STATES: Mapping[str, tuple[str, ...] | None] = {"all": None, "open": ALIVE, "closed": (CLOSED, MERGED)}
"""Words that people filter by: a draft counts as open, what is merged as closed."""


@attrs.frozen
class Shown:
    """A discussion of a repository with its author, None once their account is gone."""

    repo: RepoRow
    talk: Talk
    author: Person | None


@attrs.frozen
class Page:
    """Some discussions, newest first; ``total``: how many match, ``closed``: how many of all are at their end."""

    talks: Sequence[Shown]
    total: int
    closed: int


@attrs.frozen
class Detailed:
    """A discussion with everything that happened in it, oldest first: the first event is its description."""

    shown: Shown
    events: Sequence[Happening]


def list_page(
    hub: Hub,
    caller: Anyone,
    ref: RepoRef,
    *,
    is_pull: bool | None = None,
    state: str = "all",
    author: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> Page:
    """Discussions of a repository, newest first.

    Args:
        is_pull: only pull requests, or only others; None for both.
        state: a key of :data:`STATES`.
        author: name of an account; nobody of this name has written nothing.

    Raises:
        Malformed: there is no such state.
        NotAllowed: discussions are disabled.
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    if state not in STATES:
        raise Malformed("parameter 'status'", f"expected one of {', '.join(STATES)}")
    with hub.read() as tx:
        row = talks.visible(tx, caller, ref)
        writer = accounts.find(tx, author) if author else None
        author_id = None if not author else writer.id if writer is not None else -1
        wanted = Wanted(is_pull, STATES[state], author_id)
        found = discussions.page(tx, row.id, wanted, offset=offset, limit=limit)
        total = discussions.count(tx, row.id, wanted)
        closed = discussions.count(tx, row.id, attrs.evolve(wanted, states=STATES["closed"]))
        return Page(_shown(tx, row, found), total, closed)


def show(hub: Hub, caller: Anyone, ref: RepoRef, num: int) -> Detailed:
    """One discussion.

    Raises:
        ThingNotFound: there is none of this number.
        NotAllowed: discussions are disabled.
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = talks.visible(tx, caller, ref)
        talk = talks.get(tx, row, num)
        return Detailed(_shown(tx, row, [talk])[0], happenings.read_events(tx, discussions.events_of(tx, talk.id)))


def begin(hub: Hub, caller: Anyone, ref: RepoRef, title: str, text: str) -> Talk:
    """Begin a discussion.

    Raises:
        Malformed, LimitExceeded: the title or the text cannot be used.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    title, text = talks.checked_title(title), talks.checked_text(text)
    with hub.write() as tx:
        row, author = talks.joined(tx, caller, ref)
        return talks.begin(hub, tx, row, author, title, text, status=OPEN, base=None)


def comment(hub: Hub, caller: Anyone, ref: RepoRef, num: int, text: str) -> Happening:
    """Say something in a discussion.

    Raises:
        Malformed, LimitExceeded: the text cannot be used, or there are too many.
        ThingNotFound: there is no such discussion.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    text = talks.checked_text(text)
    with hub.write() as tx:
        row, author = talks.joined(tx, caller, ref)
        event = talks.say(hub, tx, row, talks.get(tx, row, num), author, text)
        return talks.shown_event(tx, event)


def edit_comment(hub: Hub, caller: Anyone, ref: RepoRef, num: int, uid: str, text: str) -> Happening:
    """Replace the text of a comment; what it said before is kept for its readers.

    Raises:
        Malformed, LimitExceeded: the text cannot be used.
        ThingNotFound: there is no such comment.
        NotAllowed: it is somebody else's, and the caller may not write to the repository.
        Refused: it is hidden.
        LoginRequired, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    text = talks.checked_text(text)
    with hub.write() as tx:
        row, editor, talk, event = _own_comment(tx, caller, ref, num, uid)
        if event.data["hidden"]:
            raise Refused("this comment is hidden: it cannot be changed any more")
        data = happenings.edited(event.data, text, editor.account.uid, hub.now_ms())
        return _rewritten(hub, tx, row, talk, attrs.evolve(event, data=data))


def hide_comment(hub: Hub, caller: Anyone, ref: RepoRef, num: int, uid: str) -> Happening:
    """Delete the texts of a comment, for good; only that there was one stays.

    Raises:
        as :func:`edit_comment`.
    """
    with hub.write() as tx:
        row, editor, talk, event = _own_comment(tx, caller, ref, num, uid)
        data = happenings.hidden(event.data, editor.account.uid, hub.now_ms())
        return _rewritten(hub, tx, row, talk, attrs.evolve(event, data=data))


def rename(hub: Hub, caller: Anyone, ref: RepoRef, num: int, title: str) -> Happening:
    """Give a discussion another title.

    Raises:
        Malformed: the title cannot be used.
        ThingNotFound: there is no such discussion.
        NotAllowed: it is somebody else's, and the caller may not write to the repository.
        LoginRequired, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    title = talks.checked_title(title)
    with hub.write() as tx:
        row, known, talk = talks.led(tx, caller, ref, num)
        event = talks.note(hub, tx, talk, known, "title-change", {"from": talk.title, "to": title})
        discussions.change(tx, talk.id, title=title)
        talks.announce(hub, tx, row, attrs.evolve(talk, title=title), "update")
        return talks.shown_event(tx, event)


def set_status(hub: Hub, caller: Anyone, ref: RepoRef, num: int, status: str, text: str | None = None) -> Happening:
    """Close a discussion, or open it: a draft for review, a closed one again.

    Args:
        text: a comment to go with it.

    Raises:
        Malformed: there is no such state.
        ThingNotFound: there is no such discussion.
        NotAllowed: it is somebody else's, and the caller may not write to the repository.
        Refused: it is merged, or in this state already.
        LoginRequired, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    if status not in (OPEN, CLOSED):
        raise Malformed("status", f"expected {OPEN} or {CLOSED}")
    said = talks.checked_text(text) if text and text.strip() else None
    with hub.write() as tx:
        row, known, talk = talks.led(tx, caller, ref, num)
        _check_change(tx, talk, status)
        if said is not None:
            talks.say(hub, tx, row, talk, known, said)
        event = talks.note(hub, tx, talk, known, "status-change", {"status": status})
        discussions.change(tx, talk.id, status=status)
        talks.announce(hub, tx, row, attrs.evolve(talk, status=status), "update")
        return talks.shown_event(tx, event)


def pin(hub: Hub, caller: Anyone, ref: RepoRef, num: int, *, is_pinned: bool) -> None:
    """Pin a discussion to the top, or no more; nothing happens when it is so already.

    Raises:
        ThingNotFound: there is no such discussion.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.write() as tx:
        row, known, talk = talks.owned(tx, caller, ref, num)
        if talk.is_pinned != is_pinned:
            talks.note(hub, tx, talk, known, "pinning-change", {"pinned": is_pinned})
            discussions.change(tx, talk.id, is_pinned=is_pinned)
            talks.announce(hub, tx, row, attrs.evolve(talk, is_pinned=is_pinned), "update")


def delete(hub: Hub, caller: Anyone, ref: RepoRef, num: int) -> None:
    """Delete a discussion with all that was said in it, and what a pull request proposed; its number stays used.

    Raises:
        ThingNotFound: there is no such discussion.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.write() as tx:
        row, known, talk = talks.owned(tx, caller, ref, num)
        head = refs.find(tx, row.id, talks.head_ref(talk)) if talk.is_pull else None
        if head is not None:
            refs.swap(tx, row.id, talks.head_ref(talk), head, None, hub.now_ms())
            events.emit_content(hub, tx, row, [events.Moved(talks.head_ref(talk), head, None)])
        talks.announce(hub, tx, row, talk, "delete")
        discussions.remove(tx, talk.id)
        audit.record(hub, tx, known, "discussion.delete", access.subject(row), {"num": num, "title": talk.title})


def _shown(tx: Read, row: RepoRow, found: Sequence[Talk]) -> list[Shown]:
    people = discussions.people(tx, (talk.author_id for talk in found))
    return [Shown(row, talk, people.get(talk.author_id)) for talk in found]


def _own_comment(tx: Read, caller: Anyone, ref: RepoRef, num: int, uid: str) -> tuple[RepoRow, Caller, Talk, Event]:
    row, known = talks.joined(tx, caller, ref)
    talk = talks.get(tx, row, num)
    event = discussions.find_event(tx, talk.id, uid)
    if event is None or event.kind != "comment":
        raise ThingNotFound("comment", uid)
    talks.check_leads(known, row, event.author_id)
    return row, known, talk, event


def _check_change(tx: Read, talk: Talk, status: str) -> None:
    what = "pull request" if talk.is_pull else "discussion"
    if talk.status == MERGED:
        raise Refused(f"{what} {talk.num} is merged: that is for good")
    if talk.status == status:
        raise Refused(f"{what} {talk.num} is {status} already")
    if status == OPEN and talk.is_pull and refs.find(tx, talk.repo_id, talks.head_ref(talk)) is None:
        raise Refused(f"{what} {talk.num} cannot be opened: its ref was deleted")


def _rewritten(hub: Hub, tx: Write, row: RepoRow, talk: Talk, event: Event) -> Happening:
    discussions.set_data(tx, event.id, event.data)
    talks.announce(hub, tx, row, talk, "update", comment=event, scope="discussion.comment")
    return talks.shown_event(tx, event)
