"""Keeps secrets out of the log lines of the HTTP libraries, which log whole URLs."""

from __future__ import annotations

import logging

from entrepot.errors.redactions import redact

_LOGGERS = ("httpx2", *(f"httpcore2.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")))


class _Redacting(logging.Filter):
    """Passes every record on, without the secrets that its message holds."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        clean = redact(text)
        if clean != text:
            record.msg, record.args = clean, ()
        return True


_FILTER = _Redacting()


def redact_foreign_logs() -> None:
    """Have the loggers of the HTTP libraries mask secrets; calling it again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
