"""Likes of repositories: add, remove, list. Likes of private repositories are not shown on profiles."""

from __future__ import annotations

from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import likes, trends
from entrepot.catalog.community.likes import Like as Like
from entrepot.errors import AccountNotFound
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.pages import Page
from entrepot.names import RepoRef


def like(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Like a repository; does nothing if the caller likes it already.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    with hub.write(access.lock(hub, caller, ref, access.personal)) as tx:
        row, known = access.personal(tx, caller, ref)
        likes.add(tx, row.id, known.account.id, hub.now_ms())
        trends.refresh(tx, [row.id], hub.now_ms())


def unlike(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Remove the caller's like; does nothing if there is none.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    with hub.write(access.lock(hub, caller, ref, access.personal)) as tx:
        row, known = access.personal(tx, caller, ref)
        likes.remove(tx, row.id, known.account.id)
        trends.refresh(tx, [row.id], hub.now_ms())


def likers(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, *, after: tuple[float, int] | None = None, limit: int = 100
) -> Page[Account]:
    """Return the users who like a repository.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        found = likes.likers(tx, access.visible(tx, caller, ref).id, after=after, limit=limit + 1)
        page = found[:limit]
        people = accounts.by_ids(tx, [user_id for _, user_id in page])
    return Page([people[user_id] for _, user_id in page], page[-1] if len(found) > limit else None)


def liked_by(
    hub: HubContext, _caller: MaybeCaller, user: str, *, after: tuple[float, int] | None = None, limit: int = 100
) -> Page[Like]:
    """Return the public repositories that a user likes; private ones are not shown, even to the user.

    Raises:
        AccountNotFound: the user does not exist.

    Source: docs/protocols/hf_api.md, section 1B.2.
    """
    with hub.read() as tx:
        found = accounts.find(tx, user)
        if found is None or not found.is_user:
            raise AccountNotFound(user, "user")
        page = likes.public_of(tx, found.id, after=after, limit=limit + 1)
    is_more = len(page) > limit
    shown = page[:limit]
    return Page(shown, (shown[-1].liked_ms, shown[-1].repo_id) if is_more else None)
