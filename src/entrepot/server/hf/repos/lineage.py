"""Lineage of repositories: an extension of this hub, see ``docs/lineage.md``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import InvalidName, Malformed
from entrepot.hub.repos import lineage
from entrepot.hub.repos.lineage import LineageGraph, LineageInput, LineageNode
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType, parse_oid, parse_wanted_id
from entrepot.server.handlers import call_hub, json_response, query_int, read_json
from entrepot.server.hf.repo_routes import repo_routes
from entrepot.wire.repos.lineage import (
    AddedLineage,
    LineageLink,
    LineageRepo,
    LineageResponse,
    NewLineage,
    NewLineageInput,
    render_dot,
    render_prov,
)
from entrepot.wire.times import format_ms

_DIRECTIONS = {"up": (True, False), "down": (False, True), "both": (True, True)}
_TYPES = {kind.kind.plural: kind for kind in VERSIONED_TYPES}
_DEPTH = 3


def routes() -> list[BaseRoute]:
    """Return the routes of lineage."""
    return [
        *repo_routes("GET", "lineage", show_lineage),
        *repo_routes("POST", "lineage", add_lineage),
        Route("/api/lineage", show_run, methods=["GET"]),
    ]


async def show_lineage(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET lineage?direction=&depth=&revision=&format=``: the graph around a repository."""
    direction = request.query_params.get("direction", "both")
    if direction not in _DIRECTIONS:
        raise Malformed("parameter 'direction'", "expected up, down or both")
    up, down = _DIRECTIONS[direction]
    revision = request.query_params.get("revision") or None
    depth = query_int(request, "depth", _DEPTH, low=1, high=lineage.MAX_DEPTH)
    return _render(
        request, await call_hub(request, lineage.find, ref, revision=revision, up=up, down=down, depth=depth)
    )


async def show_run(request: Request) -> Response:
    """Serve ``GET /api/lineage?run=``: what a run has read and made."""
    run = request.query_params.get("run", "")
    if not run:
        raise Malformed("parameter 'run'", "it is missing")
    return _render(request, await call_hub(request, lineage.of_run, run[:200]))


async def add_lineage(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST lineage``: record what a commit was made from."""
    body = await read_json(request, NewLineage)
    inputs = [_input_of(item, ref.type) for item in body.inputs]
    added = await call_hub(request, lineage.add, ref, body.revision, inputs, body.run[:200])
    return json_response(AddedLineage(added=added))


def _input_of(item: NewLineageInput, result: RepoType) -> LineageInput:
    """Parse a source.

    Raises:
        Malformed: the source is not the path of a repository, or the commit no id.
    """
    first, _, rest = item.source.partition("/")
    kind, name = (_TYPES[first], rest) if first in _TYPES else (RepoType.MODEL, item.source)
    try:
        oid = parse_oid(item.commit) if item.commit else ""
        parse_wanted_id(name)
    except InvalidName as error:
        raise Malformed("lineage", error.message) from error
    return LineageInput(item.kind or lineage.usual_kind(kind, result), kind, name, oid)


def _render(request: Request, graph: LineageGraph) -> Response:
    found = _response(graph)
    wanted = request.query_params.get("format", "json")
    if wanted == "dot":
        return PlainTextResponse(render_dot(found), media_type="text/vnd.graphviz")
    if wanted == "prov":
        return json_response(render_prov(found))
    if wanted != "json":
        raise Malformed("parameter 'format'", "expected json, dot or prov")
    return json_response(found)


def _response(graph: LineageGraph) -> LineageResponse:
    edges = [
        LineageLink(
            source=_path(edge.source),
            result=_path(edge.result),
            kind=edge.row.kind,
            commit=edge.row.oid,
            source_commit=edge.row.source_oid,
            origin=edge.row.origin,
            run=edge.row.run,
            created_at=format_ms(edge.row.created_ms),
        )
        for edge in graph.edges
    ]
    nodes = [LineageRepo(type=it.type.value, id=it.name, exists=it.row is not None) for it in graph.nodes]
    return LineageResponse(nodes=nodes, edges=edges, is_complete=graph.is_complete)


def _path(node: LineageNode) -> str:
    return f"{node.type.kind.plural}/{node.name}"
