from __future__ import annotations

import msgspec

from entrepot.wire.repos.metrics import MetricPoint, MetricScalar, MetricsFile, MetricsResponse, MetricsRevision


def test_names_are_those_of_the_api() -> None:
    scalar = MetricScalar(
        name="loss",
        count=1,
        lowest=1e308,
        highest=1e308,
        not_finite=2,
        points=[MetricPoint(step=-1, value=1e308, time=0.0)],
    )
    revision = MetricsRevision(commit="1" * 40, names=["main"], title="t", date="d", metrics={"<b>": 1.0})
    files = [MetricsFile(path="log.csv", scalars=[scalar]), MetricsFile(path="x", scalars=[], problem="bad")]
    found = MetricsResponse(revisions=[revision], commit="1" * 40, files=files, is_complete=False)
    assert msgspec.to_builtins(found) == {
        "revisions": [{"commit": "1" * 40, "names": ["main"], "title": "t", "date": "d", "metrics": {"<b>": 1.0}}],
        "commit": "1" * 40,
        "files": [
            {
                "path": "log.csv",
                "scalars": [
                    {
                        "name": "loss",
                        "count": 1,
                        "lowest": 1e308,
                        "highest": 1e308,
                        "notFinite": 2,
                        "points": [{"step": -1, "value": 1e308, "time": 0.0}],
                    }
                ],
            },
            {"path": "x", "scalars": [], "problem": "bad"},
        ],
        "isComplete": False,
    }
