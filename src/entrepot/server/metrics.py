"""Counters of one application in the Prometheus text format.

Each application owns its registry, so the counters of two hubs in one process
(tests, notebooks) are separate. With several worker processes, the scraped one
adds the snapshots of the others to its own (:mod:`entrepot.server.worker_metrics`).
The multiprocess mode of prometheus_client was rejected: it is enabled by an
environment variable at import time, shares global state within a process and
leaves a file behind for each process that ever ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import attrs
import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of :meth:`Metrics.render`."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)


@attrs.frozen
class GaugeValue:
    """A gauge that is read at scrape time; ``name`` is without the prefix ``entrepot_``."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = attrs.field(factory=dict)


Gauges = Callable[[], Iterable[GaugeValue]]


class Metrics:
    """Counters of one application.

    Guarantees: every method may be called from any thread.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self._registry = CollectorRegistry()
        self._of_hub = CollectorRegistry()
        self._requests = Counter(
            "entrepot_requests",
            "Finished requests.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._latency = Histogram(
            "entrepot_request_seconds",
            "Time from the request head to the last byte of the response.",
            ("route",),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        received = Counter("entrepot_received_bytes", "Bytes of request bodies received.", registry=self._registry)
        sent = Counter("entrepot_sent_bytes", "Bytes of response bodies sent.", registry=self._registry)
        in_flight = Gauge("entrepot_requests_in_flight", "Requests in progress.", registry=self._registry)
        self._received, self._sent, self._in_flight = received, sent, in_flight
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}  # looking them up by labels is slow
        ProcessCollector(registry=self._registry)

    def begin(self) -> None:
        """Count one request as in progress until :meth:`end`."""
        self._in_flight.inc()

    def end(self, *, method: str, route: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count one finished request.

        Args:
            route: the pattern of the route, never the path itself: each value
                creates its own time series.
            received, sent: bytes of the two bodies.
        """
        self._in_flight.dec()
        verb = method if method in _METHODS else "OTHER"
        key = verb, route, status // 100
        series = self._series.get(key)
        if series is None:
            counter = self._requests.labels(verb, route, f"{status // 100}xx")
            series = self._series[key] = counter, self._latency.labels(route)
        series[0].inc()
        series[1].observe(seconds)
        if received:
            self._received.inc(received)
        if sent:
            self._sent.inc(sent)

    def on_scrape(self, gauges: Gauges) -> None:
        """Add gauges that are read at each scrape, in the rendering thread."""
        self._of_hub.register(_Scraped(gauges))

    def snapshot(self) -> bytes:
        """Return the current counters of this process, for :meth:`render` in another one."""
        return _ENCODER.encode([_family_of(metric) for metric in self._registry.collect()])

    def render(self, others: Iterable[bytes] = ()) -> bytes:
        """Return all counters as Prometheus text. Blocks, because gauges may query the catalog.

        Args:
            others: snapshots of the other processes of the same server, added to the counters of this one.
        """
        total = _Sum()
        for snapshot in (self.snapshot(), *others):
            total.add(_DECODER.decode(snapshot))
        return generate_latest(total) + generate_latest(self._of_hub)


class _Family(msgspec.Struct, array_like=True):
    """One metric of a snapshot; ``samples`` are name, labels and value."""

    name: str
    help: str
    type: str
    samples: list[tuple[str, dict[str, str], float]]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[_Family])


def _family_of(metric: Metric) -> _Family:
    samples = [(sample.name, dict(sample.labels), float(sample.value)) for sample in metric.samples]
    return _Family(metric.name, metric.documentation, metric.type, samples)


class _Sum(Collector):
    """Sums metric families sample by sample; of timestamps, the earliest is used."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self._values: dict[tuple[str, str, tuple[tuple[str, str], ...]], float] = {}

    def add(self, families: list[_Family]) -> None:
        """Add the counters of one process."""
        for family in families:
            self._families.setdefault(family.name, family)
            for name, labels, value in family.samples:
                key = (family.name, name, tuple(labels.items()))
                known = self._values.get(key)
                is_time = name.endswith(("_created", "_start_time_seconds"))
                self._values[key] = value if known is None else min(known, value) if is_time else known + value

    def collect(self) -> Iterator[Metric]:
        """Return the sums as metrics."""
        metrics = {name: Metric(name, one.help, one.type) for name, one in self._families.items()}
        for (family, name, labels), value in self._values.items():
            metrics[family].add_sample(name, dict(labels), value)
        yield from metrics.values()


@attrs.frozen(eq=False)
class _Scraped(Collector):
    gauges: Gauges

    def describe(self) -> Iterable[Metric]:
        """Return nothing, which keeps registration from reading the gauges."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return the current readings, grouped by name."""
        families: dict[str, GaugeMetricFamily] = {}
        for reading in self.gauges():
            names = tuple(sorted(reading.labels))
            family = families.get(reading.name)
            if family is None:
                family = GaugeMetricFamily(f"entrepot_{reading.name}", reading.help, labels=names)
                families[reading.name] = family
            family.add_metric([reading.labels[name] for name in names], reading.value)
        yield from families.values()
