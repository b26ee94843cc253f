"""Task lists and alerts of Markdown: ``- [x] done``, and quotes that begin with ``[!NOTE]``.

They are written into HTML that is safe already, and what is written is fixed, so they change nothing about its safety.
"""

from __future__ import annotations

import re

MAX_MARKS = 500
"""Tasks, and alerts, of one text; the others stay as they were written, so that the HTML does not grow much."""

_TASK = re.compile(r"<li>(\n?<p>)?\[([ xX])\] ")
_ALERT = re.compile(
    r"<blockquote( dir=\"auto\")?>\n<p>\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\](?:\n|(?=</p>))", re.IGNORECASE
)
_TONES = {"note": "info", "tip": "ok", "important": "plum", "warning": "warn", "caution": "bad"}


def show_tasks_and_alerts(made: str) -> str:
    """Return safe HTML with the boxes of tasks and the titles of alerts."""
    if "<li>" in made:
        made = _TASK.sub(_task, made, count=MAX_MARKS)
    return _ALERT.sub(_alert, made, count=MAX_MARKS) if "[!" in made else made


def _task(item: re.Match[str]) -> str:
    box = "☐" if item[2] == " " else "☑"
    said = "open" if item[2] == " " else "done"
    return f'<li class="task">{item[1] or ""}<span role="img" aria-label="{said}">{box}</span> '


def _alert(quote: re.Match[str]) -> str:
    word = quote[2].lower()
    title = f"<strong>{word.capitalize()}</strong>"
    rest = "</p>\n<p>" if quote[0].endswith("\n") else ""  # the paragraph may end here
    return f'<blockquote{quote[1] or ""} class="alert {_TONES[word]}">\n<p>{title}{rest}'
