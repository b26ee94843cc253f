"""Metrics of all versions of a model, as a table, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import attrs

from entrepot.workspace.configuration.config_files import replace_text
from entrepot.workspace.entities.specs import VersionLink
from entrepot.workspace.entities.version_tags import find_tag
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.versions import one_identity, read_specs
from entrepot.workspace.reports.histories import read_authorships

DATE = "Date"
DATASET = "Related dataset - (version)"
LABELS = "Related labels - (version)"


@attrs.frozen
class VersionMetrics:
    """The metrics of one version; ``dataset`` and ``labels`` are ``name - (number)`` or None."""

    tag: str
    date: str
    dataset: str | None
    labels: str | None
    metrics: dict[str, float]


def read_metrics(state: KindState, name: str) -> list[VersionMetrics]:
    """Return the metrics of every version of a model in ascending order.

    Raises:
        EntityMissing, EntityAmbiguous: the name stands for no entity, or for several.
    """
    recover(state)
    repository = state.initialised_metadata()
    refs = repository.refs()
    _, tags = one_identity(refs, name, state.kind.word)
    pairs = [(tag, ref.commit) for tag in tags if (ref := refs.find(str(tag))) is not None]
    specs = read_specs(state, pairs)
    made = read_authorships(repository, [commit for _, commit in pairs])
    return [
        VersionMetrics(
            str(tag),
            made[commit].date,
            _related(specs[tag].link("dataset")),
            _related(specs[tag].link("labels")),
            specs[tag].metrics,
        )
        for tag, commit in pairs
        if tag in specs
    ]


def table_rows(version: VersionMetrics) -> list[tuple[str, str]]:
    """Return the rows of a version's table, under the heading ``Name | Value``."""
    rows = [(DATE, version.date), (DATASET, str(version.dataset)), (LABELS, str(version.labels))]
    return rows + [(name, str(value)) for name, value in version.metrics.items()]


def render_csv(versions: Sequence[VersionMetrics]) -> str:
    """Return a table with one row for each version; metrics stand in the order in which they were first used."""
    names = list(dict.fromkeys(name for version in versions for name in version.metrics))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([DATE, "Tag", DATASET, LABELS, *names])
    for version in versions:
        values = [version.metrics.get(name, "") for name in names]
        writer.writerow([version.date, version.tag, version.dataset or "", version.labels or "", *values])
    return stream.getvalue()


def metrics_document(name: str, versions: Sequence[VersionMetrics]) -> dict[str, object]:
    """Return the metrics as a value for JSON."""
    rows = [
        {
            DATE: version.date,
            "Tag": version.tag,
            DATASET: version.dataset,
            LABELS: version.labels,
            "metrics": version.metrics,
        }
        for version in versions
    ]
    return {"model_name": name, "tags_metrics": rows}


def export_metrics(name: str, versions: Sequence[VersionMetrics], type_: str, folder: str) -> str:
    """Write ``<folder>/<name>-metrics.csv`` or ``.json``, replacing an older one, and return its path.

    Raises:
        CannotWrite: an older file is unchanged.
    """
    from pathlib import Path

    text = render_csv(versions) if type_ == "csv" else json.dumps(metrics_document(name, versions), indent=2) + "\n"
    path = Path(folder) / f"{name}-metrics.{type_}"
    replace_text(path, text)
    return str(path)


def _related(link: VersionLink | None) -> str | None:
    if link is None:
        return None
    tag = find_tag(link.tag)
    return f"{tag.identity.name} - ({tag.number})" if tag is not None else link.tag
