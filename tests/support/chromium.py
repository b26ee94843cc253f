"""Chromium, driven by Playwright; tests are skipped where one of the two is not installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",  # pages are painted by software anyway, and a process for it takes a quarter of their time
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 200_000


@contextmanager
def launched() -> Iterator[Browser]:
    """Yield a browser, which is closed at the end."""
    api = pytest.importorskip("playwright.sync_api")
    if PROGRAM is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=FLAGS, timeout=WAIT_MS)
        yield browser
        browser.close()
