"""Logging of this process: format and destination, as the settings say."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Final

from entrepot.errors.redactions import mask_encoded_tokens
from entrepot.settings import Settings
from entrepot.wire.times import format_ms

_SECRETS: Final = re.compile(
    r"\b(?P<token>hf|xet)_(?=[A-Za-z0-9]{16})[A-Za-z0-9_.~-]+"
    r"|(?P<scheme>\b(?:Bearer|Basic)) +[A-Za-z0-9_.~+/=-]{5,}"
    r"|(?P<name>[?&](?:sig|token|access_token)=)[^\s&\"']+",
    re.IGNORECASE,
)
_SIGNS: Final = ("hf_", "xet_", "bearer", "basic", "sig=", "token=")
"""Every match of the expression contains one of these, in some case; most lines contain none."""


def without_secrets(text: str) -> str:
    """Return a log line with tokens, credentials and signatures replaced.

    The server does not log secrets itself, but messages of other libraries and
    of unexpected exceptions may contain them.
    """

    def replaced(match: re.Match[str]) -> str:
        if match["token"]:
            return f"{match['token']}_[hidden]"
        return f"{match['scheme']} [hidden]" if match["scheme"] else f"{match['name']}[hidden]"

    text, lowered = mask_encoded_tokens(text, "[hidden]"), text.lower()
    if text.isascii() and not any(map(lowered.__contains__, _SIGNS)):
        return text
    return _SECRETS.sub(replaced, text)


class JsonLines(logging.Formatter):
    """Formats one JSON object a line: ``time``, ``level``, ``logger``, ``message`` and, for exceptions, ``trace``."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        fields = {
            "time": format_ms(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if record.exc_info:
            fields["trace"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(fields, ensure_ascii=False)


class TextLines(logging.Formatter):
    """Formats text lines: the time in UTC, the level, the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record, followed by the traceback if there is one."""
        line = f"{format_ms(int(record.created * 1000))} {record.levelname.lower()} {record.getMessage()}"
        return without_secrets(f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line)


def configure_logging(settings: Settings) -> None:
    """Send the log of this process to standard error, replacing existing handlers."""
    # No line names them, and looking them up would cost as much as writing the line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.basicConfig(level=logging.WARNING, handlers=[lines], force=True)
    logging.getLogger("entrepot").setLevel(settings.log_level.upper())
