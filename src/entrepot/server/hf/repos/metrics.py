"""Metrics of models: an extension of this hub, see ``docs/metrics.md``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.comparisons import metrics
from entrepot.hub.comparisons.metrics import ComparedModel, FileMetrics, RevisionMetrics
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, RepoType
from entrepot.server.handlers import call_hub_slow, json_response, lookup_id, repo_of
from entrepot.server.hf.type_routes import each_kind
from entrepot.wire.repos.metrics import (
    ComparedMetrics,
    MetricPoint,
    MetricScalar,
    MetricsFile,
    MetricsResponse,
    MetricsRevision,
)
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms


def routes() -> list[BaseRoute]:
    """Return the route of metrics, for models only: the public hub serves other metrics of spaces at this address."""
    return each_kind("/api/{T}/{namespace}/{name}/metrics", show_metrics, (RepoType.MODEL,))


async def show_metrics(request: Request, kind: RepoType) -> Response:
    """Serve ``GET metrics?revision=&with=``: metrics of cards over versions, and those in the files of a revision.

    ``with``: other models, whose metrics are compared with those of this one.
    """
    revision = request.query_params.get("revision") or "main"
    others = named_models(request.query_params.getlist("with"))
    return json_response(await call_hub_slow(request, find_metrics, repo_of(request, kind), revision, others))


def named_models(asked: Sequence[str]) -> list[RepoRef]:
    """Return the models that a query names, each once: several names in a value are separated by spaces or commas.

    A text that is no name stands for a model that does not exist.
    """
    names = dict.fromkeys(name for text in asked for name in text.replace(",", " ").split())
    return [RepoRef(RepoType.MODEL, lookup_id(name)) for name in names]


def find_metrics(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, others: Sequence[RepoRef] = ()
) -> MetricsResponse:
    """Return the metrics of a model, and those of others if some are named.

    Raises:
        LimitExceeded: more than five others.
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound: no access, or no such revision.
    """
    found = metrics.read_files(hub, caller, ref, revision)
    history = metrics.read_history(hub, caller, ref)
    return MetricsResponse(
        revisions=[_revision(item) for item in history.revisions],
        commit=found.commit,
        files=[_file(item) for item in found.files],
        is_complete=found.is_complete and history.is_complete,
        compared=[_compared(item) for item in metrics.compare_with(hub, caller, ref, others)] if others else (),
    )


def _compared(found: ComparedModel) -> ComparedMetrics:
    return ComparedMetrics(name=legible(found.name), metrics=None if found.ref is None else found.values)


def _revision(found: RevisionMetrics) -> MetricsRevision:
    return MetricsRevision(
        commit=found.commit,
        names=[legible(name) for name in found.names],
        title=legible(found.title),
        date=format_ms(found.time_s * 1000),
        metrics=found.values,
    )


def _file(found: FileMetrics) -> MetricsFile:
    scalars = [
        MetricScalar(
            name=legible(item.name),
            count=item.count,
            lowest=item.lowest,
            highest=item.highest,
            not_finite=item.not_finite,
            points=[
                MetricPoint(step=it.step, value=it.value, time=it.time_s if math.isfinite(it.time_s) else 0.0)
                for it in item.points
            ],
        )
        for item in found.series
    ]
    return MetricsFile(path=legible(found.path), scalars=scalars, problem=legible(found.problem))
