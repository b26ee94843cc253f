"""Folders and their grants: routes specific to this hub.

Source: docs/folders.md; ``entrepot.wire.repos.folders`` describes the bodies.
"""

from __future__ import annotations

import base64

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub import folder_access
from entrepot.hub.folders import folder_lists, folders, grants
from entrepot.hub.folders.folder_lists import LOOSE, FolderQuery, KnownRepo
from entrepot.hub.folders.folders import FolderChanges, FolderDraft, FolderId, KnownFolder
from entrepot.hub.folders.grants import GrantRow, Subject
from entrepot.names import parse_repo_type
from entrepot.server.handlers import call_hub, json_response, next_link, query_int, read_json
from entrepot.server.hf.pages import bad_cursor, parse_name
from entrepot.server.hf.type_routes import type_of
from entrepot.server.raw_path import decode_segment
from entrepot.wire.repos.folders import (
    FolderEdits,
    FolderInfo,
    FolderRepo,
    GrantInfo,
    GrantSubject,
    NewFolder,
    NewGrant,
)
from entrepot.wire.times import format_ms

_ALL = "/api/folders"
_ONE = "/api/folders/{type}/{owner}/{name}"
_PAGE = 1_000


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route(_ALL, list_folders),
        Route(_ALL, create, methods=["POST"]),
        Route(_ONE, show),
        Route(_ONE, change, methods=["PUT"]),
        Route(_ONE, delete, methods=["DELETE"]),
        Route(f"{_ONE}/repos", list_repos),
        Route(f"{_ONE}/grants", list_grants),
        Route(f"{_ONE}/grants", grant, methods=["POST"]),
        Route(f"{_ONE}/grants", revoke, methods=["DELETE"]),
    ]


async def list_folders(request: Request) -> Response:
    """Serve folders of one type: the caller's, those shared with the caller, public ones, or those of an owner."""
    query = request.query_params
    wanted = FolderQuery(parse_repo_type(query.get("type")), query.get("scope") or "own", query.get("owner") or None)
    page = await call_hub(request, folder_lists.list_folders, wanted, after=_after(request), limit=_limit(request))
    return json_response([render_folder(item) for item in page.items], headers=_next(request, page.after))


async def create(request: Request) -> Response:
    """Create a folder; 409 if the owner has one of this type and name."""
    body = await read_json(request, NewFolder)
    new = FolderDraft(parse_repo_type(body.type), body.name, body.owner, body.labels, body.description)
    return json_response(render_folder(await call_hub(request, folders.create, new)))


async def show(request: Request) -> Response:
    """Serve a folder; ``~`` is that of the repositories directly under the account."""
    wanted = _folder(request)
    if wanted.name == LOOSE:
        return json_response(render_folder(await call_hub(request, folder_lists.show_loose, wanted)))
    return json_response(render_folder(await call_hub(request, folders.show, wanted)))


async def change(request: Request) -> Response:
    """Change name, labels or description of a folder."""
    body = await read_json(request, FolderEdits)
    changes = FolderChanges(body.name, body.labels, body.description)
    return json_response(render_folder(await call_hub(request, folders.change, _folder(request), changes)))


async def delete(request: Request) -> Response:
    """Delete a folder with all its repositories."""
    await call_hub(request, folders.delete, _folder(request))
    return json_response({})


async def list_repos(request: Request) -> Response:
    """Serve the repositories of a folder that the caller may see, by name."""
    found = await call_hub(
        request, folder_lists.list_repos, _folder(request), after=_after(request), limit=_limit(request)
    )
    return json_response([render_repo(item) for item in found.items], headers=_next(request, found.after))


async def list_grants(request: Request) -> Response:
    """Serve the grants of a folder."""
    after = _after(request)
    if after and not (after.isdecimal() and len(after) < 19):
        raise bad_cursor()
    number = int(after) if after else -1
    page = await call_hub(request, grants.list_grants, _folder(request), after=number, limit=_limit(request))
    link = _next(request, None if page.after is None else str(page.after[1]))
    return json_response([render_grant(row) for row in page.items], headers=link)


async def grant(request: Request) -> Response:
    """Grant a role in a folder."""
    body = await read_json(request, NewGrant)
    made = await call_hub(request, grants.grant, _folder(request), _subject(body), body.role)
    return json_response(render_grant(made))


async def revoke(request: Request) -> Response:
    """Revoke a grant."""
    body = await read_json(request, GrantSubject)
    await call_hub(request, grants.revoke, _folder(request), _subject(body))
    return json_response({})


def render_folder(folder: KnownFolder) -> FolderInfo:
    """Return a folder as the caller sees it."""
    row = folder.row
    return FolderInfo(
        id=row.uid,
        type=row.type.value,
        owner=row.owner,
        name=row.name,
        labels=row.labels,
        description=row.description,
        permission=folder.permission,
        editor=row.editor,
        created_at=format_ms(row.created_ms),
        last_modified=format_ms(row.updated_ms),
        public=row.is_public,
    )


def render_repo(found: KnownRepo) -> FolderRepo:
    """Return a repository of a folder as the caller sees it."""
    row = found.row
    return FolderRepo(
        id=row.uid,
        type=row.type.value,
        name=row.name,
        labels=row.labels,
        description=row.description,
        permission=found.permission,
        editor=found.editor,
        created_at=format_ms(row.created_ms),
        last_modified=format_ms(row.updated_ms),
        private=row.is_private,
    )


def render_grant(row: GrantRow) -> GrantInfo:
    """Return a grant of a folder."""
    return GrantInfo(
        user=row.subject if row.kind == "user" else None,
        org=row.subject if row.kind == "org" else None,
        public=row.kind == "public",
        role=row.role,
        granter=row.granter,
        granted_at=format_ms(row.granted_ms),
    )


def _folder(request: Request) -> FolderId:
    """Return the folder named in the path; it need not exist."""
    owner, name = (decode_segment(request.path_params[key]) for key in ("owner", "name"))
    return FolderId(type_of(request, folder_access.KINDS), owner, name)


def _subject(body: GrantSubject) -> Subject:
    return Subject(body.user, body.org, body.public)


def _limit(request: Request) -> int:
    return query_int(request, "limit", _PAGE, low=1, high=_PAGE)


def _after(request: Request) -> str:
    """Return the text after which the requested page begins.

    Raises:
        Malformed: the cursor was not created by this module.
    """
    text = request.query_params.get("cursor", "")
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        raise bad_cursor() from None
    return parse_name(found)


def _next(request: Request, after: str | None) -> dict[str, str] | None:
    """Return the header with the link to the page after ``after``; None if there is none."""
    if after is None:
        return None
    cursor = base64.urlsafe_b64encode(after.encode("ascii")).decode().rstrip("=")
    return {"Link": next_link(request, {"cursor": cursor})}
