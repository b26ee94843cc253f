"""Calls about queries over datasets, an extension of the hub. Source: docs/dataset-viewer.md."""

from __future__ import annotations

from entrepot.client.calls import JSON, Call, json_as, json_body
from entrepot.wire.files.queries import QueryRequest, QueryResponse


def run(query: QueryRequest) -> Call[QueryResponse]:
    """Build the call that runs one SELECT over the splits of datasets; a refusal names all of them."""
    others = [f"{it.type} {it.dataset}" for it in query.others.values() if it.dataset]
    return Call(
        "POST",
        "/-/viewer/sql",
        json_as(QueryResponse),
        body=json_body(query),
        media_type=JSON,
        subject=" or ".join(dict.fromkeys([f"{query.type} {query.dataset}", *others])),
        is_repeatable=True,
    )
