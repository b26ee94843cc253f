from __future__ import annotations

import msgspec

from entrepot.wire.readiness import DependencyCheck, ReadinessAnswer, ReadinessChecks


def test_what_responds_has_no_reason_and_what_does_not_says_since_when() -> None:
    away = DependencyCheck("unavailable", "the service cannot be reached", "2026-01-02T03:04:05.000Z")
    answer = ReadinessAnswer("degraded", ReadinessChecks(DependencyCheck("reachable"), away))
    assert msgspec.to_builtins(answer) == {
        "status": "degraded",
        "checks": {
            "database": {"status": "reachable"},
            "store": {
                "status": "unavailable",
                "reason": "the service cannot be reached",
                "since": "2026-01-02T03:04:05.000Z",
            },
        },
    }
