"""Uploads by a real browser: the script of the page, the vendored client, and the hub.

Skipped where Playwright or Chromium is not installed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoRef, RepoType
from entrepot.server.app import make_app
from entrepot.server.hosting import running
from entrepot.settings import Settings
from tests.support.chromium import WAIT_MS
from tests.support.served_hub import ServedHub

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Page

PASSWORD = "correct horse"
NOISE = hashlib.shake_256(b"a large file").digest(6 << 20)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    hub = open_hub(Settings(data=tmp_path_factory.mktemp("browser") / "data", port=0), fsync=False)
    for name in ("alice", "bob"):
        accounts.create_user(hub, name, password=PASSWORD)
    secrets = [accounts.create_token(hub, name, role="write").secret for name in ("alice", "bob")]
    with running(make_app(hub)) as address:
        yield ServedHub(hub, address.url, secrets[0], secrets[0], secrets[1])
    hub.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page whose script makes no error and is stopped by no policy."""
    context = chromium.new_context()
    context.set_default_timeout(WAIT_MS)
    opened, faults = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield opened
    assert faults == []
    context.close()


def made(site: ServedHub, name: str) -> RepoRef:
    return repositories.create(site.hub, site.caller(), NewRepo(RepoType.MODEL, name, "alice")).ref


def open_upload(page: Page, site: ServedHub, ref: RepoRef, who: str, files: dict[str, bytes]) -> None:
    """Sign in, open the page and choose files."""
    page.goto(f"{site.url}/login?next=/{ref.path}/upload/main/data")
    page.fill("#u", who)
    page.fill("#p", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_selector("#drop:not([hidden])")
    sent: list[FilePayload] = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files.items()
    ]
    page.set_input_files("#f", sent)
    page.wait_for_selector(f"#queue li:nth-child({len(files)})")


def content(site: ServedHub, ref: RepoRef, path: str, revision: str = "main") -> bytes | None:
    with site.client(site.alice) as client:
        answer = client.get(f"/{ref.path}/resolve/{revision.replace('/', '%2F')}/{path}", follow_redirects=True)
        return answer.content if answer.status_code == 200 else None


def test_files_are_uploaded_as_chunks_and_committed(page: Page, site: ServedHub) -> None:
    ref = made(site, "by-script")
    open_upload(page, site, ref, "alice", {"model.bin": NOISE, "notes.txt": b"words\n"})
    page.fill("#cs", "By a browser")
    with page.expect_request("**/v1/xorbs/**"):
        page.click("#send")
    page.wait_for_url("**/tree/main?done=committed")
    assert content(site, ref, "data/model.bin") == NOISE
    assert content(site, ref, "data/notes.txt") == b"words\n"
    page.goto(f"{site.url}/{ref.path}/commits/main")
    assert "By a browser" in page.inner_text("main")


def test_an_upload_that_breaks_off_continues(page: Page, site: ServedHub) -> None:
    ref = made(site, "broken-off")
    open_upload(page, site, ref, "alice", {"other.bin": hashlib.shake_256(b"other").digest(1 << 20)})
    page.route("**/api/models/**/commit/**", lambda route: route.abort())
    page.click("#send")
    page.wait_for_selector("#said .note.bad")
    assert content(site, ref, "data/other.bin") is None
    page.unroute("**/api/models/**/commit/**")
    page.click("#send:enabled")
    page.wait_for_url("**/tree/main?done=committed")
    assert content(site, ref, "data/other.bin") is not None


def test_an_upload_is_paused_and_continued(page: Page, site: ServedHub) -> None:
    ref = made(site, "paused")
    open_upload(page, site, ref, "alice", {"third.bin": hashlib.shake_256(b"third").digest(1 << 20)})
    page.route("**/v1/xorbs/**", lambda _: None)  # never answered
    with page.expect_request("**/v1/xorbs/**"):
        page.click("#send")
    page.click("#pause")
    page.wait_for_selector("text=Paused. Nothing is committed yet.")
    page.unroute("**/v1/xorbs/**")
    page.click("#send:enabled")
    page.wait_for_url("**/tree/main?done=committed")
    assert content(site, ref, "data/third.bin") is not None


def test_files_of_others_are_replaced_only_after_a_warning(page: Page, site: ServedHub) -> None:
    ref = made(site, "overtaken")
    open_upload(page, site, ref, "alice", {"a.txt": b"mine"})
    site.commit(ref, {"data/a.txt": b"theirs"})
    page.click("#send")
    page.wait_for_selector("#said .note.warn")
    assert content(site, ref, "data/a.txt") == b"theirs"
    page.click("#send:enabled")
    page.wait_for_url("**/tree/main?done=committed")
    assert content(site, ref, "data/a.txt") == b"mine"


def test_a_stranger_uploads_into_a_pull_request(page: Page, site: ServedHub) -> None:
    ref = made(site, "proposed-by-script")
    data = hashlib.shake_256(b"proposal").digest(1 << 20)
    open_upload(page, site, ref, "bob", {"model.bin": data, "README.md": b"# Better"})
    page.click("#send")
    page.wait_for_url("**/discussions/1")
    assert content(site, ref, "data/model.bin") is None
    assert content(site, ref, "data/model.bin", "refs/pr/1") == data


def test_without_scripts_the_form_does_the_work(chromium: Browser, site: ServedHub, tmp_path: Path) -> None:
    ref = made(site, "by-form")
    (tmp_path / "a.txt").write_bytes(b"words\n")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/login?next=/{ref.path}/upload/main")
    page.fill("#u", "alice")
    page.fill("#p", PASSWORD)
    page.click("main button[type=submit]")
    page.set_input_files("#f", tmp_path / "a.txt")
    page.click("#send")
    page.wait_for_url("**/tree/main?done=committed")
    context.close()
    assert content(site, ref, "a.txt") == b"words\n"
