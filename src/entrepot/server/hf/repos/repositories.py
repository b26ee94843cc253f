"""Repositories: create, configure, move, copy and delete them; check whether a caller may read or write one.

Source: docs/protocols/hf_api.md, section 1A.2; docs/staged-changes.md, sections 1 and 2.
"""

from __future__ import annotations

import base64

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller, require_login
from entrepot.hub.context import HubContext
from entrepot.hub.repos import repo_rights, repositories
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoRef, RepoType, parse_repo_id, parse_repo_type
from entrepot.server.handlers import base_url, call_hub, json_response, lookup_id, read_json
from entrepot.server.hf.conflicts import absolute_url
from entrepot.server.hf.repo_routes import repo_routes
from entrepot.server.hf.repos.repo_json import render_gate
from entrepot.wire.repos.repositories import (
    Duplication,
    Gate,
    MadeRepo,
    NamedRepo,
    NewFile,
    RepoCreation,
    RepoMove,
    RepoSettings,
    RepoUrl,
)

_OPTIONS = {
    "protected_branches": "protectedBranches",
    "immutable_tags": "immutableTags",
    "mutability": "mutability",
    "discussions_disabled": "discussionsDisabled",
    "discussions_sorting": "discussionsSorting",
    "gated_notifications_email": "gatedNotificationsEmail",
    "gated_notifications_mode": "gatedNotificationsMode",
}
"""Settings stored unchanged: their name in a body, and the name under which they are stored and sent."""


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/repos/create", create, methods=["POST"]),
        Route("/api/repos/delete", delete, methods=["DELETE"]),
        Route("/api/repos/move", move, methods=["POST"]),
        *repo_routes("PUT", "settings", configure),
        *repo_routes("POST", "duplicate", duplicate),
        *repo_routes("GET", "auth-check", check_read),
        *repo_routes("GET", "auth-check/write", check_write),
    ]


async def create(request: Request) -> Response:
    """Create a repository; 409 with the ``url`` of the existing one if the name is taken."""
    body = await read_json(request, RepoCreation)
    new = NewRepo(
        type=parse_repo_type(body.type),
        name=body.name,
        namespace=body.organization,
        # Old clients send "private": false if the user did not choose; the namespace's default applies then.
        visibility=body.visibility or ("private" if body.private else None),
        sdk=body.sdk,
        license=body.license,
        files={file.path: _content(file) for file in body.files or ()},
        multipart_threshold=body.lfsmultipartthresh,
        is_empty=bool(body.empty),
        labels=body.labels or (),
        description=body.description or "",
    )
    with absolute_url(request):
        row = await call_hub(request, repositories.create, new)
    return json_response(MadeRepo(f"{base_url(request)}/{row.ref.path}", str(row.ref.id), row.uid))


async def delete(request: Request) -> Response:
    """Delete the repository named in the body."""
    await call_hub(request, _delete, await read_json(request, NamedRepo))
    return PlainTextResponse("OK")


async def move(request: Request) -> Response:
    """Move a repository or bucket to another id; 409 if it is taken."""
    body = await read_json(request, RepoMove)
    # The only route that buckets share with repositories.
    kind = RepoType.BUCKET if body.type == RepoType.BUCKET.value else parse_repo_type(body.type)
    source, target = RepoRef(kind, lookup_id(body.from_repo)), RepoRef(kind, parse_repo_id(body.to_repo))
    row = await call_hub(request, repositories.move, source, target)
    return json_response(RepoUrl(f"{base_url(request)}/{row.ref.path}"))


async def configure(request: Request, ref: RepoRef) -> Response:
    """Change settings; the response has the same keys."""
    body = await read_json(request, RepoSettings)
    options = {stored: getattr(body, name) for name, stored in _OPTIONS.items() if getattr(body, name) is not None}
    visibility, gate = _visibility(body.visibility, body.private), _gate(body.gated)
    changes = RepoChanges(visibility, gate, options, body.labels, body.description, body.archived)
    row = await call_hub(request, repositories.configure, ref, changes)
    changed = RepoSettings(
        private=None if body.private is None else row.is_private,
        visibility=None if body.visibility is None else row.visibility,
        gated=None if body.gated is None else render_gate(row.gated),
        labels=None if body.labels is None else list(row.labels),
        description=None if body.description is None else row.description,
        archived=None if body.archived is None else row.is_archived,
        **{name: row.settings[stored] for name, stored in _OPTIONS.items() if stored in options},
    )
    return json_response(changed)


async def duplicate(request: Request, ref: RepoRef) -> Response:
    """Copy a repository; 409 with the ``url`` of the existing one if the name is taken."""
    body = await read_json(request, Duplication)
    target, visibility = parse_repo_id(body.repository), _visibility(body.visibility, body.private)
    with absolute_url(request):
        row = await call_hub(request, repositories.duplicate, ref, target, visibility)
    return json_response(MadeRepo(f"{base_url(request)}/{row.ref.path}", str(row.ref.id), row.uid))


async def check_read(request: Request, ref: RepoRef) -> Response:
    """Serve ``{}`` if the caller may read the content of a repository, else an error with the reason."""
    await call_hub(request, repo_rights.check_read, ref)
    return json_response({})


async def check_write(request: Request, ref: RepoRef) -> Response:
    """Serve ``{}`` if the caller may change a repository, else an error with the reason."""
    await call_hub(request, repo_rights.check_write, ref)
    return json_response({})


def _delete(hub: HubContext, caller: MaybeCaller, wanted: NamedRepo) -> None:
    namespace = wanted.organization or require_login(caller).account.name
    repositories.delete(hub, caller, RepoRef(parse_repo_type(wanted.type), lookup_id(f"{namespace}/{wanted.name}")))


def _content(file: NewFile) -> bytes:
    try:
        return base64.b64decode(file.content, validate=True) if file.encoding == "base64" else file.content.encode()
    except ValueError:
        raise Malformed(f"file {file.path!r}", "its content is not base64") from None


def _visibility(word: str | None, private: bool | None) -> str | None:
    if word is not None or private is None:
        return word
    return "private" if private else "public"


def _gate(value: Gate | None) -> str | None:
    if value is None or value in ("auto", "manual"):
        return value or None
    if value is False:
        return "no"
    raise Malformed("setting 'gated'", 'expected false, "auto" or "manual"')
