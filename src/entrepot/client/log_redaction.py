"""Removes secrets from the log messages of the HTTP libraries, which log whole URLs."""

from __future__ import annotations

import logging

from entrepot.errors.redactions import redact

_LOGGERS = ("httpx2", *(f"httpcore2.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")))


class _Redacting(logging.Filter):
    """Accepts every record and masks secrets in its message."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        clean = redact(text)
        if clean != text:
            record.msg, record.args = clean, ()
        return True


_FILTER = _Redacting()


def redact_foreign_logs() -> None:
    """Make the loggers of the HTTP libraries mask secrets; repeated calls have no effect."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
