"""Differences by content: an extension of this hub, see ``docs/comparisons.md``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.comparisons import comparisons
from entrepot.hub.comparisons.comparisons import ContentDiff, FileDifference, RevisionDiff
from entrepot.hub.comparisons.rows import RowsDiff
from entrepot.hub.comparisons.tensors import TensorsDiff, TensorSide
from entrepot.names import RepoRef, parse_path
from entrepot.server.handlers import app_state, call_hub_in_turn, call_hub_slow, json_response, query_list
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.wire.repos.comparisons import (
    ChangedColumn,
    ChangedFile,
    ChangedMetadata,
    ChangedRow,
    ChangedTable,
    ChangedTensor,
    ChangedTensors,
    FileComparison,
    RevisionComparison,
    TensorState,
)


def routes() -> list[BaseRoute]:
    """Return the routes of comparisons."""
    return repo_routes("GET", "diff/{tail:path}", show_differences)


async def show_differences(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET diff/{a}...{b}?file=&key=``: the files that differ, or how one of them does."""
    spec, file = tail_of(request), request.query_params.get("file")
    if not file:
        return json_response(_listed(await call_hub_slow(request, comparisons.list_changes, ref, spec)))
    path, key = parse_path(file), query_list(request, "key")
    return json_response(
        _compared(
            await call_hub_in_turn(request, app_state(request).queries, comparisons.compare_file, ref, spec, path, key)
        )
    )


def _listed(found: RevisionDiff) -> RevisionComparison:
    files = [_file(item) for item in found.files]
    return RevisionComparison(old=found.old, new=found.new, files=files, is_complete=found.is_complete)


def _compared(found: ContentDiff) -> FileComparison:
    details = found.details
    return FileComparison(
        old=found.old,
        new=found.new,
        file=_file(found.file),
        table=_table(details) if isinstance(details, RowsDiff) else None,
        model=_model(details) if isinstance(details, TensorsDiff) else None,
        bytes_read=found.bytes_read,
    )


def _file(item: FileDifference) -> ChangedFile:
    return ChangedFile(
        path=item.path,
        kind=item.kind,
        content=item.content,
        old_size=item.old.size if item.old else None,
        new_size=item.new.size if item.new else None,
        new_bytes=item.new_bytes,
    )


def _table(found: RowsDiff) -> ChangedTable:
    rows = [ChangedRow(kind=row.kind, old=row.old, new=row.new, columns=row.columns) for row in found.examples]
    return ChangedTable(
        key=found.key,
        columns=[ChangedColumn(name=column.name, old=column.old, new=column.new) for column in found.columns],
        old_rows=found.old_rows,
        new_rows=found.new_rows,
        added=found.added,
        removed=found.removed,
        changed=found.changed,
        changed_columns=found.changed_columns,
        rows=rows,
        row_groups=found.groups,
        skipped_row_groups=found.skipped_groups,
        is_complete=found.is_complete,
    )


def _model(found: TensorsDiff) -> ChangedTensors:
    tensors = [
        ChangedTensor(
            name=item.name,
            kind=item.kind,
            old=_state(item.old),
            new=_state(item.new),
            changed_bytes=item.changed_bytes,
        )
        for item in found.tensors
    ]
    metadata = [ChangedMetadata(key=item.key, old=item.old, new=item.new) for item in found.metadata]
    return ChangedTensors(tensors=tensors, metadata=metadata, equal=found.equal, equal_bytes=found.equal_bytes)


def _state(side: TensorSide | None) -> TensorState | None:
    return None if side is None else TensorState(dtype=side.dtype, shape=side.shape, bytes=side.size)
