"""SQL over datasets: an extension of this hub.

Source: docs/dataset-viewer.md.
"""

from __future__ import annotations

import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import InvalidParameter
from entrepot.hub.datasets import queries
from entrepot.hub.datasets.queries import QuerySource
from entrepot.names import VERSIONED_TYPES, RepoRef
from entrepot.server.handlers import app_state, call_hub_in_turn, json_response, lookup_id, read_json
from entrepot.wire.files.queries import QueryFeature, QueryRequest, QueryResponse

_TYPES = {kind.value: kind for kind in VERSIONED_TYPES}
_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_TAKEN = frozenset({"main", "temp", "system", "memory", "information_schema", "pg_catalog"})


def routes() -> list[BaseRoute]:
    """Return the routes of queries."""
    return [Route("/-/viewer/sql", run_query, methods=["POST"])]


async def run_query(request: Request) -> Response:
    """Handle ``POST sql``: run one SELECT over the splits of datasets."""
    body = await read_json(request, _Body)
    if not body.dataset:
        raise InvalidParameter("dataset", "is required")
    sources = [QuerySource("", _ref(body.type, body.dataset), body.revision)]
    for schema, other in body.others.items():
        if not _SCHEMA.fullmatch(schema) or schema.lower() in _TAKEN:
            raise InvalidParameter(
                "with", f"must have names of letters, digits and '_' that SQL does not use: {schema!r}"
            )
        ref = _ref(other.type, other.dataset) if other.dataset else sources[0].ref
        sources.append(QuerySource(schema, ref, other.revision))
    found = await call_hub_in_turn(
        request, app_state(request).queries, queries.run, sources, body.sql, most=max(1, body.limit)
    )
    features = [msgspec.convert(feature, QueryFeature) for feature in found.features]
    commits = {schema: str(commit) for schema, commit in found.commits.items()}
    shown = QueryResponse(features=features, rows=found.rows, partial=found.is_cut, revisions=commits)
    return json_response(shown, headers={"Cache-Control": "no-store"})


class _Body(QueryRequest, frozen=True, kw_only=True):
    dataset: str = ""
    sql: str = ""


def _ref(kind: str, name: str) -> RepoRef:
    if kind not in _TYPES:
        raise InvalidParameter("type", f"must be one of {', '.join(_TYPES)}")
    return RepoRef(_TYPES[kind], lookup_id(name))
