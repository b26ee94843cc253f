from __future__ import annotations

import re
from collections.abc import Callable

import httpx2
import pytest

from entrepot.hub.jobs import indexing
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def test_lines_stand_beside_the_commits_that_wrote_them(site: ServedHub, show: Show) -> None:
    ref = site.repo("blamed")
    first = site.commit(ref, {"a.py": b"import os\n\nx = '<q>'\n"})
    second = site.commit(ref, {"a.py": b"import os\nimport re\n\nx = '<q>'\n"})
    text = show("/alice/blamed/blame/main/a.py")
    assert re.findall(r'rowspan="(\d+)"><a href="/alice/blamed/commit/(\w+)"', text) == [
        ("1", first),
        ("1", second),
        ("2", first),
    ]
    assert re.findall(r'<tr id="L(\d)">', text) == ["1", "2", "3", "4"]
    assert "&lt;q&gt;" in text
    assert "<q>" not in text
    assert 'href="/alice/blamed/blame/main/a.py"' in show("/alice/blamed/blob/main/a.py")


def test_a_file_without_lines_is_explained(site: ServedHub, show: Show) -> None:
    ref = site.repo("lineless")
    site.commit(ref, {"a.bin": b"\0\1"})
    site.commit_large(ref, "w.bin", b"w" * 100)
    assert "It is not text" in show("/alice/lineless/blame/main/a.bin")
    assert "It is stored as a large file" in show("/alice/lineless/blame/main/w.bin")
    assert "/blame/" not in show("/alice/lineless/blob/main/w.bin")


def test_a_missing_file_has_the_page_of_a_missing_file(browser: httpx2.Client) -> None:
    answer = browser.get("/alice/tern/blame/main/none.txt")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")


@pytest.mark.parametrize("page", ["blame", "commits"])
def test_a_page_that_waits_for_the_index_says_so_and_loads_again(
    site: ServedHub, browser: httpx2.Client, show: Show, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    site.commit(site.repo(f"waiting-{page}"), {"a.py": b"x\n"})
    monkeypatch.setattr(indexing, "BRIEF_COMMITS", -1)
    answer = browser.get(f"/alice/waiting-{page}/{page}/main/a.py")
    assert (answer.status_code, answer.headers["refresh"], answer.headers["retry-after"]) == (503, "2", "1")
    assert "The history is being indexed" in answer.text
    assert "request id" not in answer.text
    answer = browser.get(f"/alice/waiting-{page}/{page}/main/a.py", headers={"accept": "application/json"})
    assert answer.json()["error"] == "the history of this repository is being indexed; try again in a moment"
    monkeypatch.undo()
    assert "refresh" not in browser.get(f"/alice/waiting-{page}/{page}/main/a.py").headers
