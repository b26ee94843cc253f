from __future__ import annotations

import json
import re
from collections.abc import Callable

import httpx2
import pytest

from entrepot.previews import time_limits
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def test_a_text_has_numbered_lines_a_permalink_and_a_download(site: ServedHub, show: Show) -> None:
    commit = site.commit(site.repo("texts"), {"a.py": b"one\n<b>two</b>\n"})
    text = show("/alice/texts/blob/main/a.py")
    assert '<tr id="L2"><td class="ln"><a href="#L2">2</a></td><td>&lt;b&gt;two&lt;/b&gt;</td></tr>' in text
    assert f'href="/alice/texts/blob/{commit}/a.py"' in text
    assert f'href="/alice/texts/resolve/{commit}/a.py"' in text


def test_pictures_are_shown_from_their_own_address(site: ServedHub, show: Show) -> None:
    commit = site.commit(site.repo("pictures"), {"a.png": b"\x89PNG", "b.svg": b"<svg onload='alert(1)'/>"})
    assert f'<img src="/alice/pictures/resolve/{commit}/a.png"' in show("/alice/pictures/blob/main/a.png")
    text = show("/alice/pictures/blob/main/b.svg")
    assert f'<img src="/alice/pictures/resolve/{commit}/b.svg" alt="b.svg">' in text
    assert "<svg onload" not in text
    assert "&lt;svg onload" in re.sub(r"</?span[^>]*>", "", text)  # its code has colours


def test_an_empty_drawing_is_no_picture(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("drawings"), {"a.svg": b""})
    assert "<img" not in show("/alice/drawings/blob/main/a.svg")


def test_large_files_are_read_by_ranges(site: ServedHub, show: Show) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1000], "data_offsets": [0, 4000]}}).encode()
    data = len(header).to_bytes(8, "little") + header + bytes(4000)
    site.commit_large(site.repo("tensors"), "model.safetensors", data)
    text = show("/alice/tensors/blob/main/model.safetensors")
    assert "1,000" in text
    assert "SHA-256" in text
    page = "/alice/tensors/blob/main/model.safetensors?"
    assert ">w</td>" in show(page + "tensor=W&dtype=F32")
    text = show(page + "dtype=F16&tensor=%22%3E%3Cscript%3E")
    assert "0 match" in text
    assert '"><script>' not in text
    assert "Nothing is listed." in text


def test_a_notebook_shows_cells_and_outputs_as_text(site: ServedHub, show: Show) -> None:
    outputs = [
        {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo="}},
        {"output_type": "display_data", "data": {"text/html": "<script>alert(1)</script>", "text/plain": "<plain>"}},
    ]
    told = "# Head\n\n*slanted* [more](guide.md) <img src=x onerror=alert(1)>"
    cells = [
        {"cell_type": "code", "source": "print(1)", "outputs": outputs},
        {"cell_type": "markdown", "source": told},
    ]
    notebook = json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}).encode()
    site.commit(site.repo("notes"), {"docs/n.ipynb": notebook})
    text = show("/alice/notes/blob/main/docs/n.ipynb")
    assert '<h2 id="c1-head">Head</h2>' in text
    assert "<em>slanted</em>" in text
    assert 'href="/alice/notes/blob/main/docs/guide.md"' in text
    assert "<img src=x" not in text
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in text
    assert "&lt;plain&gt;" in text
    assert text.count("<script") == 2  # those of every page


def test_files_of_private_repositories_load_in_pages_of_their_readers_only(
    site: ServedHub, signed_in: httpx2.Client, browser: httpx2.Client
) -> None:
    path = "/alice/hidden/resolve/main/README.md"
    assert signed_in.get(path).text == "# Secret\n"
    assert signed_in.get(path).headers["vary"] == "Authorization, Cookie"
    assert browser.get(path).status_code == 401
    for other in ("cross-site", "same-site"):
        assert signed_in.get(path, headers={"sec-fetch-site": other}).status_code == 401
    del signed_in.headers["sec-fetch-site"]
    assert signed_in.get(path).status_code == 401


def test_markdown_is_shown_as_a_document(site: ServedHub, show: Show) -> None:
    words = b"---\nlicense: mit\n---\n# Guide\n\n[next](b.txt) *soft*\n\n<script>alert(1)</script>\n"
    site.commit(site.repo("documents"), {"README.md": words, "docs/guide.md": words, "a.txt": words})
    page = "/alice/documents/blob/main"
    for path, folder in (("README.md", ""), ("docs/guide.md", "docs/")):
        assert 'href="?view=document">Document</a>' in show(f"{page}/{path}")
        text = show(f"{page}/{path}?view=document")
        assert f'<a href="{page}/{folder}b.txt" rel="nofollow noopener noreferrer">next</a>' in text
        assert [word for word in ("license: mit", "<script>alert", 'id="L1"') if word in text] == []
    assert 'id="L1"' in show(f"{page}/a.txt?view=document"), "shown as text"
    assert "view=document" not in show(f"{page}/a.txt")


def test_json_is_shown_as_parts_that_fold(site: ServedHub, show: Show) -> None:
    data = b'{"layers": [{"size": 1.50}], "<b>": "<script>"}'
    site.commit(site.repo("folding"), {"config.json": data, "broken.json": b"{", "a.txt": data})
    page = "/alice/folding/blob/main"
    assert 'href="?view=folded"' in show(f"{page}/config.json")
    text = show(f"{page}/config.json?view=folded")
    assert '<span class="d">1.50</span>' in text
    assert "<summary>" in text.partition("folds")[2]
    assert "<script>" not in text.partition('class="folds')[2].partition("</section>")[0]
    assert 'id="L1"' not in text
    for other in ("broken.json", "a.txt"):
        assert 'id="L1"' in show(f"{page}/{other}?view=folded"), "shown as text"
    assert "view=folded" not in show(f"{page}/a.txt")


def test_the_time_of_a_page_is_limited(site: ServedHub, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    site.commit(site.repo("slow"), {"a.pkl": b"\x80\x02N0N.", "b.ipynb": b'{"nbformat": 4, "cells": [{}]}'})
    assert "imports may be missing" not in show("/alice/slow/blob/main/a.pkl")
    monkeypatch.setattr(time_limits, "MAX_CPU_S", 0.0)
    assert "imports may be missing" in show("/alice/slow/blob/main/a.pkl")
    assert "Only the first 0 cells are shown." in show("/alice/slow/blob/main/b.ipynb")


def test_an_unknown_view_of_a_file_is_refused(site: ServedHub, browser: httpx2.Client) -> None:
    site.commit(site.repo("views"), {"a.json": b"{}"})
    assert browser.get("/alice/views/blob/main/a.json?view=nope").status_code == 400
