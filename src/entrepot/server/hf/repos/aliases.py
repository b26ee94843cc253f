"""Aliases of repositories, for administrators of the hub: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub import aliases
from entrepot.hub.aliases import AliasRow
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.server.handlers import call_hub, json_response, query_int, read_json
from entrepot.server.hf.pages import link_to_name, name_after
from entrepot.server.hf.type_routes import type_of
from entrepot.server.raw_path import decode_segment
from entrepot.wire.repos.aliases import AliasFacts, AliasTarget

_ONE = "/api/admin/aliases/{type}/{name}"


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/admin/aliases", list_aliases),
        Route("/api/admin/aliases/{type}", list_aliases),
        Route(_ONE, show_alias, methods=["GET"]),
        Route(_ONE, put_alias, methods=["PUT"]),
        Route(_ONE, remove_alias, methods=["DELETE"]),
    ]


async def list_aliases(request: Request) -> Response:
    """Serve a page of the aliases of a type, or of all, by type and name."""
    kind = type_of(request) if "type" in request.path_params else None
    limit = query_int(request, "limit", aliases.PAGE, low=1, high=aliases.PAGE)
    after_kind, _, after_name = name_after(request).partition("/")

    def search(hub: HubContext, caller: MaybeCaller) -> list[AliasFacts]:
        aliases.require_admin(caller)
        return [render(row) for row in aliases.search(hub, kind, after=(after_kind, after_name), limit=limit)]

    found = await call_hub(request, search)
    last = f"{found[-1].type}/{found[-1].name}" if len(found) == limit else None
    return json_response(found, headers=link_to_name(request, last))


async def show_alias(request: Request) -> Response:
    """Serve one alias."""
    kind, name = _named(request)

    def show(hub: HubContext, caller: MaybeCaller) -> AliasFacts:
        aliases.require_admin(caller)
        return render(aliases.get(hub, kind, name))

    return json_response(await call_hub(request, show))


async def put_alias(request: Request) -> Response:
    """Handle ``PUT`` of ``{"repo": "namespace/name"}``: make the name resolve to the repository."""
    await call_hub(request, _admin)  # before the body is read
    kind, name = _named(request)
    target = await read_json(request, AliasTarget)

    def put(hub: HubContext, caller: MaybeCaller) -> AliasFacts:
        admin = aliases.require_admin(caller)
        return render(aliases.put(hub, name, RepoRef(kind, parse_repo_id(target.repo)), by=admin))

    return json_response(await call_hub(request, put))


async def remove_alias(request: Request) -> Response:
    """Delete an alias."""
    kind, name = _named(request)

    def remove(hub: HubContext, caller: MaybeCaller) -> None:
        aliases.remove(hub, kind, name, by=aliases.require_admin(caller))

    await call_hub(request, remove)
    return Response(status_code=204)


def render(row: AliasRow) -> AliasFacts:
    """Return the JSON value of an alias."""
    return AliasFacts(name=row.name, type=row.repo.type.value, repo=str(row.repo.ref.id))


def _admin(_hub: HubContext, caller: MaybeCaller) -> None:
    aliases.require_admin(caller)


def _named(request: Request) -> tuple[RepoType, str]:
    return type_of(request), decode_segment(request.path_params["name"])
