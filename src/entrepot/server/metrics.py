"""Counters of one application in the Prometheus text format.

Each application owns its registry, so two hubs in one process (tests,
notebooks) never mix. With several worker processes each one reports for
itself under its ``worker`` label, a small stable number: a scrape shows one
worker, and sums over the label follow over several scrapes. The multiprocess
mode of prometheus_client was rejected: it is switched on by an environment
variable at import time, shares one global state per process and leaves a file
behind for each process that ever lived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import attrs
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of :meth:`Metrics.render`."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)


@attrs.frozen
class Reading:
    """One gauge read at scrape time; ``name`` without the ``entrepot_`` prefix."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = attrs.field(factory=dict)


Gauges = Callable[[], Iterable[Reading]]


class Metrics:
    """What one application counts.

    Guarantees: every method may be called from any thread.
    """

    def __init__(self, *, worker: int = 0) -> None:
        """Start at zero.

        Args:
            worker: number of the worker process, 0 where there is only one.
        """
        self._registry = CollectorRegistry()
        self._worker = str(worker)
        self._requests = Counter(
            "entrepot_requests",
            "Requests answered.",
            ("worker", "method", "route", "status"),
            registry=self._registry,
        )
        self._latency = Histogram(
            "entrepot_request_seconds",
            "Time from the request head to the last byte of the answer.",
            ("worker", "route"),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        received = Counter(
            "entrepot_received_bytes", "Bytes of request bodies received.", ("worker",), registry=self._registry
        )
        sent = Counter("entrepot_sent_bytes", "Bytes of response bodies sent.", ("worker",), registry=self._registry)
        in_flight = Gauge(
            "entrepot_requests_in_flight", "Requests being answered now.", ("worker",), registry=self._registry
        )
        self._received = received.labels(self._worker)
        self._sent = sent.labels(self._worker)
        self._in_flight = in_flight.labels(self._worker)
        ProcessCollector(registry=self._registry)

    def begin(self) -> None:
        """Count one request as being answered, until :meth:`end`."""
        self._in_flight.inc()

    def end(self, *, method: str, route: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count one answered request.

        Args:
            route: the pattern of the route, never the path itself: each value
                is a series of its own.
            received, sent: bytes of the two bodies.
        """
        self._in_flight.dec()
        verb = method if method in _METHODS else "OTHER"
        self._requests.labels(self._worker, verb, route, f"{status // 100}xx").inc()
        self._latency.labels(self._worker, route).observe(seconds)
        self._received.inc(received)
        self._sent.inc(sent)

    def on_scrape(self, gauges: Gauges) -> None:
        """Add gauges that are read anew at each scrape, in the thread that renders."""
        self._registry.register(_Scraped(gauges))

    def render(self) -> bytes:
        """Everything counted so far as Prometheus text; blocking, because gauges may query the catalog."""
        return generate_latest(self._registry)


@attrs.frozen(eq=False)
class _Scraped(Collector):
    gauges: Gauges

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape; an empty answer keeps registering from reading the gauges."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The readings of now, grouped by name."""
        families: dict[str, GaugeMetricFamily] = {}
        for reading in self.gauges():
            names = tuple(sorted(reading.labels))
            family = families.get(reading.name)
            if family is None:
                family = GaugeMetricFamily(f"entrepot_{reading.name}", reading.help, labels=names)
                families[reading.name] = family
            family.add_metric([reading.labels[name] for name in names], reading.value)
        yield from families.values()
