"""Queries on discussions and pull requests, and on their events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import cascades, community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.prepared import Prepared
from entrepot.names import Oid, RefName, Uid

DRAFT, OPEN, CLOSED, MERGED = "draft", "open", "closed", "merged"
"""The states of a discussion; only pull requests can be drafts or merged."""

ALIVE = (DRAFT, OPEN)

MAX_COUNTED = 1_000
"""Discussions that :func:`count_alive` counts at most."""

_D = community_tables.discussions
_E = community_tables.discussion_events
_R = tables.repos
_NS = tables.namespaces


@attrs.frozen
class DiscussionRow:
    """One discussion; it is a pull request if ``base`` (the target branch) is set.

    ``author_id`` is 0 if the account was deleted. ``comments`` does not count
    the first comment, which is the description. ``fork_oid`` is the commit
    from which a pull request diverged.
    """

    id: int
    uid: Uid
    repo_id: int
    num: int
    title: str
    author_id: int
    is_pull: bool
    status: str
    base: RefName | None
    fork_oid: Oid | None
    merge_oid: Oid | None
    is_pinned: bool
    is_locked: bool
    comments: int
    created_ms: int
    updated_ms: int

    @property
    def is_alive(self) -> bool:
        """Whether the discussion is neither closed nor merged."""
        return self.status in ALIVE


@attrs.frozen
class EventRow:
    """One event of a discussion; the content of ``data`` depends on the kind."""

    id: int
    uid: Uid
    discussion_id: int
    kind: str
    author_id: int
    data: Mapping[str, Any]
    created_ms: int


@attrs.frozen
class DiscussionFilter:
    """A filter for the discussions of a repository; None in a field matches any value."""

    is_pull: bool | None = None
    states: tuple[str, ...] | None = None
    author_id: int | None = None


@attrs.frozen
class AuthorRow:
    """The account of an author."""

    id: int
    uid: Uid
    name: str
    fullname: str
    kind: str


_COLUMNS = [_D.c[field.name] for field in attrs.fields(DiscussionRow)]
_EVENT = [_E.c[field.name] for field in attrs.fields(EventRow)]
_PERSON = [_NS.c[field.name] for field in attrs.fields(AuthorRow)]
_HERE = _D.c.repo_id == sa.bindparam("repo")
# Statements are built once: building one costs more than running it on cached pages.
_FIND = sa.select(*_COLUMNS).where(_HERE & (_D.c.num == sa.bindparam("number")))
_EVENTS = sa.select(*_EVENT).where(_E.c.discussion_id == sa.bindparam("discussion")).order_by(_E.c.id)
_FIND_EVENT = sa.select(*_EVENT).where(
    (_E.c.discussion_id == sa.bindparam("discussion")) & (_E.c.uid == sa.bindparam("called"))
)
_IS_ALIVE = sa.or_(*(_D.c.status == status for status in ALIVE))
_FIRST_ALIVE = sa.select(_D.c.status).where(_HERE & _IS_ALIVE).limit(MAX_COUNTED).subquery()
_COUNT_ALIVE = Prepared(sa.select(sa.func.count().label("alive")).select_from(_FIRST_ALIVE))
_COUNT_EVENTS = sa.select(sa.func.count()).where(_E.c.discussion_id == sa.bindparam("discussion"))


def next_number(tx: Write, repo_id: int) -> int:
    """Return a number for a new discussion of a repository, never used before."""
    tx.sql.execute(sa.update(_R).where(_R.c.id == repo_id).values(discussions=_R.c.discussions + 1))
    return int(tx.sql.execute(sa.select(_R.c.discussions).where(_R.c.id == repo_id)).scalar_one())


def add(tx: Write, discussion: DiscussionRow) -> DiscussionRow:
    """Insert a discussion (its ``id`` is ignored) and return it with its id."""
    values = attrs.asdict(discussion, filter=attrs.filters.exclude("id"))
    key = tx.sql.execute(sa.insert(_D).values(values)).inserted_primary_key
    assert key is not None
    return attrs.evolve(discussion, id=key[0])


def find(tx: Read, repo_id: int, num: int) -> DiscussionRow | None:
    """Return the discussion with this number, or None."""
    row = tx.sql.execute(_FIND, {"repo": repo_id, "number": num}).first()
    return DiscussionRow(*row) if row else None


def by_ids(tx: Read, ids: Sequence[int]) -> dict[int, DiscussionRow]:
    """Return the discussions with these row ids, without deleted ones."""
    rows = tx.sql.execute(sa.select(*_COLUMNS).where(_D.c.id.in_(bounded(ids))))
    return {row.id: DiscussionRow(*row) for row in rows}


def page(tx: Read, repo_id: int, wanted: DiscussionFilter, *, offset: int, limit: int) -> list[DiscussionRow]:
    """Return one page of the discussions of a repository, newest first."""
    query = sa.select(*_COLUMNS).where(_matching(repo_id, wanted)).order_by(_D.c.num.desc())
    return [DiscussionRow(*row) for row in tx.sql.execute(query.offset(offset).limit(limit))]


def count(tx: Read, repo_id: int, wanted: DiscussionFilter) -> int:
    """Return the number of discussions of a repository that match."""
    return tx.sql.execute(sa.select(sa.func.count()).where(_matching(repo_id, wanted))).scalar_one()


def count_alive(tx: Read, repo_id: int) -> int:
    """Return the number of open discussions and pull requests of a repository, at most :data:`MAX_COUNTED`.

    Guarantees: reads only as many entries of an index.
    """
    found = _COUNT_ALIVE.first(tx, {"repo": repo_id})
    return 0 if found is None else int(found.alive)


def count_public_by(tx: Read, author_id: int) -> int:
    """Return the number of discussions that a user has opened in public repositories."""
    query = sa.select(sa.func.count()).select_from(_D).join(_R, _R.c.id == _D.c.repo_id)
    here = (_D.c.author_id == author_id) & (_R.c.visibility == "public") & _R.c.deleted_ms.is_(None)
    return tx.sql.execute(query.where(here)).scalar_one()


def change(tx: Write, discussion_id: int, **values: object) -> None:
    """Set columns of a discussion."""
    tx.sql.execute(sa.update(_D).where(_D.c.id == discussion_id).values(**values))


def count_comment(tx: Write, discussion_id: int) -> None:
    """Increment the number of comments of a discussion."""
    tx.sql.execute(sa.update(_D).where(_D.c.id == discussion_id).values(comments=_D.c.comments + 1))


def remove(tx: Write, discussion_id: int) -> None:
    """Delete a discussion with its events, notifications and subscriptions; its number is not reused."""
    notified, muted = community_tables.notifications, community_tables.subscriptions
    tx.sql.execute(sa.delete(notified).where(notified.c.discussion_id == discussion_id))
    place = sa.select(_D.c.repo_id, _D.c.num).where(_D.c.id == discussion_id)
    tx.sql.execute(sa.delete(muted).where(sa.tuple_(muted.c.repo_id, muted.c.num).in_(place)))
    tx.sql.execute(sa.delete(_E).where(_E.c.discussion_id == discussion_id))
    tx.sql.execute(sa.delete(_D).where(_D.c.id == discussion_id))


def has_open_pull(tx: Read, repo_id: int, author_id: int) -> bool:
    """Return whether a user has an open or draft pull request in a repository."""
    here = (_D.c.repo_id == repo_id) & (_D.c.author_id == author_id) & _D.c.is_pull.is_(True)
    return tx.sql.execute(sa.select(_D.c.id).where(here & _D.c.status.in_(ALIVE)).limit(1)).first() is not None


def add_event(tx: Write, event: EventRow) -> EventRow:
    """Append an event (its ``id`` is ignored) and return it with its id."""
    values = attrs.asdict(event, filter=attrs.filters.exclude("id"))
    key = tx.sql.execute(sa.insert(_E).values(values)).inserted_primary_key
    assert key is not None
    return attrs.evolve(event, id=key[0])


def events_of(tx: Read, discussion_id: int) -> list[EventRow]:
    """Return the events of a discussion, oldest first."""
    return [EventRow(*row) for row in tx.sql.execute(_EVENTS, {"discussion": discussion_id})]


def count_events(tx: Read, discussion_id: int) -> int:
    """Return the number of events of a discussion."""
    return tx.sql.execute(_COUNT_EVENTS, {"discussion": discussion_id}).scalar_one()


def find_event(tx: Read, discussion_id: int, uid: str) -> EventRow | None:
    """Return one event of a discussion, or None."""
    row = tx.sql.execute(_FIND_EVENT, {"discussion": discussion_id, "called": uid}).first()
    return EventRow(*row) if row else None


def event_by_id(tx: Read, event_id: int) -> EventRow | None:
    """Return the event with this row id, or None."""
    row = tx.sql.execute(sa.select(*_EVENT).where(_E.c.id == event_id)).first()
    return EventRow(*row) if row else None


def first_event(tx: Read, discussion_id: int) -> int | None:
    """Return the row id of the first event of a discussion, its description; None if there is none."""
    found: int | None = tx.sql.execute(
        sa.select(sa.func.min(_E.c.id)).where(_E.c.discussion_id == discussion_id)
    ).scalar()
    return found


def participants(tx: Read, discussion_id: int) -> set[int]:
    """Return the row ids of the accounts that have written in a discussion."""
    query = sa.select(_E.c.author_id).where(_E.c.discussion_id == discussion_id).distinct()
    return {row[0] for row in tx.sql.execute(query)} - {cascades.NOBODY}


def set_data(tx: Write, event_id: int, data: Mapping[str, Any]) -> None:
    """Replace the data of an event."""
    tx.sql.execute(sa.update(_E).where(_E.c.id == event_id).values(data=data))


def people(tx: Read, ids: Iterable[int]) -> dict[int, AuthorRow]:
    """Return the accounts with these row ids, without deleted ones."""
    return {person.id: person for person in _people(tx, _NS.c.id, list(set(ids)))}


def people_by_uid(tx: Read, uids: Iterable[str]) -> dict[str, AuthorRow]:
    """Return the accounts with these permanent ids, without deleted ones."""
    return {person.uid: person for person in _people(tx, _NS.c.uid, list(set(uids)))}


def _people(tx: Read, column: sa.Column[Any], keys: Sequence[int | str]) -> Iterable[AuthorRow]:
    for batch in slices(keys):
        for row in tx.sql.execute(sa.select(*_PERSON).where(column.in_(batch))):
            yield AuthorRow(*row)


def _matching(repo_id: int, wanted: DiscussionFilter) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = _D.c.repo_id == repo_id
    if wanted.is_pull is not None:
        found &= _D.c.is_pull.is_(wanted.is_pull)
    if wanted.states is not None:
        found &= _D.c.status.in_(bounded(wanted.states))
    if wanted.author_id is not None:
        found &= _D.c.author_id == wanted.author_id
    return found
