"""The page of a repository's lineage: what it was made from, and what was made from it."""

from __future__ import annotations

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import lineage
from entrepot.hub.repos.lineage import LineageEdge, LineageNode
from entrepot.names import VERSIONED_TYPES, RepoRef
from entrepot.server.handlers import query_int, repo_of
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_repo
from entrepot.server.pages.repositories.lineage_graphs import draw_graph, visible_edges
from entrepot.server.pages.routing import PageRoute

_KINDS = {name: kind for kind in VERSIONED_TYPES for name in (kind.value, kind.plural)}
_DEPTH = 3
_ORIGINS = {"card": "the card", "commit": "a commit message", "api": "a request", "inferred": "inferred"}


@attrs.frozen
class LineageLine:
    """An edge in the list: the repositories with their paths and commits, and who says so.

    ``share``: of an inferred edge, how much of the result the source has too.
    """

    source: str
    source_path: str
    source_commit: str
    kind: str
    result: str
    result_path: str
    commit: str
    origin: str
    run: str
    share: str


def routes() -> list[PageRoute]:
    """Return the route of this page."""
    return [PageRoute("/-/lineage/{type}/{namespace}/{name}", show_lineage)]


async def show_lineage(request: Request) -> Response:
    """Serve the lineage of a repository, drawn and as a list."""
    kind = _KINDS.get(request.path_params["type"])
    if kind is None:
        raise HTTPException(404)
    ref = repo_of(request, kind)
    depth = query_int(request, "depth", _DEPTH, low=1, high=lineage.MAX_DEPTH)
    return await show_page(request, lambda hub, caller: build_lineage(hub, caller, ref, depth))


def build_lineage(hub: HubContext, caller: MaybeCaller, ref: RepoRef, depth: int) -> WebPage:
    """Return the lineage of a repository; repositories that the caller may not see are not in it.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    header, may = describe_repo(hub, caller, ref)
    graph = lineage.find(hub, caller, may.row.ref, revision=None, up=True, down=True, depth=depth)
    edges = visible_edges(graph)
    values = {
        "section": may.row.type.plural,
        "repo": header,
        "tab": "lineage",
        "drawing": draw_graph(graph.nodes[0], edges),
        "edges": [_line(edge) for edge in edges],
        "depth": depth,
        "most_depth": lineage.MAX_DEPTH,
        "is_complete": graph.is_complete,
        "api": f"/api/{may.row.type.plural}/{header.id}/lineage?depth={depth}",
    }
    return WebPage("lineage.html", f"Lineage of {header.id}", values)


def _line(edge: LineageEdge) -> LineageLine:
    row = edge.row
    return LineageLine(
        edge.source.name,
        _path(edge.source),
        row.source_oid,
        row.kind.replace("_", " "),
        edge.result.name,
        _path(edge.result),
        row.oid,
        _ORIGINS.get(row.origin, row.origin),
        row.run,
        f"{edge.share:.0%} of the result" if edge.is_inferred else "",
    )


def _path(node: LineageNode) -> str:
    return node.row.ref.path if node.row is not None else ""
