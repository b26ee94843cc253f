"""The facts beside a card: the sources of the repository, and its evaluation results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from entrepot.hub.comparisons.metrics import metrics_of_card
from entrepot.hub.repos.lineage import LineageEdge
from entrepot.server.pages.repositories.charts import number_text
from entrepot.server.pages.rows import ICONS

_MOST = 6


@attrs.frozen
class SourceLine:
    """A repository that another was made from. ``commit``: of the source, empty if it is not known."""

    icon: str
    name: str
    path: str
    commit: str


def source_lines(edges: Iterable[LineageEdge]) -> list[SourceLine]:
    """Return the first sources that the caller may see, each once; with its commit if a statement names it."""
    found: dict[str, SourceLine] = {}
    for edge in edges:
        row = edge.source.row
        if row is None:
            continue
        path, commit = row.ref.path, edge.row.source_oid
        if path not in found or (commit and not found[path].commit):
            found[path] = SourceLine(ICONS[row.type.value], edge.source.name, path, commit)
    return list(found.values())[:_MOST]


def measured_lines(card: Mapping[str, object] | None) -> list[tuple[str, str]]:
    """Return the first evaluation results of a card: what was measured, and its value."""
    return [(name, number_text(value)) for name, value in list(metrics_of_card(card).items())[:_MOST]]
