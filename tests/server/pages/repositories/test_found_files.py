from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from entrepot.server.pages.repositories import found_files
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def test_a_form_without_scripts_finds_files(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("found"), {"src/<i>config&.json": b"x", "src/deep/config.py": b"y", "a.txt": b"z"})
    tree = show("/alice/found/tree/main/src")
    assert 'action="/alice/found/find/main/src"' in tree
    assert 'accesskey="t"' in tree
    text = show("/alice/found/find/main/src?q=config")
    assert 'href="/alice/found/blob/main/src/%3Ci%3Econfig%26.json">src/&lt;i&gt;config&amp;.json</a>' in text
    assert "src/deep/config.py" in text
    assert "a.txt" not in text
    assert 'value="config"' in text
    assert "/api/models/alice/found/find/main/src?q=config" in text


def test_what_is_not_found_and_what_is_left_out_is_said(
    site: ServedHub, show: Show, browser: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.commit(site.repo("many"), {f"{number}.txt": b"x" for number in range(3)})
    assert "No path has all words of “&lt;none&gt;”" in show("/alice/many/find/main?q=%3Cnone%3E")
    assert "Type parts of a path" in show("/alice/many/find/main")
    monkeypatch.setattr(found_files, "SHOWN", 2)
    assert "There may be others: the first 2 are shown" in show("/alice/many/find/main?q=txt")
    assert browser.get("/alice/many/find/main/none?q=txt").status_code == 404
    assert browser.get("/alice/many/find/none?q=txt").status_code == 404
