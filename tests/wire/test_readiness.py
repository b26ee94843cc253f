from __future__ import annotations

import msgspec

from entrepot.wire.readiness import DependencyCheck, ReadinessAnswer, ReadinessChecks


def test_only_a_service_that_fails_has_a_reason_and_a_time() -> None:
    failed = DependencyCheck(status="failed", reason="no answer", since="2026-11-30T11:02:00Z")
    answer = ReadinessAnswer(
        status="failed", checks=ReadinessChecks(database=DependencyCheck(status="ok"), store=failed)
    )
    assert msgspec.to_builtins(answer) == {
        "status": "failed",
        "checks": {
            "database": {"status": "ok"},
            "store": {"status": "failed", "reason": "no answer", "since": "2026-11-30T11:02:00Z"},
        },
    }
