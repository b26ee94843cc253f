"""Which failed calls are sent again, and after which pause."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from entrepot.client.calls import Call
from entrepot.client.http_errors import HubFailure
from entrepot.errors import EntrepotError, TlsFailed

_RETRIED = frozenset({408, 429, 500, 502, 503, 504})


def pause_after(error: EntrepotError, call: Call[Any], attempt: int) -> float | None:
    """Return the seconds to wait before a retry; None if the call must not be or need not be retried."""
    if isinstance(error, HubFailure):
        # A rate-limited request was not processed, so it is safe to send any call again.
        may_resend = error.status == 429 or (error.status in _RETRIED and call.is_repeatable)
        requested = _requested_pause(error.response.headers)
        return (_backoff(attempt) if requested is None else requested) if may_resend else None
    return _backoff(attempt) if _may_resend(call, error) else None


def _may_resend(call: Call[Any], error: EntrepotError) -> bool:
    """Return whether a call without a response may be sent again: it is repeatable, or was never sent."""
    import httpx2

    cause = error.__cause__
    if isinstance(error, TlsFailed) or not isinstance(cause, httpx2.TransportError):
        return False
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return False
    return call.is_repeatable or isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def _backoff(attempt: int) -> float:
    """Return the seconds before a retry: doubling, with jitter so that clients do not retry at the same time."""
    return min(8.0, 0.25 * 2.0**attempt) * random.uniform(0.75, 1.25)  # noqa: S311 - not used for security


def _requested_pause(headers: Mapping[str, str]) -> float | None:
    """Return the pause in seconds that a response asks for; None if it has none."""
    text = headers.get("retry-after", "")
    if not text and "r=0" in headers.get("ratelimit", ""):
        text = headers["ratelimit"].partition("t=")[2].partition(";")[0]
    return float(text) if text.isdigit() else None
