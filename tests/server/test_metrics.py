from __future__ import annotations

from entrepot.server.metrics import GaugeValue, Metrics


def sample(text: bytes, start: str) -> list[str]:
    return [line for line in text.decode().splitlines() if line.startswith(start)]


def test_a_request_is_counted_by_method_route_and_status_class() -> None:
    metrics = Metrics()
    metrics.begin()
    metrics.end(method="GET", route="/api/{id}", status=404, seconds=0.02, received=3, sent=5)
    text = metrics.render()
    assert sample(text, "entrepot_requests_total") == [
        'entrepot_requests_total{method="GET",route="/api/{id}",status="4xx"} 1.0'
    ]
    assert sample(text, "entrepot_received_bytes_total") == ["entrepot_received_bytes_total 3.0"]
    assert sample(text, "entrepot_sent_bytes_total") == ["entrepot_sent_bytes_total 5.0"]
    assert 'entrepot_request_seconds_bucket{le="0.025",route="/api/{id}"} 1.0' in text.decode()


def test_a_request_is_in_flight_between_begin_and_end() -> None:
    metrics = Metrics()
    metrics.begin()
    assert sample(metrics.render(), "entrepot_requests_in_flight") == ["entrepot_requests_in_flight 1.0"]
    metrics.end(method="GET", route="/", status=200, seconds=0, received=0, sent=0)
    assert sample(metrics.render(), "entrepot_requests_in_flight") == ["entrepot_requests_in_flight 0.0"]


def test_invented_methods_share_one_series() -> None:
    metrics = Metrics()
    for method in ("BREW", "WHEN"):
        metrics.begin()
        metrics.end(method=method, route="/", status=405, seconds=0, received=0, sent=0)
    assert sample(metrics.render(), "entrepot_requests_total") == [
        'entrepot_requests_total{method="OTHER",route="/",status="4xx"} 2.0'
    ]


def test_gauges_are_read_at_each_scrape_and_not_before() -> None:
    metrics = Metrics()
    reads: list[int] = []

    def gauges() -> list[GaugeValue]:
        reads.append(1)
        return [
            GaugeValue("jobs", "Jobs by state.", 3, {"state": "waiting"}),
            GaugeValue("jobs", "Jobs by state.", len(reads), {"state": "running"}),
        ]

    metrics.on_scrape(gauges)
    assert reads == []
    metrics.render()
    text = metrics.render()
    assert sample(text, "entrepot_jobs") == ['entrepot_jobs{state="waiting"} 3.0', 'entrepot_jobs{state="running"} 2.0']


def test_two_applications_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.begin()
    assert sample(other.render(), "entrepot_requests_in_flight") == ["entrepot_requests_in_flight 0.0"]


def test_several_processes_are_added_up() -> None:
    first, second = Metrics(), Metrics()
    for metrics, requests in ((first, 2), (second, 3)):
        metrics.on_scrape(lambda: [GaugeValue("repositories", "Repositories.", 7)])
        for _ in range(requests):
            metrics.begin()
            metrics.end(method="GET", route="/x", status=200, seconds=0.02, received=10, sent=1)
    second.end(method="PUT", route="/only-there", status=200, seconds=0.02, received=0, sent=0)
    text = first.render([second.snapshot()])
    assert sample(text, "entrepot_requests_total") == [
        'entrepot_requests_total{method="GET",route="/x",status="2xx"} 5.0',
        'entrepot_requests_total{method="PUT",route="/only-there",status="2xx"} 1.0',
    ]
    assert sample(text, "entrepot_received_bytes_total") == ["entrepot_received_bytes_total 50.0"]
    assert 'entrepot_request_seconds_count{route="/x"} 5.0' in text.decode()
    assert sample(text, "entrepot_repositories") == ["entrepot_repositories 7.0"]  # of the hub, not of a process
    [started] = sample(text, "process_start_time_seconds")
    assert started in first.render().decode()
    assert len(sample(text, "# HELP entrepot_requests_total")) == 1
