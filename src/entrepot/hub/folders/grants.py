"""Use cases on grants: share a folder with a user, the members of an organisation, or everyone.

Repositories that follow their folder become public or private in the
transaction that changes the grant to everyone. Source: docs/folders.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.community import notifications as notification_rows
from entrepot.catalog.repos import folders, grants
from entrepot.catalog.repos import repositories as repos
from entrepot.catalog.repos.folders import EVERYONE, FolderRow
from entrepot.catalog.repos.grants import GrantRow as GrantRow
from entrepot.catalog.search import full_text
from entrepot.errors import AccountNotFound, GrantNotFound, InvalidName, LimitExceeded, Malformed, Refused
from entrepot.hub import audit, events, folder_access, notifications
from entrepot.hub.callers import Caller, MaybeCaller, Role
from entrepot.hub.context import HubContext
from entrepot.hub.folders import folder_homes
from entrepot.hub.folders.folders import FolderId
from entrepot.hub.pages import Page

MAX_GRANTS = 1_000
"""Maximum number of grants of one folder."""

_ROLES = [role.name.lower() for role in Role]


@attrs.frozen
class Subject:
    """Who a grant is for: exactly one of a user's name, an organisation's name, and everyone."""

    user: str | None = None
    org: str | None = None
    is_public: bool = False


def list_grants(
    hub: HubContext, caller: MaybeCaller, wanted: FolderId, *, after: int = -1, limit: int = MAX_GRANTS
) -> Page[GrantRow]:
    """Return the grants of a folder, that to everyone first.

    Args:
        after: the subject of the last grant of the previous page.

    Raises:
        LoginRequired, NotAllowed, RepoMoved, ThingNotFound: as :func:`entrepot.hub.folder_access.owned`.
    """
    with hub.read() as tx:
        folder, _ = folder_access.owned(tx, caller, wanted.type, wanted.owner, wanted.name)
        found = grants.list_of(tx, folder.id, after=after, limit=limit + 1)
    page = found[:limit]
    return Page(page, (0, page[-1].subject_id) if len(found) > limit else None)


def grant(hub: HubContext, caller: MaybeCaller, wanted: FolderId, subject: Subject, role: str) -> GrantRow:
    """Grant a role in a folder, replacing an earlier grant to the same subject, and notify those who get it.

    Args:
        role: ``view``, or ``edit``, which includes it.

    Raises:
        LoginRequired, NotAllowed, RepoMoved, ThingNotFound: as :func:`entrepot.hub.folder_access.owned`.
        InvalidName, Malformed: the role is unknown, or the subject is not exactly one.
        AccountNotFound: the user or organisation does not exist.
        Refused: it owns the folder, and needs no grant.
        LimitExceeded: the folder has too many grants.
    """
    if role not in grants.ROLES:
        raise InvalidName("role", role, "expected view or edit")
    _check(subject)
    with _changing(hub, caller, wanted) as (tx, folder, granter):
        subject_id = _subject_id(tx, subject)
        if subject_id in (folder.owner_id, granter.account.id):
            raise Refused(f"{_named(subject)} needs no grant: the folder {folder.namespace} is theirs")
        before = grants.find(tx, folder.id, subject_id)
        if before is None and grants.count(tx, folder.id) >= MAX_GRANTS:
            raise LimitExceeded("the number of grants of a folder", MAX_GRANTS, "share it with an organisation")
        grants.put(tx, folder.id, subject_id, role, granter.account.id, hub.now_ms())
        audit.record(hub, tx, granter, "folder.grant", folder_homes.subject(folder), _details(subject) | {"role": role})
        if before is None or before.role != role:
            _notify(hub, tx, granter, folder, subject_id, role)
        _follow(hub, tx, folder)
        made = grants.find(tx, folder.id, subject_id)
        assert made is not None
        return made


def revoke(hub: HubContext, caller: MaybeCaller, wanted: FolderId, subject: Subject) -> None:
    """Revoke a grant.

    Raises:
        LoginRequired, NotAllowed, RepoMoved: as :func:`entrepot.hub.folder_access.owned`.
        ThingNotFound: the folder does not exist.
        GrantNotFound: it has no such grant.
        Malformed: the subject is not exactly one.
        AccountNotFound: the user or organisation does not exist.
    """
    _check(subject)
    with _changing(hub, caller, wanted) as (tx, folder, granter):
        subject_id = _subject_id(tx, subject)
        if not grants.remove(tx, folder.id, subject_id):
            raise GrantNotFound(folder.namespace, _named(subject))
        for user_id in _people(tx, subject_id):
            notification_rows.remove_topic(tx, user_id, notifications.grant_topic(folder.uid, subject_id))
        audit.record(hub, tx, granter, "folder.revoke", folder_homes.subject(folder), _details(subject))
        _follow(hub, tx, folder)


@contextmanager
def _changing(hub: HubContext, caller: MaybeCaller, wanted: FolderId) -> Iterator[tuple[Write, FolderRow, Caller]]:
    """Open the transaction that changes grants, and check the right to do so in it."""
    with hub.read() as tx:
        before, _ = folder_access.owned(tx, caller, wanted.type, wanted.owner, wanted.name)
    with hub.write(Lock.namespace(before.owner_id), Lock.namespace(before.namespace_id), Lock.audit(), by=caller) as tx:
        folder, granter = folder_access.owned(tx, caller, wanted.type, wanted.owner, wanted.name)
        yield tx, folder, granter
    hub.job_added.set()


def _notify(hub: HubContext, tx: Write, granter: Caller, folder: FolderRow, subject_id: int, role: str) -> None:
    """Notify the user, or the members of the organisation, of what a grant gives them."""
    people = _people(tx, subject_id)
    org_id = None if subject_id in people or subject_id == EVERYONE else subject_id
    kind, topic = notifications.FOLDER_GRANT, notifications.grant_topic(folder.uid, subject_id)
    data = {"folder": folder.uid, "role": role}
    notifications.notify(hub, tx, people, kind, topic, actor=granter.account, org_id=org_id, data=data)


def _people(tx: Read, subject_id: int) -> list[int]:
    """Return the row ids of the users who are notified of a grant to an account: none of one to everyone."""
    found = accounts.by_ids(tx, [subject_id]).get(subject_id)
    if found is None:
        return []
    if found.is_user:
        return [found.id]
    return accounts.members_with(tx, found.id, _ROLES, limit=notifications.MAX_SHARED_WITH)


def _follow(hub: HubContext, tx: Write, before: FolderRow) -> None:
    """Give the repositories that follow a folder its visibility, if that has changed."""
    after = folders.by_uids(tx, [before.uid])[0]
    if after.is_public == before.is_public:
        return
    folders.set_visibility(tx, after, folder_homes.outcome_of(after))
    full_text.follow_all(tx, after.namespace_id, after.type)
    if events.has_listeners(tx):
        for row in repos.page_of(tx, after.namespace_id, after.type, None):
            if row.follows:
                updated = {"private": row.is_private, "gated": row.gated != "no" and row.gated}
                events.emit(hub, tx, row, "repo.config", "update", {"updatedConfig": updated})


def _check(subject: Subject) -> None:
    if (subject.user is not None) + (subject.org is not None) + subject.is_public != 1:
        raise Malformed("grant", "expected exactly one of user, org and public")


def _subject_id(tx: Read, subject: Subject) -> int:
    if subject.is_public:
        return EVERYONE
    name, kind = (subject.user, "user") if subject.user is not None else (subject.org or "", "organisation")
    found = accounts.find(tx, name)
    if found is None or not (found.is_user if kind == "user" else found.is_org):
        raise AccountNotFound(name, kind)
    return found.id


def _named(subject: Subject) -> str:
    return "everyone" if subject.is_public else subject.user or subject.org or ""


def _details(subject: Subject) -> dict[str, audit.Detail]:
    given: Sequence[tuple[str, str | bool | None]] = [
        ("user", subject.user),
        ("org", subject.org),
        ("public", subject.is_public or None),
    ]
    return {name: value for name, value in given if value is not None}
