"""The page of a model's metrics: over its versions, and in the files of one revision."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.comparisons import metrics
from entrepot.hub.comparisons.metrics import ComparedModel, FileMetrics, MetricsHistory, RevisionMetrics
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, RepoType
from entrepot.previews.metric_files import MetricSeries, thin_out
from entrepot.server.handlers import repo_of
from entrepot.server.hf.repos.metrics import named_models
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.repositories.charts import BarChart, LineChart, draw_bars, draw_line, number_text
from entrepot.server.pages.routing import PageRoute

_MAX_COLUMNS = 24
_MAX_POINTS, _LEAST_POINTS = 4_800, 80  # of all charts, and of one: the page stays small


@attrs.frozen
class MetricsLine:
    """A row of the table of versions; ``cells`` are empty where a version lacks the metric."""

    name: str
    commit: str
    title: str
    time_ms: int
    cells: Sequence[str]


@attrs.frozen
class ComparedLine:
    """A row of the table of models. ``path`` and ``cells`` are empty if the visitor can read no such model."""

    name: str
    path: str
    cells: Sequence[str]


@attrs.frozen
class ComparedChart:
    """A metric of several models as bars: its name, the same in words, and the bars, the first of which is marked."""

    name: str
    summary: str
    chart: BarChart


@attrs.frozen
class MetricChart:
    """A drawn metric: its name, where it comes from, and its numbers in words."""

    name: str
    path: str
    summary: str
    chart: LineChart
    numbers: Sequence[str] = ()


def routes() -> list[PageRoute]:
    """Return the route of this page."""
    return [PageRoute("/{namespace}/{name}/metrics", show_metrics)]


async def show_metrics(request: Request) -> Response:
    """Serve the metrics of a model; ``revision`` is that of the files."""
    ref = repo_of(request, RepoType.MODEL)
    revision = request.query_params.get("revision") or "main"
    others = named_models(request.query_params.getlist("with"))
    return await show_page(request, lambda hub, caller: build_metrics(hub, caller, ref, revision, others), is_slow=True)


def build_metrics(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, others: Sequence[RepoRef] = ()
) -> WebPage:
    """Return the metrics of a model, and those of others beside them.

    Raises:
        LimitExceeded: more than five others.
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound: no access, or no such revision.
    """
    header, found = describe_header(hub, caller, ref, revision)
    row = found.info.row
    files = metrics.read_files(hub, caller, row.ref, revision)
    history = metrics.read_history(hub, caller, row.ref)
    columns = history.metrics[:_MAX_COLUMNS]
    compared = metrics.compare_with(hub, caller, row.ref, others)
    values = {
        **_comparison(compared),
        "section": row.type.plural,
        "repo": header,
        "tab": "metrics",
        "columns": columns,
        "left_out": len(history.metrics) - len(columns),
        "lines": [_line(item, columns) for item in history.revisions],
        "charts": [chart for name in columns if (chart := _version_chart(history, name)) is not None],
        "scalars": _series_charts(files.files),
        "problems": [(file.path, file.problem) for file in files.files if file.problem],
        "commit": files.commit,
        "is_complete": history.is_complete and files.is_complete,
        "most_revisions": metrics.MAX_REVISIONS,
        "most_bytes": metrics.MAX_BYTES,
        "api": f"/api/models/{header.id}/metrics?{urlencode(_asked(revision, compared[1:]))}",
    }
    return WebPage("metrics.html", f"Metrics of {header.id}", values)


def _asked(revision: str, others: Sequence[ComparedModel]) -> list[tuple[str, str]]:
    return [("revision", revision), *(("with", other.name) for other in others)]


def _comparison(models: Sequence[ComparedModel]) -> dict[str, object]:
    """Return the table and the charts of models, the one of the page first; metrics that others lack come last."""
    names = list(dict.fromkeys(name for model in models for name in model.values))
    names.sort(key=lambda name: -sum(name in model.values for model in models))
    shown = names[:_MAX_COLUMNS]
    lines = [
        ComparedLine(
            model.name,
            "" if model.ref is None else model.ref.path,
            [number_text(model.values[name]) if name in model.values else "" for name in shown],
        )
        for model in models
    ]
    return {
        "compared": lines if len(models) > 1 else (),
        "compared_columns": shown,
        "compared_charts": [chart for name in shown if (chart := _bar_chart(models, name)) is not None],
        "compared_left_out": len(names) - len(shown),
        "with": " ".join(model.name for model in models[1:]),
        "most_compared": metrics.MAX_COMPARED,
    }


def _bar_chart(models: Sequence[ComparedModel], name: str) -> ComparedChart | None:
    """Return the bars of a metric, in the order of the table; None if only one model has it."""
    readable = [model for model in models if model.ref is not None]
    values = [(_cut_middle(model.name), model.values.get(name)) for model in readable]
    if sum(value is not None for _, value in values) < 2:
        return None
    chart = draw_bars(values)
    told = ", ".join(f"{bar.label} {bar.value}" for bar in chart.bars)
    return ComparedChart(name, f"{name}: {told}; the table has the same numbers", chart)


def _line(found: RevisionMetrics, columns: Sequence[str]) -> MetricsLine:
    cells = [number_text(found.values[name]) if name in found.values else "" for name in columns]
    return MetricsLine(_name(found), found.commit, found.title, found.time_s * 1000, cells)


def _name(found: RevisionMetrics) -> str:
    return ", ".join(found.names) or found.commit[:7]


def _version_chart(history: MetricsHistory, name: str) -> MetricChart | None:
    """Return the chart of a metric, oldest version first; None if only one version has it."""
    with_it = [item for item in reversed(history.revisions) if name in item.values]
    if len(with_it) < 2:
        return None
    values = [item.values[name] for item in with_it]
    first, last = _cut(_name(with_it[0])), _cut(_name(with_it[-1]))
    summary = f"{name}: {number_text(values[0])} at {first}, {number_text(values[-1])} at {last}; the table has all"
    points = [(float(at), value) for at, value in enumerate(values)]
    return MetricChart(name, "", summary, draw_line(points, (first, last)))


def _series_charts(files: Sequence[FileMetrics]) -> list[MetricChart]:
    every = [(file, series) for file in files for series in file.series]
    most = max(_LEAST_POINTS, _MAX_POINTS // max(1, len(every)))
    return [_series_chart(file, series, most) for file, series in every]


def _series_chart(file: FileMetrics, series: MetricSeries, most: int) -> MetricChart:
    points = thin_out(series.points, most)
    first, last = f"{points[0].step:,}", f"{points[-1].step:,}"
    shown = [number_text(value) for value in (points[0].value, points[-1].value, series.lowest, series.highest)]
    summary = f"{series.name}: {shown[0]} at step {first}, {shown[1]} at step {last}; the table has the extremes"
    chart = draw_line([(float(point.step), point.value) for point in points], (first, last))
    numbers = [f"{series.count:,}", f"{first} - {last}", *shown, f"{series.not_finite:,}"]
    return MetricChart(series.name, file.path, summary, chart, numbers)


def _cut_middle(name: str) -> str:
    return name if len(name) <= 36 else f"{name[:20]}…{name[-15:]}"


def _cut(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"
