"""The facts beside a card: what the repository was made from, what was made from it, and evaluation results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

import attrs

from entrepot.hub.comparisons.metrics import metrics_of_card
from entrepot.hub.repos.infos import DayDownloads, RepoRow, RevisionInfo
from entrepot.hub.repos.lineage import LineageEdge
from entrepot.names import Oid, RepoType
from entrepot.server.pages.repositories.charts import draw_spark, number_text
from entrepot.server.pages.rows import ICONS
from entrepot.wire.times import format_ms

MAX_CHILDREN = 1_000
"""Models made from a model in one way that its page counts at most."""

_MAX_LINES = 6


_FROM_BASES = ("derived_from", "quantised_from", "merged_from")
_RELATIONS = {
    "finetune": ("Fine-tuned from", "Fine-tuned"),
    "adapter": ("Adapter of", "Adapters"),
    "quantized": ("Quantised from", "Quantised"),
    "merge": ("Merged from", "Merges"),
}
"""What a model says about its bases, and what its bases say about such models."""


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
    return list(found.values())[:_MAX_LINES]


@attrs.frozen
class BaseLine:
    """A base model: its name, path and commit as in :class:`SourceLine`.

    ``path`` is empty if the visitor sees no such model on this hub; ``query`` then is that of the list of models made
    from it.
    """

    name: str
    path: str
    commit: str
    query: str


@attrs.frozen
class ChildrenLine:
    """How many models were made from a model in one way: as text, with the query of their list."""

    label: str
    count: str
    query: str


@attrs.frozen
class ModelTree:
    """The base models of a model, what it is to them (empty if that is not known), and what was made from it."""

    bases: Sequence[BaseLine]
    relation: str
    children: Sequence[ChildrenLine]


def tree_of(found: RevisionInfo, edges: Iterable[LineageEdge]) -> ModelTree | None:
    """Return the models around a model; None if none are known.

    Base models are those that the visitor may see, and others that the card or a file names.

    Args:
        found: with its children, counted up to :data:`MAX_CHILDREN`.
        edges: its sources; those that are no base models are left out.
    """
    row, bases, known = found.info.row, dict[str, BaseLine](), set[str]()
    for edge in edges:
        node, commit = edge.source, edge.row.source_oid
        if node.row is None or not is_base(edge):
            continue
        known |= {edge.row.source_key, node.name.lower()}
        if node.name not in bases or (commit and not bases[node.name].commit):
            bases[node.name] = BaseLine(node.name, node.row.ref.path, commit, "")
    named = row.files.base_models
    for name in named.models if named else ():
        if name.lower() not in known:
            bases.setdefault(name, BaseLine(name, "", "", urlencode({"filter": f"base_model:{name}"})))
    counted = found.children or {}
    children = [
        ChildrenLine(label, _number(counted[word]), urlencode({"filter": f"base_model:{word}:{row.ref.id}"}))
        for word, (_, label) in _RELATIONS.items()
        if counted.get(word)
    ]
    relation, _ = _RELATIONS.get(named.relation if named else "", ("", ""))
    return ModelTree(list(bases.values())[:_MAX_LINES], relation, children) if bases or children else None


def is_base(edge: LineageEdge) -> bool:
    """Return whether an edge leads from a base model to a model."""
    return edge.source.type is edge.result.type is RepoType.MODEL and edge.row.kind in _FROM_BASES


def _number(count: int) -> str:
    return f"{MAX_CHILDREN - 1:,}+" if count >= MAX_CHILDREN else f"{count:,}"


@attrs.frozen
class DownloadTrend:
    """The downloads of the last days as a small chart: its path, and a sentence that says the same."""

    path: str
    sentence: str


def trend_of(days: Sequence[DayDownloads]) -> DownloadTrend | None:
    """Return the downloads of the last days; None if there are none."""
    counts = [item.count for item in days]
    if not any(counts):
        return None
    best = max(days, key=lambda item: item.count)
    sentence = f"Downloads of the last {len(days)} days: {sum(counts):,}; at most {best.count:,} a day, on {best.day}"
    return DownloadTrend(draw_spark(counts), sentence)


def measured_lines(card: Mapping[str, object] | None) -> list[tuple[str, str]]:
    """Return the first evaluation results of a card: what was measured, and its value."""
    return [(name, number_text(value)) for name, value in list(metrics_of_card(card).items())[:_MAX_LINES]]


def citation_of(row: RepoRow, head: Oid, endpoint: str) -> str:
    """Return how to cite a revision in BibTeX: the entry of the card if it has one, else one with the commit."""
    if row.files.citation:
        return row.files.citation
    owner, name, day = row.ref.id.namespace, row.ref.id.name, format_ms(row.updated_ms)[:10]
    key = re.sub(r"[^A-Za-z0-9]+", "-", f"{owner}-{name}-{day[:4]}")
    address = f"{endpoint}/{row.ref.path}/tree/{head}" if endpoint else f"{row.ref.path}/tree/{head}"
    fields = {
        "author": f"{{{_escape(owner)}}}",
        "title": f"{{{_escape(name)}}}",
        "year": day[:4],
        "howpublished": f"\\url{{{address}}}",
        "note": f"{row.type.value.capitalize()}, revision {head[:12]} of {day}",
    }
    lines = [f"  {field} = {{{value}}}" for field, value in fields.items()]
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _escape(name: str) -> str:
    """Return a name for LaTeX: of the characters that names may have, only the underscore means something there."""
    return name.replace("_", "\\_")
