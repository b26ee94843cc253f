"""Notifications about events of discussions, written by a job, so that many watchers do not delay the request.

Told are those who watch the repository, who take part in the discussion, and who
are mentioned as ``@name`` in a new comment, if they may see the repository.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.community import discussions, notifications, subscriptions
from entrepot.catalog.community.discussions import DiscussionRow, EventRow
from entrepot.catalog.community.notifications import NotificationRow
from entrepot.catalog.community.subscriptions import ALL, NONE, WHOLE_REPO
from entrepot.catalog.jobs import jobs
from entrepot.catalog.jobs.jobs import JobArgs
from entrepot.catalog.lists import BATCH, slices
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.hub import access, callers
from entrepot.hub.context import HubContext
from entrepot.hub.notifications import DISCUSSION, MAX_KEPT

JOB = "notify"
"""The kind of the job."""

FORGETTING = "forget-notifications"
"""The kind of the job that deletes old notifications, every day."""

KEPT_MS = 180 * 86_400_000
"""How long notifications are kept."""

MAX_MENTIONS = 20
"""Names in one comment that are looked up."""

MENTIONED, AUTHOR, PARTICIPATING, WATCHING = "mention", "author", "participating", "watching"
"""Reasons for a notification about a discussion; if several apply, the first."""

_DAY_MS = 86_400_000
_BATCH = 200
_TOLD = ("comment", "status-change")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_MENTION = re.compile(r"(?<![\w@/.`-])@([A-Za-z0-9_-]{2,42})(?![\w-])", re.ASCII)


@attrs.frozen
class _News:
    """An event that users are notified of, and where it happened."""

    row: RepoRow
    discussion: DiscussionRow
    event: EventRow


def schedule(hub: HubContext, tx: Write, discussion: DiscussionRow, event: EventRow) -> None:
    """Enqueue the job that notifies users of an event, if its kind causes notifications."""
    if event.kind in _TOLD:
        args = {"repo": discussion.repo_id, "event": event.id}
        jobs.enqueue(tx, JOB, args, hub.now_ms(), dedup_key=f"{JOB}:{event.id}")
        hub.job_added.set()


def topic_of(discussion_id: int) -> str:
    """Return the topic of the notifications about a discussion."""
    return f"discussion:{discussion_id}"


def notify_steps(hub: HubContext, args: JobArgs) -> Iterator[None]:
    """Notify users of one event, some hundred in each step; a repetition notifies no one twice."""
    for reasons in _batches(hub, args["event"]):
        with hub.write(Lock.job(f"{JOB}:{args['event']}")) as tx:
            news = _find(tx, args["event"])  # it may be deleted, or private, meanwhile
            if news is None:
                return
            # Users who were notified of this event before keep that reason.
            _notify(tx, news, reasons)
        yield


def forget_old(hub: HubContext, _args: JobArgs) -> Iterator[None]:
    """Delete old notifications, some hundred in each step, and schedule the next run for tomorrow."""
    gone = BATCH
    while gone == BATCH:
        with hub.write(Lock.nothing()) as tx:
            gone = notifications.forget(tx, hub.now_ms() - KEPT_MS, BATCH)
        yield
    plan_forgetting(hub)


def plan_forgetting(hub: HubContext) -> None:
    """Schedule the deletion of old notifications for tomorrow."""
    with hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, FORGETTING, {}, hub.now_ms(), dedup_key=FORGETTING, delay_ms=_DAY_MS)


def mentions(text: str) -> list[str]:
    """Return the names that a comment mentions as ``@name``: outside code and quotations, each once."""
    said = "\n".join(line for line in _CODE.sub(" ", text).split("\n") if not line.lstrip().startswith(">"))
    return list(dict.fromkeys(name.lower() for name in _MENTION.findall(said)))[:MAX_MENTIONS]


def _batches(hub: HubContext, event_id: int) -> Iterator[Mapping[int, str]]:
    """Yield the users whom an event concerns, and why; watchers last, because other reasons count more."""
    with hub.read() as tx:
        news = _find(tx, event_id)
        involved = {} if news is None else _involved(tx, news)
    if news is None:
        return
    for batch in slices(sorted(involved), _BATCH):
        yield {user: involved[user] for user in batch}
    found = [0]
    while found:
        with hub.read() as tx:
            found = subscriptions.watchers(tx, news.row.id, after=found[-1], limit=_BATCH)
        if found:
            yield dict.fromkeys(found, WATCHING)


def _find(tx: Read, event_id: int) -> _News | None:
    event = discussions.event_by_id(tx, event_id)
    found = None if event is None else discussions.by_ids(tx, [event.discussion_id]).get(event.discussion_id)
    row = None if found is None else repositories.by_id(tx, found.repo_id)
    return None if event is None or found is None or row is None else _News(row, found, event)


def _involved(tx: Read, news: _News) -> dict[int, str]:
    """Return the users to notify, with the reason: they take part, are mentioned, or own or created the repository."""
    owners = {news.row.owner_id, news.row.creator_id or 0}
    chosen = subscriptions.levels(tx, news.row.id, WHOLE_REPO, owners)
    reasons = {user: WATCHING for user in owners if chosen.get(user, ALL) == ALL}
    reasons |= dict.fromkeys(discussions.participants(tx, news.discussion.id), PARTICIPATING)
    reasons[news.discussion.author_id] = AUTHOR
    says = news.event.kind == "comment" and not news.event.data["hidden"]
    for name in mentions(news.event.data["raw"]) if says else ():
        account = accounts.find(tx, name)
        if account is not None and account.is_user:
            reasons[account.id] = MENTIONED
    return reasons


def _notify(tx: Write, news: _News, reasons: Mapping[int, str]) -> None:
    """Notify those users who may see the repository, want to know, and are not who did it."""
    row, discussion, event = news.row, news.discussion, news.event
    wanted = set(reasons) - {event.author_id, 0}
    for num in (WHOLE_REPO, discussion.num):
        chosen = subscriptions.levels(tx, row.id, num, wanted)
        wanted -= {user for user, level in chosen.items() if level == NONE}
    able = _able(tx, row, wanted)
    news_row = NotificationRow(
        topic_of(discussion.id),
        DISCUSSION,
        "",
        event.author_id,
        event.created_ms,
        repo_id=row.id,
        discussion_id=discussion.id,
        data={"what": _what(tx, news), "event": event.uid},
        event_id=event.id,
    )
    notifications.put(tx, news_row, {user: reasons[user] for user in able})
    notifications.keep_newest(tx, able, MAX_KEPT)


def _what(tx: Read, news: _News) -> str:
    """Return the name of an event: ``opened``, ``comment``, or the new state."""
    if news.event.kind == "status-change":
        return str(news.event.data["status"])
    return "opened" if discussions.first_event(tx, news.discussion.id) == news.event.id else "comment"


def _able(tx: Read, row: RepoRow, wanted: Collection[int]) -> set[int]:
    """Return those users who exist, are not suspended, and may see the repository."""
    people = accounts.by_ids(tx, sorted(wanted))
    active = [account for account in people.values() if account.is_user and not account.is_suspended]
    if not row.is_private:
        return {account.id for account in active}
    return {account.id for account in active if access.may_see(tx, callers.acting_as(tx, account), row)}
