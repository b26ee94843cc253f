"""Folders of repositories and their grants in JSON.

========  ============================================  =====================  =========================
method    route                                         body                   response
========  ============================================  =====================  =========================
GET       ``/api/folders?type=&scope=&owner=``          (none)                 list of :class:`FolderInfo`
POST      ``/api/folders``                              :class:`NewFolder`     :class:`FolderInfo`
GET       ``/api/folders/{type}/{owner}/{name}``        (none)                 :class:`FolderInfo`
PUT       ``/api/folders/{type}/{owner}/{name}``        :class:`FolderEdits`   :class:`FolderInfo`
DELETE    ``/api/folders/{type}/{owner}/{name}``        (none)                 ``{}``
GET       ``/api/folders/{type}/{owner}/{name}/repos``  (none)                 list of :class:`FolderRepo`
GET       ``/api/folders/{type}/{owner}/{name}/grants`` (none)                 list of :class:`GrantInfo`
POST      ``/api/folders/{type}/{owner}/{name}/grants`` :class:`NewGrant`      :class:`GrantInfo`
DELETE    ``/api/folders/{type}/{owner}/{name}/grants`` :class:`GrantSubject`  ``{}``
========  ============================================  =====================  =========================

``type`` is ``model`` or ``dataset``, in singular or plural. Lists are sorted by
name and paged (``limit`` of at most 1,000, which is also the default; the
``Link`` header leads to the next page). ``scope`` is ``own`` (the default;
folders of the caller), ``shared`` (folders of others that are granted to the
caller or to an organisation of the caller) or ``public``. With ``owner``, the
list has the folders of this account that the caller may see, whatever the
scope; if there is none, and the caller is neither the owner nor a member, the
response is 404, as for an account that does not exist.

The name ``~`` means the repositories directly under the account: it answers
only to ``GET`` (404 if the caller sees none of them) and ``GET …/repos``.

Errors: 404 for a folder that is absent or not visible to the caller, 401 if the
caller is anonymous and has to log in, 403 for a missing right, 409 if the name
is taken or a grant is refused, 400 for a malformed value, 413 above a limit. A
renamed folder answers under its old name with 307.

Source: docs/folders.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class NewFolder(msgspec.Struct, kw_only=True):
    """Body of ``POST /api/folders``; without ``owner`` the folder is the caller's."""

    type: str
    name: str
    owner: str | None = None
    labels: Sequence[str] = ()
    description: str = ""


class FolderEdits(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Body of ``PUT``; absent and null fields are unchanged, an empty list or text clears."""

    name: str | None = None
    labels: Sequence[str] | None = None
    description: str | None = None


class FolderInfo(msgspec.Struct, kw_only=True, rename="camel"):
    """A folder as the caller sees it.

    ``id``: the permanent id, of 24 hex digits; a rename keeps it. ``type``:
    ``model`` or ``dataset``. ``name``: the name below the owner; the ids of its
    repositories begin with ``owner.name/``. ``permission``: the caller's, ``own``,
    ``edit`` or ``view``. ``editor``: the account that changed the folder last; null
    if it no longer exists. ``public``: it is granted to everyone.
    Times end in ``Z``.
    """

    id: str
    type: str
    owner: str
    name: str
    labels: Sequence[str]
    description: str
    permission: str
    editor: str | None
    created_at: str
    last_modified: str
    public: bool


class FolderRepo(msgspec.Struct, kw_only=True, rename="camel"):
    """A repository of a folder as the caller sees it.

    ``id``: the permanent id, the ``_id`` of other responses. ``name``: without
    the namespace. ``permission``: the caller's on this repository. ``editor``:
    the account that created it; null if it no longer exists.
    """

    id: str
    type: str
    name: str
    labels: Sequence[str]
    description: str
    permission: str
    editor: str | None
    created_at: str
    last_modified: str
    private: bool


class GrantSubject(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Body of ``DELETE …/grants``: exactly one of a user, an organisation (all its members) and everyone."""

    user: str | None = None
    org: str | None = None
    public: bool = False


class NewGrant(GrantSubject, kw_only=True):
    """Body of ``POST …/grants``; a grant replaces an earlier one of the same subject. ``edit`` includes ``view``."""

    role: str = "view"


class GrantInfo(GrantSubject, kw_only=True, rename="camel"):
    """A grant of a folder; ``role`` is ``view`` or ``edit``, ``granter`` is null if that account no longer exists.

    Only the key of the subject is present: ``user``, ``org`` or ``public`` (true).
    """

    role: str
    granter: str | None
    granted_at: str
