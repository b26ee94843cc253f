"""Calls about the grants of folders. Source: ``wire/repos/folders.py``."""

from __future__ import annotations

from entrepot.client.calls import JSON, Call, ResultPage, json_as, json_body, nothing, page_of
from entrepot.client.calls.folders import path_of, subject_of
from entrepot.names import RepoType
from entrepot.wire.repos.folders import GrantInfo, GrantSubject, NewGrant

_GRANT = json_as(GrantInfo)
_GRANTS = page_of(json_as(list[GrantInfo]))


def page(kind: RepoType, owner: str, name: str) -> Call[ResultPage[GrantInfo]]:
    """Build the call that lists the grants of a folder."""
    return Call("GET", f"{path_of(kind, owner, name)}/grants", _GRANTS, subject=subject_of(owner, name))


def put(kind: RepoType, owner: str, name: str, subject: GrantSubject, role: str) -> Call[GrantInfo]:
    """Build the call that grants a folder; it replaces an earlier grant of the same subject."""
    wanted = NewGrant(user=subject.user, org=subject.org, public=subject.public, role=role)
    return Call(
        "POST",
        f"{path_of(kind, owner, name)}/grants",
        _GRANT,
        body=json_body(wanted),
        media_type=JSON,
        subject=subject_of(owner, name),
        is_repeatable=True,
    )


def delete(kind: RepoType, owner: str, name: str, subject: GrantSubject) -> Call[None]:
    """Build the call that revokes a grant of a folder."""
    path = f"{path_of(kind, owner, name)}/grants"
    return Call("DELETE", path, nothing, body=json_body(subject), media_type=JSON, subject=subject_of(owner, name))
