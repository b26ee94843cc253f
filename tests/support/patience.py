"""Patience of tests with a machine whose cores do other work too."""

from __future__ import annotations

from httpx2._config import DEFAULT_TIMEOUT_CONFIG

from entrepot.hub import usage_cache
from entrepot.testing import hubs

WAIT_S = 240.0


def wait_longer_for_servers() -> None:
    """Let clients without a time limit of their own wait for minutes instead of five seconds, and new hubs start."""
    hubs._START_S = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.connect = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.read = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.write = WAIT_S
    DEFAULT_TIMEOUT_CONFIG.pool = WAIT_S


def add_up_used_bytes_every_time() -> None:
    """Let a hub add up the bytes of a namespace at each look, though the processor was away for a moment.

    Sums that take a second by the clock of a test are cached.
    """
    usage_cache._LONG_S = 0.9
    usage_cache._LONG_WAIT_S = WAIT_S
