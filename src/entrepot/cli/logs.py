"""Where log lines go and what they look like, by the settings."""

from __future__ import annotations

import json
import logging
import sys

from entrepot.settings import Settings
from entrepot.wire.times import format_ms


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message`` and, after a failure, ``trace``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        fields = {
            "time": format_ms(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class TextLines(logging.Formatter):
    """For people: the time in UTC, the level, the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record, and the trace of a failure below it."""
        line = f"{format_ms(int(record.created * 1000))} {record.levelname.lower()} {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure_logging(settings: Settings) -> None:
    """Send the log of this process to standard error, in place of what was set up before."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.basicConfig(level=logging.WARNING, handlers=[lines], force=True)
    logging.getLogger("entrepot").setLevel(settings.log_level.upper())
