from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.repos import repo_rights, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.scanning import scan_jobs
from entrepot.hub.scanning.results import FileScan, ScanRow
from entrepot.names import RepoRef
from entrepot.server.app import make_app
from entrepot.server.pages.scan_marks import mark_of, warning_of
from entrepot.settings import Settings
from tests.hub.scanning.conftest import HOSTILE
from tests.server.pages.conftest import browse
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub


def row(status: str, **report: object) -> ScanRow:
    return ScanRow("c", "pickles", "1", status, report, 1, 1)


def test_warnings_say_what_scanners_found() -> None:
    imports = [["os", "system", "dangerous"], ["torch", "load", "innocuous"]]
    found = mark_of(FileScan("unsafe", True, row("unsafe", message="loading it runs code", imports=imports)))
    assert found is not None
    assert (found.word, found.tone, found.is_warning) == ("Unsafe", "bad", True)
    assert found.sentence == "Loading it runs code; it imports os.system."
    both = FileScan("suspicious", True, row("safe"), row("suspicious", message="odd"))
    assert warning_of(both).sentence == "Odd."


def test_many_imports_are_counted() -> None:
    imports = [["m", f"n{number}", "suspicious"] for number in range(12)]
    found = mark_of(FileScan("suspicious", True, row("suspicious", imports=imports)))
    assert found.sentence.endswith("m.n9 and 2 more.")


@pytest.mark.parametrize(
    ("status", "word"), [("safe", "No known threat"), ("error", "Scan failed"), ("queued", "Waiting for a scan")]
)
def test_other_results_are_no_warnings(status: str, word: str) -> None:
    found = mark_of(FileScan(status))
    assert (found.word, found.is_warning) == (word, False)
    assert warning_of(FileScan(status)) is None


def test_files_that_nobody_scans_have_no_mark() -> None:
    assert mark_of(None) is None
    assert mark_of(FileScan("unscanned")) is None


@pytest.fixture
def scanned(tmp_path: Path) -> Iterator[tuple[ServedHub, RepoRef]]:
    """A hub that scans, with a repository whose files were scanned."""
    hub = open_hub(Settings(data=tmp_path / "data", scanning="warn"), fsync=False)
    accounts.create_user(hub, "alice")
    secret = accounts.create_token(hub, "alice", role="write").secret
    with running(make_app(hub)) as address:
        site = ServedHub(hub, address.url, secret, "", "")
        ref = site.repo("scanned")
        site.commit(ref, {"bad.pkl": HOSTILE, "README.md": b"# x\n"})
        row = repo_rights.of(hub, site.caller(), ref).row
        for _ in scan_jobs.scan_steps(hub, row.id):
            pass
        yield site, ref
    hub.close()


def test_pages_of_folders_and_files_show_the_marks(scanned: tuple[ServedHub, RepoRef]) -> None:
    site, ref = scanned
    with browse(site) as client:
        tree = client.get("/alice/scanned/tree/main").text
        assert tree.count('class="badge bad"') == 1
        assert ">Unsafe</span>" in tree
        blob = client.get("/alice/scanned/blob/main/bad.pkl").text
        assert 'class="note bad" role="alert"' in blob
        assert "os.system" in blob
        assert "<dt>Scan</dt>" not in client.get("/alice/scanned/blob/main/README.md").text
        repositories.configure(site.hub, site.caller(), ref, RepoChanges(gated="manual"))
        assert "Unsafe" not in client.get("/alice/scanned/tree/main").text, "results tell what is in the files"
