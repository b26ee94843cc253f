"""The parts of OpenLineage events that this hub reads.

Source: openlineage.io, "OpenLineage.json" 2-0-2: RunEvent, and "DatasetVersionDatasetFacet.json".
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_RUN_LENGTH = 200


class OpenLineageVersion(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The facet ``version``: which version of a dataset was read or made."""

    dataset_version: str = ""


class OpenLineageFacets(msgspec.Struct, frozen=True, kw_only=True):
    """Facets of a dataset; all but ``version`` are passed over."""

    version: OpenLineageVersion | None = None


class OpenLineageDataset(msgspec.Struct, frozen=True, kw_only=True):
    """An input or output of a run: a name within a namespace, such as the address of a hub."""

    namespace: str
    name: str
    facets: OpenLineageFacets | None = None

    @property
    def version(self) -> str:
        """The version that the facet names; ``""`` if it names none."""
        return self.facets.version.dataset_version if self.facets and self.facets.version else ""


class OpenLineageJob(msgspec.Struct, frozen=True, kw_only=True):
    """The job of a run."""

    namespace: str
    name: str


class OpenLineageRun(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A run of a job."""

    run_id: str


class OpenLineageEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event. Only events of runs have ``run``, and those of jobs and datasets alone no ``event_type``."""

    event_type: str | None = None
    run: OpenLineageRun | None = None
    job: OpenLineageJob | None = None
    inputs: Sequence[OpenLineageDataset] | None = None
    outputs: Sequence[OpenLineageDataset] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether a run has ended well: only then what it made exists."""
        return self.run is not None and (self.event_type or "").upper() == "COMPLETE"

    @property
    def run_name(self) -> str:
        """The run as lineage names it: ``job/run``, cut at the front so that the id of the run stays."""
        parts = [self.job.namespace, self.job.name] if self.job else []
        return "/".join([*parts, self.run.run_id if self.run else ""])[-_RUN_LENGTH:]
