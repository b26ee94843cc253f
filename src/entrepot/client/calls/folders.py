"""Calls about folders of repositories. Source: docs/staged-changes.md and ``wire/repos/folders.py``."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.client.calls import (
    JSON,
    Call,
    ResultPage,
    json_as,
    json_body,
    nothing,
    page_of,
    pairs,
    segment,
    sparse_body,
)
from entrepot.names import RepoType
from entrepot.wire.repos.folders import FolderEdits, FolderInfo, FolderRepo, NewFolder

_FOLDER = json_as(FolderInfo)
_FOLDERS = page_of(json_as(list[FolderInfo]))
_REPOS = page_of(json_as(list[FolderRepo]))


def page(kind: RepoType, *, scope: str | None = None, owner: str | None = None) -> Call[ResultPage[FolderInfo]]:
    """Build the call that lists folders.

    Args:
        scope: ``own`` (also None), ``shared`` or ``public``.
        owner: the account whose visible folders are listed, whatever the scope.
    """
    query = pairs(type=kind.value, scope=scope, owner=owner)
    return Call("GET", "/api/folders", _FOLDERS, query=query, subject=f"{kind.value} folders of {owner or 'yours'}")


def create(
    kind: RepoType, name: str, *, owner: str | None = None, labels: Sequence[str] = (), description: str = ""
) -> Call[FolderInfo]:
    """Build the call that creates a folder; ``owner`` None is the caller."""
    wanted = NewFolder(type=kind.value, name=name, owner=owner, labels=labels, description=description)
    return Call("POST", "/api/folders", _FOLDER, body=sparse_body(wanted), media_type=JSON, subject=f"folder {name}")


def get(kind: RepoType, owner: str, name: str) -> Call[FolderInfo]:
    """Build the call that returns one folder; the name ``~`` means the repositories directly under the account."""
    return Call("GET", path_of(kind, owner, name), _FOLDER, subject=subject_of(owner, name))


def change(
    kind: RepoType,
    owner: str,
    name: str,
    *,
    new_name: str | None = None,
    labels: Sequence[str] | None = None,
    description: str | None = None,
) -> Call[FolderInfo]:
    """Build the call that changes a folder; None keeps a property, an empty list or text clears it."""
    body = json_body(FolderEdits(name=new_name, labels=labels, description=description))
    path = path_of(kind, owner, name)
    return Call("PUT", path, _FOLDER, body=body, media_type=JSON, subject=subject_of(owner, name), is_repeatable=False)


def delete(kind: RepoType, owner: str, name: str) -> Call[None]:
    """Build the call that deletes a folder with every repository in it."""
    return Call("DELETE", path_of(kind, owner, name), nothing, subject=subject_of(owner, name))


def repos(kind: RepoType, owner: str, name: str) -> Call[ResultPage[FolderRepo]]:
    """Build the call that lists the repositories of a folder."""
    return Call("GET", f"{path_of(kind, owner, name)}/repos", _REPOS, subject=subject_of(owner, name))


def path_of(kind: RepoType, owner: str, name: str) -> str:
    """Return the API path of a folder."""
    return f"/api/folders/{kind.value}/{segment(owner)}/{segment(name)}"


def subject_of(owner: str, name: str) -> str:
    """Return the name of a folder in messages."""
    return f"folder {owner}.{name}"
