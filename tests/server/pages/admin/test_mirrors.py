from __future__ import annotations

import httpx2

from entrepot.catalog.repos import repositories
from tests.server.pages.settings.conftest import Send
from tests.support.served_hub import ServedHub


def test_mirrors_are_listed_and_repacked(site: ServedHub, admin: httpx2.Client, send_admin: Send) -> None:
    assert "No repository was cloned from this server yet." in admin.get("/-/admin/mirrors").text
    ref = site.repo("mirrored", visibility="private")
    site.commit(ref, {"a.txt": b"1"})
    with site.hub.read() as tx:
        row = repositories.find(tx, ref)
    assert row is not None
    site.hub.mirrors.take(site.hub.store, site.hub.read, row).release()
    text = admin.get("/-/admin/mirrors").text
    assert 'href="/alice/mirrored"' in text
    assert "In order" in text
    assert "/api/admin/mirrors" in text
    answer = send_admin("/-/admin/mirrors/repack", {"type": "model", "repo": "alice/mirrored"})
    assert "Saved." in answer.text
    assert send_admin("/-/admin/mirrors/repack", {"type": "model", "repo": "alice/none"}).status_code == 404
    assert send_admin("/-/admin/mirrors/repack", {"type": "thing", "repo": "alice/none"}).status_code == 400
