"""Lineage of repositories: an extension of this hub, see ``docs/lineage.md``."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

import attrs
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import InvalidName, Malformed
from entrepot.hub.repos import lineage
from entrepot.hub.repos.lineage import LineageGraph, LineageInput, LineageNode, LineageOutput
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType, parse_oid, parse_wanted_id
from entrepot.server.handlers import base_url, call_hub, json_response, query_int, read_json
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
from entrepot.wire.repos.openlineage import OpenLineageDataset, OpenLineageEvent
from entrepot.wire.texts import one_line
from entrepot.wire.times import format_ms

_DIRECTIONS = {"up": (True, False), "down": (False, True), "both": (True, True)}
_TYPES = {kind.kind.plural: kind for kind in VERSIONED_TYPES}
_DEPTH = 3
_RUN_LENGTH = 200


def routes() -> list[BaseRoute]:
    """Return the routes of lineage."""
    return [
        *repo_routes("GET", "lineage", show_lineage),
        *repo_routes("POST", "lineage", add_lineage),
        Route("/api/lineage", show_run, methods=["GET"]),
        Route("/api/v1/lineage", receive_event, methods=["POST"]),
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
    return _render(request, await call_hub(request, lineage.of_run, one_line(run, _RUN_LENGTH)))


async def add_lineage(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST lineage``: record what a commit was made from."""
    body = await read_json(request, NewLineage)
    inputs = [_input_of(item, ref.type) for item in body.inputs]
    added = await call_hub(request, lineage.add, ref, body.revision, inputs, one_line(body.run, _RUN_LENGTH))
    return json_response(AddedLineage(added=added))


async def receive_event(request: Request) -> Response:
    """Handle ``POST /api/v1/lineage``: an event of OpenLineage, at the path that its clients use.

    When a run is complete, what it read and made on this hub is recorded; other events change nothing.
    """
    event = await read_json(request, OpenLineageEvent)
    outputs: list[LineageOutput] = []
    if event.is_complete:
        own = base_url(request)
        read, made = _on_hub(event.inputs, own), _on_hub(event.outputs, own)
        outputs = [LineageOutput(it.ref, it.revision or "main", _inputs_of(read, it)) for it in made]
    added = await call_hub(request, lineage.add_run, outputs, one_line(event.run_name, _RUN_LENGTH))
    return json_response(AddedLineage(added=added), status=201)


@attrs.frozen
class _OnHub:
    """A repository of this hub that an event names; ``revision``: ``""`` if it names none."""

    ref: RepoRef
    revision: str


def _on_hub(named: Sequence[OpenLineageDataset] | None, own: str) -> list[_OnHub]:
    """Return the repositories of this hub among what an event names, each once.

    Raises:
        Malformed: a name in a namespace of this hub is not the path of a repository.
    """
    found = [_parse(it) for it in named or () if it.namespace.rstrip("/").lower() in (own.lower(), "hf:")]
    return list(dict.fromkeys(found))


def _parse(item: OpenLineageDataset) -> _OnHub:
    """Parse ``[datasets/|models/|spaces/]namespace/name[@revision][/path]``, the form of ``hf://`` paths."""
    parts = item.name.strip("/").split("/")
    kind = _TYPES[parts.pop(0)] if parts[0] in _TYPES and len(parts) > 1 else RepoType.MODEL
    name, _, revision = "/".join(parts[: 1 if "@" in parts[0] else 2]).partition("@")
    try:
        wanted = parse_wanted_id(name)
    except InvalidName as error:
        raise Malformed("lineage", error.message) from error
    return _OnHub(RepoRef(kind, wanted), unquote(revision) or _commit_of(item.version))


def _inputs_of(read: Sequence[_OnHub], made: _OnHub) -> list[LineageInput]:
    """Return what a result was made from: all that the run read, but for the result itself."""
    return [
        LineageInput(
            lineage.usual_kind(it.ref.type, made.ref.type), it.ref.type, str(it.ref.id), _commit_of(it.revision)
        )
        for it in read
        if it != made
    ]


def _commit_of(revision: str) -> str:
    try:
        return parse_oid(revision)
    except InvalidName:
        return ""


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
            inferred=edge.is_inferred,
            shared_bytes=edge.shared_bytes,
            share=round(edge.share, 4),
        )
        for edge in graph.edges
    ]
    nodes = [LineageRepo(type=it.type.value, id=it.name, exists=it.row is not None) for it in graph.nodes]
    return LineageResponse(nodes=nodes, edges=edges, is_complete=graph.is_complete)


def _path(node: LineageNode) -> str:
    return f"{node.type.kind.plural}/{node.name}"
