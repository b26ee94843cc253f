"""Rows of discussions and pull requests, and of what happened in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.names import Oid, RefName, Uid

DRAFT, OPEN, CLOSED, MERGED = "draft", "open", "closed", "merged"
"""The states of a discussion; the first and the last only of pull requests."""

ALIVE = (DRAFT, OPEN)

_D = community_tables.discussions
_E = community_tables.discussion_events
_R = tables.repos
_NS = tables.namespaces


@attrs.frozen
class DiscussionRow:
    """One discussion; with ``base`` it is a pull request for that branch.

    ``author_id`` is 0 once the account is gone; ``comments`` counts those
    after the first, which is the description; ``fork_oid`` is the commit
    that a pull request parted from.
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
    comments: int
    created_ms: int
    updated_ms: int

    @property
    def is_alive(self) -> bool:
        """Whether it is neither closed nor merged."""
        return self.status in ALIVE


@attrs.frozen
class EventRow:
    """Something that happened in a discussion; what ``data`` holds depends on the kind."""

    id: int
    uid: Uid
    discussion_id: int
    kind: str
    author_id: int
    data: Mapping[str, Any]
    created_ms: int


@attrs.frozen
class DiscussionFilter:
    """Which discussions of a repository to list; None means any."""

    is_pull: bool | None = None
    states: tuple[str, ...] | None = None
    author_id: int | None = None


@attrs.frozen
class AuthorRow:
    """An account as an author."""

    id: int
    uid: Uid
    name: str
    fullname: str
    kind: str


_TALK = [_D.c[field.name] for field in attrs.fields(DiscussionRow)]
_EVENT = [_E.c[field.name] for field in attrs.fields(EventRow)]
_PERSON = [_NS.c[field.name] for field in attrs.fields(AuthorRow)]
_HERE = _D.c.repo_id == sa.bindparam("repo")
# Built once: making a statement costs more than running it on a page that is cached.
_FIND = sa.select(*_TALK).where(_HERE & (_D.c.num == sa.bindparam("number")))
_EVENTS = sa.select(*_EVENT).where(_E.c.discussion_id == sa.bindparam("talk")).order_by(_E.c.id)
_FIND_EVENT = sa.select(*_EVENT).where(
    (_E.c.discussion_id == sa.bindparam("talk")) & (_E.c.uid == sa.bindparam("called"))
)
_COUNT_EVENTS = sa.select(sa.func.count()).where(_E.c.discussion_id == sa.bindparam("talk"))


def next_number(tx: Write, repo_id: int) -> int:
    """A number for a new discussion of a repository, never given before."""
    tx.sql.execute(sa.update(_R).where(_R.c.id == repo_id).values(discussions=_R.c.discussions + 1))
    return int(tx.sql.execute(sa.select(_R.c.discussions).where(_R.c.id == repo_id)).scalar_one())


def add(tx: Write, discussion: DiscussionRow) -> DiscussionRow:
    """Insert a discussion (its ``id`` is ignored) and return it with its id."""
    values = attrs.asdict(discussion, filter=attrs.filters.exclude("id"))
    key = tx.sql.execute(sa.insert(_D).values(values)).inserted_primary_key
    assert key is not None
    return attrs.evolve(discussion, id=key[0])


def find(tx: Read, repo_id: int, num: int) -> DiscussionRow | None:
    """The discussion with this number."""
    row = tx.sql.execute(_FIND, {"repo": repo_id, "number": num}).first()
    return DiscussionRow(*row) if row else None


def page(tx: Read, repo_id: int, wanted: DiscussionFilter, *, offset: int, limit: int) -> list[DiscussionRow]:
    """Some discussions of a repository, newest first."""
    query = sa.select(*_TALK).where(_matching(repo_id, wanted)).order_by(_D.c.num.desc())
    return [DiscussionRow(*row) for row in tx.sql.execute(query.offset(offset).limit(limit))]


def count(tx: Read, repo_id: int, wanted: DiscussionFilter) -> int:
    """How many discussions of a repository match."""
    return tx.sql.execute(sa.select(sa.func.count()).where(_matching(repo_id, wanted))).scalar_one()


def count_public_by(tx: Read, author_id: int) -> int:
    """How many discussions a user has begun in public repositories."""
    query = sa.select(sa.func.count()).select_from(_D).join(_R, _R.c.id == _D.c.repo_id)
    here = (_D.c.author_id == author_id) & (_R.c.visibility == "public") & _R.c.deleted_ms.is_(None)
    return tx.sql.execute(query.where(here)).scalar_one()


def change(tx: Write, discussion_id: int, **values: object) -> None:
    """Set columns of a discussion."""
    tx.sql.execute(sa.update(_D).where(_D.c.id == discussion_id).values(**values))


def count_comment(tx: Write, discussion_id: int) -> None:
    """Count one comment more."""
    tx.sql.execute(sa.update(_D).where(_D.c.id == discussion_id).values(comments=_D.c.comments + 1))


def remove(tx: Write, discussion_id: int) -> None:
    """Delete a discussion with everything in it; its number stays used."""
    tx.sql.execute(sa.delete(_E).where(_E.c.discussion_id == discussion_id))
    tx.sql.execute(sa.delete(_D).where(_D.c.id == discussion_id))


def has_open_pull(tx: Read, repo_id: int, author_id: int) -> bool:
    """Whether somebody has a pull request in a repository that is neither closed nor merged."""
    here = (_D.c.repo_id == repo_id) & (_D.c.author_id == author_id) & _D.c.is_pull.is_(True)
    return tx.sql.execute(sa.select(_D.c.id).where(here & _D.c.status.in_(ALIVE)).limit(1)).first() is not None


def add_event(tx: Write, event: EventRow) -> EventRow:
    """Append an event (its ``id`` is ignored) and return it with its id."""
    values = attrs.asdict(event, filter=attrs.filters.exclude("id"))
    key = tx.sql.execute(sa.insert(_E).values(values)).inserted_primary_key
    assert key is not None
    return attrs.evolve(event, id=key[0])


def events_of(tx: Read, discussion_id: int) -> list[EventRow]:
    """What happened in a discussion, oldest first."""
    return [EventRow(*row) for row in tx.sql.execute(_EVENTS, {"talk": discussion_id})]


def count_events(tx: Read, discussion_id: int) -> int:
    """How many events a discussion has."""
    return tx.sql.execute(_COUNT_EVENTS, {"talk": discussion_id}).scalar_one()


def find_event(tx: Read, discussion_id: int, uid: str) -> EventRow | None:
    """One event of a discussion."""
    row = tx.sql.execute(_FIND_EVENT, {"talk": discussion_id, "called": uid}).first()
    return EventRow(*row) if row else None


def set_data(tx: Write, event_id: int, data: Mapping[str, Any]) -> None:
    """Replace what an event says."""
    tx.sql.execute(sa.update(_E).where(_E.c.id == event_id).values(data=data))


def people(tx: Read, ids: Iterable[int]) -> dict[int, AuthorRow]:
    """The accounts with these row ids, those that are gone left out."""
    return {person.id: person for person in _people(tx, _NS.c.id, list(set(ids)))}


def people_by_uid(tx: Read, uids: Iterable[str]) -> dict[str, AuthorRow]:
    """The accounts with these permanent ids, those that are gone left out."""
    return {person.uid: person for person in _people(tx, _NS.c.uid, list(set(uids)))}


def _people(tx: Read, column: sa.Column[Any], keys: Sequence[int | str]) -> Iterable[AuthorRow]:
    for at in range(0, len(keys), 500):
        for row in tx.sql.execute(sa.select(*_PERSON).where(column.in_(keys[at : at + 500]))):
            yield AuthorRow(*row)


def _matching(repo_id: int, wanted: DiscussionFilter) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = _D.c.repo_id == repo_id
    if wanted.is_pull is not None:
        found &= _D.c.is_pull.is_(wanted.is_pull)
    if wanted.states is not None:
        found &= _D.c.status.in_(wanted.states)
    if wanted.author_id is not None:
        found &= _D.c.author_id == wanted.author_id
    return found
