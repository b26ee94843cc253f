"""The records of a finished task in Metaflow: metadata, tags of the run, and a card."""

from __future__ import annotations

import html
import json
import os
import uuid
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from entrepot.metaflow.lineages import FIELD, FIELD_TYPE
from entrepot.metaflow.references import parse_key
from entrepot.metaflow.sessions import CardRow, TaskSession

CARD_TYPE = "hub_references"

_STYLE = (
    "body{font:14px sans-serif;margin:1.5em}table{border-collapse:collapse}"
    "th,td{border-bottom:1px solid #ccc;padding:.3em .8em;text-align:left}td.n{text-align:right}"
)


def record(session: TaskSession, metadata: Any, flow_datastore: Any, *, is_ok: bool) -> None:  # noqa: ANN401
    """Record the lineage of a task that ends, tag its run with what it pushed, and save its card.

    Args:
        metadata, flow_datastore: the providers of Metaflow for this task.
        is_ok: the task succeeded; there is no card otherwise.
    """
    _save_lineage(session, metadata)
    _tag_run(session, metadata)
    if is_ok and session.has_card and session.rows and flow_datastore is not None:
        _save_card(session, flow_datastore)


def _save_card(session: TaskSession, flow_datastore: Any) -> None:  # noqa: ANN401 - Metaflow does not annotate it
    """Save the card as Metaflow does, but in this process: rendering it in another one takes seconds.

    Source: docs/protocols/metaflow.md, section 3.
    """
    from metaflow.metaflow_config import CARD_LOCALROOT, CARD_SUFFIX
    from metaflow.plugins.cards.card_datastore import CardDatastore

    storage = flow_datastore._storage_impl
    root = CardDatastore.get_storage_root(storage.TYPE)
    if storage.TYPE == "local" and CARD_LOCALROOT is None:
        # Metaflow looks for cards beside the tasks, wherever the working directory is.
        root = os.path.join(storage.datastore_root, CARD_SUFFIX)
    cards = SimpleNamespace(flow_name=flow_datastore.flow_name, _storage_impl=type(storage)(root))
    CardDatastore(cards, pathspec=session.facts.pathspec).save_card(uuid.uuid4().hex, CARD_TYPE, render_card(session))


def _save_lineage(session: TaskSession, metadata: Any) -> None:  # noqa: ANN401 - Metaflow does not annotate it
    from metaflow.metadata_provider import MetaDatum

    if not session.rows or metadata is None:
        return
    value = json.dumps({"read": session.read, "made": session.made})
    tags = [f"attempt_id:{session.facts.attempt}"]
    datum = MetaDatum(field=FIELD, value=value, type=FIELD_TYPE, tags=tags)
    metadata.register_metadata(session.facts.run, session.facts.step, session.facts.task, [datum])


def _tag_run(session: TaskSession, metadata: Any) -> None:  # noqa: ANN401 - Metaflow does not annotate it
    """Tag the run; a service that refuses tags is worth a warning, not a failed task."""
    from metaflow.exception import MetaflowException

    tags = [tag_of(key) for key in session.made]
    if not tags or metadata is None:
        return
    try:
        metadata.mutate_user_tags_for_run(session.facts.flow, session.facts.run, tags_to_add=tags)
    except MetaflowException as error:
        warnings.warn(f"the run could not be tagged with {', '.join(tags)}: {error}", stacklevel=2)


def tag_of(key: str) -> str:
    """Return the tag of a run that made a commit: ``hub:demo/out@1a2b3c4d``; datasets and spaces have their type."""
    ref, commit = parse_key(key)
    return f"hub:{ref.path}@{commit[:8]}"


def render_card(session: TaskSession) -> str:
    """Return the card of a task as one HTML page without scripts."""
    heads = ("Repository", "Revision", "Commit", "Files", "Size", "Source", "Seconds")
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in session.rows)
    title = f"Repositories of {html.escape(session.facts.pathspec)}"
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><h2>{title}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></body></html>"
    )


def _cells(row: CardRow) -> Iterator[str]:
    ref, commit = parse_key(row.key)
    address = html.escape(f"{row.endpoint}/{ref.path}", quote=True)
    source = "pushed" if row.fetched is None else ("cache" if not row.fetched else f"fetched {_bytes(row.fetched)}")
    yield f'<td><a href="{address}">{html.escape(str(ref))}</a></td>'
    yield f"<td>{html.escape(row.revision)}</td>"
    yield f'<td><a href="{address}/tree/{commit}"><code>{commit[:8]}</code></a></td>'
    yield f'<td class="n">{row.files:,}</td>'
    yield f'<td class="n">{_bytes(row.size)}</td>'
    yield f"<td>{source}</td>"
    yield f'<td class="n">{row.seconds:.1f}</td>'


def _bytes(count: int) -> str:
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
