"""How long tests wait for a server that shares its cores with other tests."""

from __future__ import annotations

from httpx2._config import DEFAULT_TIMEOUT_CONFIG

from entrepot.testing import hubs

WAIT_S = 240.0


def wait_longer_for_servers() -> None:
    """Let clients without a time limit of their own wait for minutes instead of five seconds, and new hubs start."""
    hubs._START_S = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.connect = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.read = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.write = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.pool = WAIT_S
