"""JSON of metrics: an extension of this hub, described in ``docs/metrics.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class MetricsRevision(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of the card at a commit. ``names``: ``main`` and tags that lead to it."""

    commit: str
    names: Sequence[str]
    title: str
    date: str
    metrics: Mapping[str, float]


class MetricPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A value at a step; ``time``: seconds since 1970, 0 if the file does not say."""

    step: int
    value: float
    time: float


class MetricScalar(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A scalar of a file. ``points`` may be fewer than ``count``: peaks, first and last are among them."""

    name: str
    count: int
    lowest: float
    highest: float
    not_finite: int
    points: Sequence[MetricPoint]


class MetricsFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of metrics. ``problem``: why it cannot be read."""

    path: str
    scalars: Sequence[MetricScalar]
    problem: str = ""


class ComparedMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of a model's card at main. ``metrics``: None if the caller can read no model of this name."""

    name: str
    metrics: Mapping[str, float] | None


class MetricsResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Metrics of a model: ``revisions``, newest first, from cards; ``files`` those at ``commit``.

    ``isComplete``: False if a limit was reached, or a card cannot be read. ``compared``: this model and those that the
    request names, in this order, if it names any.
    """

    revisions: Sequence[MetricsRevision]
    commit: str
    files: Sequence[MetricsFile]
    is_complete: bool
    compared: Sequence[ComparedMetrics] = ()
