"""Sharing of folders: grants to users, organisations and everyone."""

from __future__ import annotations

from entrepot.ah.errors import AssetHubError, NotFound, missing, translated
from entrepot.ah.folders import need_folder
from entrepot.ah.paths import ResourcePath, check_folder
from entrepot.ah.properties import Row
from entrepot.ah.sessions import LOG, HubSession
from entrepot.client.calls import grants
from entrepot.errors import AccountNotFound, Conflict, GrantNotFound, InvalidArgument
from entrepot.errors import NotFound as AbsentInHub
from entrepot.wire.repos.folders import GrantInfo, GrantSubject

PERMISSIONS = ("view", "edit")
"""What can be granted; ``edit`` includes ``view``."""


def share_folder(
    session: HubSession,
    path: ResourcePath,
    user: str | None = None,
    group: str | None = None,
    public: bool = False,
    permission: str = "view",
) -> None:
    """Grant a folder to a user, to all members of an organisation, or to everyone; it replaces an earlier grant.

    Raises:
        InvalidArgument: not exactly one subject, or another permission than ``view`` and ``edit``.
        NotFound, Denied: the folder is invisible, or the caller does not own it.
        AssetHubError: the subject is unknown, or the owner.
    """
    _check(path)
    if permission not in PERMISSIONS:
        raise InvalidArgument(f"permission is 'view' or 'edit', not {permission!r}")
    subject = _subject(user, group, public=public)
    assert path.folder is not None
    with translated(path, what="folder"):
        try:
            session.hub.send(grants.put(path.type, path.owner, path.folder, subject, permission))
        except AbsentInHub as error:
            raise _absent(error, path, subject) from error
        except Conflict as error:
            raise AssetHubError(f"{getattr(error, 'server_message', error)}: '{path}'") from error
    LOG.info("Folder %s shared with %s (%s)", path, _name(subject), permission)


def unshare_folder(
    session: HubSession, path: ResourcePath, user: str | None = None, group: str | None = None, public: bool = False
) -> None:
    """Revoke the grant of a user, an organisation or everyone.

    Raises:
        InvalidArgument: not exactly one subject.
        NotFound, Denied: the folder or the grant is absent, or the caller does not own the folder.
    """
    _check(path)
    subject = _subject(user, group, public=public)
    assert path.folder is not None
    with translated(path, what="folder"):
        try:
            session.hub.send(grants.delete(path.type, path.owner, path.folder, subject))
        except AbsentInHub as error:
            raise _absent(error, path, subject) from error
    LOG.info("Folder %s no longer shared with %s", path, _name(subject))


def grant_rows(session: HubSession, path: ResourcePath) -> list[Row]:
    """Return the grants of a folder.

    Raises:
        NotFound, Denied: the folder is invisible, or the caller does not own it.
    """
    _check(path)
    assert path.folder is not None
    with translated(path, what="folder"):
        return [_row(item) for item in session.hub.pages(grants.page(path.type, path.owner, path.folder))]


def _check(path: ResourcePath) -> None:
    need_folder(path)
    if path.asset is not None:
        raise AssetHubError(f"Only a folder can be shared, with everything in it: '{path}'")
    check_folder(path)


def _subject(user: str | None, group: str | None, *, public: bool) -> GrantSubject:
    for name, value in (("user", user), ("group", group)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is a name, not {type(value).__name__}")
    if sum((user is not None, group is not None, bool(public))) != 1:
        raise InvalidArgument("name exactly one of user, group and public")
    return GrantSubject(user=user, org=group, public=bool(public))


def _absent(error: AbsentInHub, path: ResourcePath, subject: GrantSubject) -> NotFound:
    """Return the error for what is absent: the account, the grant, or the folder."""
    if isinstance(error, GrantNotFound):
        return missing("grant", f"{path} to {_name(subject)}")
    if isinstance(error, AccountNotFound):
        return missing("group" if subject.org else "user", subject.org or subject.user)
    return missing("folder", path)


def _name(subject: GrantSubject) -> str:
    return f"user {subject.user}" if subject.user else f"group {subject.org}" if subject.org else "everyone"


def _row(item: GrantInfo) -> Row:
    subject = {"user": item.user} if item.user else {"group": item.org} if item.org else {}
    return {
        **subject,
        "public": item.public,
        "permission": item.role,
        "granted": item.granted_at,
        "granter": item.granter,
    }
