"""The facts beside a card: the sources of the repository, and its evaluation results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import attrs

from entrepot.hub.comparisons.metrics import metrics_of_card
from entrepot.hub.repos.infos import DayDownloads, RepoRow
from entrepot.hub.repos.lineage import LineageEdge
from entrepot.names import Oid
from entrepot.server.pages.repositories.charts import draw_spark, number_text
from entrepot.server.pages.rows import ICONS
from entrepot.wire.times import format_ms

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
    return [(name, number_text(value)) for name, value in list(metrics_of_card(card).items())[:_MOST]]


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
