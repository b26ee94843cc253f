from __future__ import annotations

import logging

import pytest

from entrepot.client.log_redaction import redact_foreign_logs

TOKEN = "hf_" + "aB3" * 11


def test_log_lines_of_the_http_libraries_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    redact_foreign_logs()
    redact_foreign_logs()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpx2").info("HTTP Request: GET %s", f"http://u:{TOKEN}@h/f?sig=secret&a=1")
        logging.getLogger("httpcore2.http11").debug("headers=%r", [(b"Authorization", f"Bearer {TOKEN}".encode())])
        logging.getLogger("httpx2").info("%d plain", 1)
    assert TOKEN not in caplog.text
    assert "secret" not in caplog.text
    assert "1 plain" in caplog.text
