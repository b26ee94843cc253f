"""Limits of what git receives: a remote might send without end, or one byte a minute."""

from __future__ import annotations

import attrs


@attrs.frozen
class TransferLimits:
    """Limits of one command of git that talks to a remote.

    Attributes:
        time_limit: seconds that it may take.
        idle_limit: seconds in which nothing arrives.
        size_limit: bytes that it may add to the disk.
    """

    time_limit: int = 3600
    idle_limit: int = 60
    size_limit: int = 4 << 30
