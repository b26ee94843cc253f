"""The answer of ``/readyz``."""

from __future__ import annotations

import msgspec


class DependencyCheck(msgspec.Struct, omit_defaults=True):
    """Whether a service that the hub needs responds; if not, why, and since when."""

    status: str
    reason: str | None = None
    since: str | None = None


class ReadinessChecks(msgspec.Struct):
    """The services that the hub needs."""

    database: DependencyCheck
    store: DependencyCheck


class ReadinessAnswer(msgspec.Struct):
    """Whether load balancers should send requests to a server, and what it found."""

    status: str
    checks: ReadinessChecks
