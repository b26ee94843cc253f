"""Disabled and protected repositories, for administrators of the hub: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.repos import restrictions
from entrepot.names import ALL_TYPES, RepoRef, parse_repo_id
from entrepot.server.handlers import call_hub, json_response, read_json
from entrepot.server.hf.type_routes import type_of
from entrepot.server.raw_path import decode_segment
from entrepot.wire.repos.restrictions import DisableReason, ProtectionChanges

_REPO = "/api/admin/repos/{type}/{namespace}/{name}"


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route(f"{_REPO}/disable", disable, methods=["POST"]),
        Route(f"{_REPO}/enable", enable, methods=["POST"]),
        Route(f"{_REPO}/protections", show_protections),
        Route(f"{_REPO}/protections", change_protections, methods=["PATCH"]),
    ]


async def disable(request: Request) -> Response:
    """Restrict a repository to administrators of the hub."""
    body = await read_json(request, DisableReason)
    return json_response(await call_hub(request, restrictions.disable, any_ref(request), body.reason))


async def enable(request: Request) -> Response:
    """Open a disabled repository again."""
    return json_response(await call_hub(request, restrictions.enable, any_ref(request)))


async def show_protections(request: Request) -> Response:
    """Serve the protected branches of a repository, and whether its tags are immutable."""
    return json_response(await call_hub(request, restrictions.show_protections, _ref(request)))


async def change_protections(request: Request) -> Response:
    """Change what is protected in a repository."""
    body = await read_json(request, ProtectionChanges)
    return json_response(await call_hub(request, restrictions.change_protections, _ref(request), body))


def any_ref(request: Request) -> RepoRef:
    """Return the repository, of any type, that the path of a route of administration names.

    Raises:
        InvalidName: it names no type, or the name cannot be that of a repository.
    """
    namespace, name = (decode_segment(request.path_params[key]) for key in ("namespace", "name"))
    return RepoRef(type_of(request, ALL_TYPES), parse_repo_id(f"{namespace}/{name}"))


def _ref(request: Request) -> RepoRef:
    namespace, name = (decode_segment(request.path_params[key]) for key in ("namespace", "name"))
    return RepoRef(type_of(request), parse_repo_id(f"{namespace}/{name}"))
