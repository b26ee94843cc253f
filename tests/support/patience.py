"""How long the HTTP clients of tests wait for a server that shares its cores with other tests."""

from __future__ import annotations

from httpx2._config import DEFAULT_TIMEOUT_CONFIG

WAIT_S = 60.0


def wait_longer_for_servers() -> None:
    """Let clients without a time limit of their own wait for a minute instead of five seconds."""
    DEFAULT_TIMEOUT_CONFIG.connect = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.read = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.write = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.pool = WAIT_S
