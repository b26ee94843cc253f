"""Calls about queries over datasets, an extension of the hub. Source: docs/dataset-viewer.md."""

from __future__ import annotations

from entrepot.client.calls import JSON, Call, json_as, json_body
from entrepot.wire.files.queries import QueryRequest, QueryResponse


def run(query: QueryRequest) -> Call[QueryResponse]:
    """Build the call that runs one SELECT over the splits of a dataset."""
    return Call(
        "POST",
        "/-/viewer/sql",
        json_as(QueryResponse),
        body=json_body(query),
        media_type=JSON,
        subject=f"{query.type} {query.dataset}",
        is_repeatable=True,
    )
