"""JSON of SQL queries over datasets. An extension of this hub, described in ``docs/dataset-viewer.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class QueryTarget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A further dataset or revision of a query; an empty ``dataset`` means that of the query."""

    dataset: str = ""
    type: str = "dataset"
    revision: str = "main"


class QueryRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A query. ``others``: further sources by the names of their schemas, sent as ``with``; ``limit``: rows."""

    dataset: str
    sql: str
    type: str = "dataset"
    revision: str = "main"
    others: Mapping[str, QueryTarget] = msgspec.field(name="with", default_factory=dict)
    limit: int = 1_000


class QueryFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a result and its type."""

    feature_idx: int
    name: str
    type: Any


class QueryResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a query. ``partial``: there are more rows; ``revisions``: the commits read, by schema."""

    features: Sequence[QueryFeature]
    rows: Sequence[Mapping[str, Any]]
    partial: bool
    revisions: Mapping[str, str]
