from __future__ import annotations

import httpx2

from tests.support.served_hub import ServedHub


def test_writers_see_what_a_deletion_frees(site: ServedHub, signed_in: httpx2.Client, browser: httpx2.Client) -> None:
    ref = site.repo("stored")
    site.commit_large(ref, "a.bin", bytes(range(256)) * 4_000)
    text = signed_in.get("/alice/stored/storage").text
    assert "Deleting this repository frees" in text
    assert "1.02 MB" in text
    assert ">main</a>" in text
    assert 'href="/alice/stored/storage"' in signed_in.get("/alice/stored").text
    assert 'href="/alice/stored/storage"' not in browser.get("/alice/stored").text
    assert browser.get("/alice/stored/storage").status_code == 401
    assert signed_in.get("/alice/stored/settings/storage").status_code == 404, "the figures have one page"
