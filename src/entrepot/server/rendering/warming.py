"""Preparation of what pages need once in a process: lexers and the libraries of Markdown, outside any request.

It takes some megabytes and two tenths of a CPU second, so it waits until a page is opened.
"""

from __future__ import annotations

import threading

from entrepot.server.rendering import code_colours, markdown
from entrepot.server.rendering.code_languages import LEXERS

_SAMPLE = "# Title\n\n| a |\n|---|\n| *b* <br> |\n\n```python\nx = 1\n```\n"

_begun = threading.Event()


def begin_once() -> None:
    """Start the preparation in a thread; only the first call in a process does."""
    if not _begun.is_set():
        _begun.set()
        threading.Thread(target=prepare, name="page-preparation", daemon=True).start()


def prepare() -> None:
    """Render a small card, and load all lexers, those of the most frequent languages first."""
    markdown.render_card(_SAMPLE)
    common = ("python", "json", "yaml", "bash")
    for language in (*common, *(name for name in LEXERS if name not in common)):
        code_colours.load(language)
