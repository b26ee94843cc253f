from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.context import HubContext
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories
from tests.server.pages.settings.conftest import Send
from tests.support.served_hub import ServedHub


def test_the_overview_counts(admin: httpx2.Client) -> None:
    page = admin.get("/-/admin/overview").text
    for words in ("Users", "Repositories", "Disk free", "checks pass"):
        assert words in page


def test_settings_are_shown_with_what_differs_from_the_default(site: ServedHub, admin: httpx2.Client) -> None:
    page = admin.get("/-/admin/settings").text
    assert str(site.hub.settings.data) in page
    assert 'class="mono">gc_grace' in page
    assert "same" in page
    assert "signing_key" not in page


def test_health_names_every_check(admin: httpx2.Client) -> None:
    page = admin.get("/-/admin/health").text
    for words in ("Database and store", "Disk", "Chunks", "Failed jobs", "Waiting jobs", "git"):
        assert f"<b>{words}</b>" in page


def test_storage_shows_what_is_stored(admin: httpx2.Client) -> None:
    assert "<dt>Not in chunks</dt><dd>" in admin.get("/-/admin/storage").text


def test_a_rehearsal_says_what_would_be_freed_and_deletes_nothing(site: ServedHub, send_admin: Send) -> None:
    ref = site.repo("to-collect")
    repositories.delete(site.hub, site.caller(), ref)
    for _ in range(2):
        done = send_admin("/-/admin/gc")
        assert done.status_code == 200
        assert "Would be freed" in done.text


def test_a_deletion_is_asked_for_once(site: ServedHub, admin: httpx2.Client, send_admin: Send) -> None:
    assert "Delete in the background" in admin.get("/-/admin/gc").text
    asked = send_admin("/-/admin/gc/run")
    assert "A job that deletes all of this waits or runs" in asked.text
    assert "Delete in the background" not in asked.text
    assert "sweep" in admin.get("/-/admin/jobs?state=ready").text


def test_every_page_leads_administrators_here(admin: httpx2.Client, signed_in: httpx2.Client) -> None:
    assert 'href="/-/admin"' in admin.get("/models").text
    assert "/-/admin" not in signed_in.get("/models").text


def test_the_overview_counts_what_is_stored_as_chunks(admin: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    known = maintenance.sizes

    def sizes(hub: HubContext) -> dict[str, int]:
        return {**known(hub), "file_bytes": 1_000_000, "xorb_bytes": 2_000_000, "xorbs": 3}

    monkeypatch.setattr(maintenance, "sizes", sizes)
    page = admin.get("/-/admin/overview").text
    assert "<dt>Large files</dt><dd>3.00 MB</dd><dd>stored, 2.00 MB of it as chunks</dd>" in page
