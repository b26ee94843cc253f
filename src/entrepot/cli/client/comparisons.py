"""``entrepot diff``: how two revisions of a repository differ, by content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from entrepot.cli.client.options import HubClient, hub_options, type_option
from entrepot.cli.reports import show, show_json
from entrepot.cli.results import json_option

if TYPE_CHECKING:
    from entrepot.wire.repos.comparisons import (
        ChangedFile,
        ChangedTable,
        ChangedTensor,
        ChangedTensors,
        FileComparison,
        TensorState,
    )

_SIGNS = {"added": "+", "removed": "-"}


@click.command(short_help="Show how two revisions differ, by content.")
@click.argument("repo", metavar="REPO")
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@type_option
@click.option("--file", "file", metavar="PATH", help="Show the rows, tensors or metadata of this file that differ.")
@click.option("--key", "key", metavar="COLUMN", multiple=True, help="With --file: a column that identifies a row.")
@click.option("--direct", is_flag=True, help="Compare with A itself, not with the common ancestor of A and B.")
@json_option
@hub_options
def diff(
    client: HubClient,
    repo: str,
    old: str,
    new: str,
    repo_type: str,
    file: str | None,
    key: tuple[str, ...],
    direct: bool,
    as_json: bool,
) -> None:
    """Show how the revisions A and B of REPO differ.

    \b
    Examples:
      entrepot diff alice/bert v1 main
      entrepot diff alice/bert v1 main --file model.safetensors
      entrepot diff alice/imdb v1 v2 --type dataset --file data/train.parquet --key id
    """
    from entrepot.client.calls import comparisons as calls
    from entrepot.hf.base import repo_ref

    ref, spec = repo_ref(repo, repo_type), f"{old}{'..' if direct else '...'}{new}"
    if file is None:
        found = client.hub.send(calls.list_changes(ref, spec))
        if as_json:
            _show_json(found)
            return
        for item in found.files:
            show(_file_line(item))
        if not found.files:
            show("no file differs")
        if not found.is_complete:
            show("… (more files differ)")
        return
    compared = client.hub.send(calls.compare_file(ref, spec, file, key))
    if as_json:
        _show_json(compared)
        return
    _show_file(compared)


def _show_json(value: object) -> None:
    import msgspec

    show_json(msgspec.to_builtins(value))


def _file_line(item: ChangedFile) -> str:
    sizes = " -> ".join("none" if size is None else f"{size:,}" for size in (item.old_size, item.new_size))
    fresh = "" if item.new_bytes is None else f", {item.new_bytes:,} new"
    return f"{item.kind:8} {item.path}  ({sizes} bytes{fresh})"


def _show_file(found: FileComparison) -> None:
    show(_file_line(found.file))
    if found.table is not None:
        _show_table(found.table)
    elif found.model is not None:
        _show_model(found.model)
    else:
        show("not compared by content: it is on one side only, equal, or of a kind that is not read")
    if found.bytes_read:
        show(f"read {found.bytes_read:,} bytes")


def _show_table(found: ChangedTable) -> None:
    for column in found.columns:
        kind = "added" if column.old is None else "removed" if column.new is None else "retyped"
        show(f"column {kind}: {column.name}")
    key = f"by {', '.join(found.key)}" if found.key else "as a whole"
    more = "" if found.is_complete else "at least "
    show(
        f"rows compared {key}: {more}{found.added:,} added, {found.removed:,} removed, {found.changed:,} changed "
        f"({found.old_rows:,} -> {found.new_rows:,})"
    )
    for name, number in found.changed_columns.items():
        show(f"changed in column {name}: {number:,}")
    for row in found.rows:
        if row.kind == "changed" and row.old is not None and row.new is not None:
            named = {name: row.new.get(name) for name in found.key}
            cells = {name: [row.old.get(name), row.new.get(name)] for name in row.columns}
            show(f"~ {json.dumps(named, ensure_ascii=False)} {json.dumps(cells, ensure_ascii=False)}")
        else:
            show(f"{_SIGNS[row.kind]} {json.dumps(row.new or row.old, ensure_ascii=False)}")


def _show_model(found: ChangedTensors) -> None:
    for item in found.metadata:
        show(f"metadata {item.key}: {item.old} -> {item.new}")
    for tensor in found.tensors:
        show(_tensor_line(tensor))
    equal = f" ({found.equal_bytes:,} bytes)" if found.equal_bytes else ""
    show(f"{found.equal:,} tensors without a difference{equal}")


def _tensor_line(tensor: ChangedTensor) -> str:
    if tensor.kind in ("changed", "unknown"):
        change = f"at most {tensor.changed_bytes:,} bytes differ"
    else:
        change = f"{_state(tensor.old)} -> {_state(tensor.new)}"
    return f"tensor {tensor.kind}: {tensor.name}  {change}"


def _state(side: TensorState | None) -> str:
    return "none" if side is None else f"{side.dtype}{list(side.shape)}"
