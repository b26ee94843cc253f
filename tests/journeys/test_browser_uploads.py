"""Uploads by a real browser: the script of the page, the vendored client, and the hub.

Skipped where Playwright or Chromium is not installed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from entrepot.hub.accounts import accounts, quotas
from entrepot.hub.context import open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoRef, RepoType
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.chromium import WAIT_MS
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Page, Route

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
    with page.expect_worker() as worker, page.expect_request("**/v1/xorbs/**"):
        page.click("#send")
    assert worker.value.url.endswith("/upload-client.mjs")
    page.wait_for_url("**/tree/main?done=committed")
    assert content(site, ref, "data/model.bin") == NOISE
    assert content(site, ref, "data/notes.txt") == b"words\n"
    page.goto(f"{site.url}/{ref.path}/commits/main")
    assert "By a browser" in page.inner_text("main")


def test_many_chosen_files_leave_the_button_in_reach(page: Page, site: ServedHub) -> None:
    ref = made(site, "many-chosen")
    open_upload(page, site, ref, "alice", {f"{number:03}.txt": b"words\n" for number in range(200)})
    assert page.inner_text("#sum") == "200 files, 1.20 kB"
    assert page.evaluate("document.documentElement.scrollHeight") < 3 * page.evaluate("innerHeight")
    page.click("#queue li:first-child button")
    assert page.inner_text("#sum") == "199 files, 1.19 kB"


def test_an_upload_that_breaks_off_continues(page: Page, site: ServedHub) -> None:
    ref = made(site, "broken-off")
    open_upload(page, site, ref, "alice", {"other.bin": hashlib.shake_256(b"other").digest(1 << 20)})
    page.route("**/api/models/**/commit/**", lambda route: route.abort())
    page.click("#send")
    page.wait_for_selector("#said .note.bad")
    assert "The connection to the hub was lost" in page.inner_text("#said").replace("other.bin: the", "The")
    assert page.inner_text("#queue li span.small") == "1.05 MB of 1.05 MB stored"
    assert page.eval_on_selector("#queue progress", "bar => bar.value") == 1
    assert page.inner_text("#sum") == "1.05 MB of 1.05 MB"
    assert page.inner_text("#send") == "Try again"
    assert content(site, ref, "data/other.bin") is None
    page.unroute("**/api/models/**/commit/**")
    page.click("#send:enabled")
    page.wait_for_url("**/tree/main?done=committed")
    assert content(site, ref, "data/other.bin") is not None


def test_what_is_only_read_is_not_taken_for_sent(page: Page, site: ServedHub) -> None:
    ref = made(site, "read-first")
    open_upload(page, site, ref, "alice", {"read.bin": hashlib.shake_256(b"read").digest(1 << 20)})
    held: list[Route] = []
    page.route("**/v1/xorb-grants/**", lambda route: held.append(route))
    with page.expect_request("**/v1/xorb-grants/**"):
        page.click("#send")
    page.wait_for_selector("text=nothing sent yet")
    assert page.inner_text("#sum") == "1.05 MB of 1.05 MB read, nothing sent yet"
    assert page.inner_text("#said").startswith("Reading the files")
    held[0].continue_()
    page.unroute("**/v1/xorb-grants/**")
    page.wait_for_url("**/tree/main?done=committed")


def test_a_block_that_was_interrupted_is_sent_again(page: Page, site: ServedHub) -> None:
    ref = made(site, "interrupted")
    open_upload(page, site, ref, "alice", {"again.bin": hashlib.shake_256(b"again").digest(1 << 20)})
    page.route("**/v1/xorbs/**", lambda route: route.abort(), times=1)
    page.click("#send")
    page.wait_for_selector("text=Trying again in 1 s")
    page.wait_for_url("**/tree/main?done=committed")
    assert content(site, ref, "data/again.bin") is not None


@pytest.mark.parametrize(
    "step", ["**/preupload/**", "**/info/lfs/objects/batch", "**/v1/xorb-grants/**", "**/v1/shards"]
)
def test_every_step_before_the_commit_waits_for_a_hub_that_restarts(page: Page, site: ServedHub, step: str) -> None:
    name = step.strip("*/").replace("/", "-")
    ref = made(site, f"away-{name}")
    open_upload(page, site, ref, "alice", {"away.bin": hashlib.shake_256(step.encode()).digest(1 << 20)})
    page.route(step, lambda route: route.fulfill(status=502, body="Bad Gateway"), times=1)
    page.click("#send")
    page.wait_for_selector("text=Trying again in 1 s")
    page.wait_for_url("**/tree/main?done=committed")
    assert content(site, ref, "data/away.bin") is not None


def test_an_upload_is_cancelled(page: Page, site: ServedHub) -> None:
    ref = made(site, "cancelled")
    open_upload(page, site, ref, "alice", {"never.bin": hashlib.shake_256(b"never").digest(1 << 20)})
    page.route("**/v1/xorbs/**", lambda _: None)  # never answered
    with page.expect_request("**/v1/xorbs/**"):
        page.click("#send")
    page.click("#cancel")
    page.wait_for_url("**/tree/main/data")
    assert content(site, ref, "data/never.bin") is None


def test_a_refusal_names_the_file_and_the_cure(page: Page, site: ServedHub) -> None:
    ref = made(site, "refused")
    open_upload(page, site, ref, "alice", {"large.bin": hashlib.shake_256(b"refused").digest(1 << 20)})
    page.route(
        "**/info/lfs/objects/batch", lambda route: route.fulfill(status=507, json={"error": "alice has no room left"})
    )
    page.click("#send")
    page.wait_for_selector("#said .note.bad")
    assert page.inner_text("#said").startswith("large.bin: ")
    assert "alice has no room left" in page.inner_text("#said")
    assert "Try again sends only what is missing." in page.inner_text("#said")


def test_a_quota_is_told_before_and_in_plain_words_after(page: Page, site: ServedHub) -> None:
    ref = made(site, "little-room")
    used = quotas.own(site.hub, site.caller()).used
    quotas.change(site.hub, "alice", {"max_bytes": used + 100_000})
    try:
        open_upload(page, site, ref, "alice", {"large.bin": hashlib.shake_256(b"quota").digest(1 << 20)})
        assert "alice has used " in page.inner_text("main")
        assert page.inner_text("#said").startswith("This is more than the quota has left: 100 kB.")
        page.click("#send")
        page.wait_for_selector("#said .note.bad")
        said = page.inner_text("#said")
    finally:
        quotas.change(site.hub, "alice", {"max_bytes": None})
    assert said.startswith("the quota of the namespace alice is exceeded")
    assert [word for word in ("LFS", "URL", "Request ID", "Try again") if word in said] == []


def test_a_file_that_has_changed_on_the_computer_is_named(page: Page, site: ServedHub, tmp_path: Path) -> None:
    ref = made(site, "changed-file")
    open_upload(page, site, ref, "alice", {"other.txt": b"x"})
    (tmp_path / "local.bin").write_bytes(bytes(1 << 20))
    page.set_input_files("#f", tmp_path / "local.bin")
    page.wait_for_selector("#queue li:nth-child(2)")
    (tmp_path / "local.bin").write_bytes(b"shorter")
    page.click("#send")
    page.wait_for_selector("#said .note.bad")
    assert "was changed, moved or deleted on your computer" in page.inner_text("#said")
    page.click("text=Remove >> nth=1")
    page.click("#send:enabled")
    page.wait_for_url("**/tree/main?done=committed")


NO_WORKERS = "delete window.Worker"
REFUSED_WORKERS = """
window.Worker = class {
  constructor() { setTimeout(() => this.onerror(new Event("error", {cancelable: true}))); }
  terminate() {}
}
"""


@pytest.mark.parametrize("script", [NO_WORKERS, REFUSED_WORKERS], ids=["none", "refused"])
def test_without_module_workers_the_page_sends_itself(page: Page, site: ServedHub, script: str) -> None:
    ref = made(site, f"no-worker-{len(script)}")
    page.add_init_script(script)
    data = hashlib.shake_256(script.encode()).digest(1 << 20)
    open_upload(page, site, ref, "alice", {"model.bin": data})
    page.click("#send")
    page.wait_for_url("**/tree/main?done=committed")
    assert content(site, ref, "data/model.bin") == data


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
