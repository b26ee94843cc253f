"""What a new user does, in Chromium and without documentation; each journey follows what the pages offer.

``python -m tests.journeys.test_browser_journeys`` uploads 200 MiB with an interruption, and says how much of it the
hub received before and after.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from entrepot.hub.accounts import accounts, first_accounts
from entrepot.hub.callers import Role
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.folders import folders
from entrepot.hub.folders.folders import FolderDraft
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoType, parse_path
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.journeys.test_browser_pages import sign_in
from tests.support.chromium import WAIT_MS, launched
from tests.support.populated_hub import PASSWORD, caller_of, commit
from tests.support.running_apps import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGE = "large.bin"
FILL = """([name, size]) => {
  const bytes = new Uint8Array(size), words = new Uint32Array(bytes.buffer);
  for (let at = 0, word = 7; at < words.length; at++) words[at] = word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
  const moved = new DataTransfer();
  moved.items.add(new File([bytes], name));
  return moved;
}"""
"""Makes the same file again and again, and returns what a browser hands over when it is dropped."""


def populate(hub: HubContext) -> None:
    """Fill a hub with what the journeys start from."""
    accounts.create_user(hub, "owen", password=PASSWORD)
    accounts.create_user(hub, "nora", password=PASSWORD)
    accounts.create_org(hub, "acme", admin="owen")
    accounts.create_user(hub, "wendy", password=PASSWORD)
    accounts.set_member(hub, "acme", "wendy", Role.WRITE)
    owen, wendy = caller_of(hub, "owen"), caller_of(hub, "wendy")
    model = repositories.create(hub, owen, NewRepo(RepoType.MODEL, "tern", "acme")).ref
    commit(hub, owen, model, {"train.py": b"rate = 1\n", "README.md": b"# Tern\n"}, "First")
    draft = CommitDraft("Slower", [AddFile(parse_path("train.py"), b"rate = 2\n")])
    openings.open_with_commit(hub, wendy, model, "main", draft)
    commits.create(hub, owen, model, "main", CommitDraft("Faster", [AddFile(parse_path("train.py"), b"rate = 3\n")]))
    gated = repositories.create(hub, owen, NewRepo(RepoType.MODEL, "gated", "acme")).ref
    repositories.configure(hub, owen, gated, RepoChanges(gated="manual"))
    commit(hub, owen, gated, {"weights.txt": b"for some\n"}, "Weights")
    folders.create(hub, owen, FolderDraft(RepoType.MODEL, "llm", "acme"))
    inside = repositories.create(hub, owen, NewRepo(RepoType.MODEL, "heron", "acme.llm")).ref
    commit(hub, owen, inside, {"a.txt": b"inside\n"}, "Inside")


@pytest.fixture
def windows(chromium: Browser) -> Iterator[list[Page]]:
    """Three windows of people who know nothing of each other."""
    contexts = [chromium.new_context() for _ in range(3)]
    for context in contexts:
        context.set_default_timeout(WAIT_MS)
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


@pytest.mark.timeout(300)
def test_a_conflict_is_resolved_and_merged(windows: list[Page], url: str) -> None:
    page = windows[0]
    sign_in(page, url, "wendy")
    page.goto(f"{url}/acme/tern")
    page.click("nav a:has-text('Discussions')")
    page.click("main a:has-text('Slower')")
    assert "1 file changed on both sides" in page.inner_text("main")
    page.check("input[aria-label='train.py: refs/pr/1']")
    page.click("button:has-text('Resolve conflicts')")
    page.click("main button:has-text('Merge')")
    page.wait_for_selector("text=Merged.")
    page.goto(f"{url}/acme/tern/blob/main/train.py")
    assert "rate = 2" in page.inner_text("main")


@pytest.mark.timeout(300)
def test_access_is_requested_and_granted(windows: list[Page], url: str) -> None:
    asker, owner, _ = windows
    sign_in(asker, url, "nora")
    asker.goto(f"{url}/acme/gated")
    asker.click("a:has-text('Request access')")
    asker.click("main button:has-text('Request access')")
    asker.wait_for_selector("text=Your request is sent.")
    sign_in(owner, url, "owen")
    owner.goto(f"{url}/acme/gated")
    owner.click("nav a:has-text('Settings')")
    owner.click("main nav a:has-text('Access'), aside a:has-text('Access')")
    owner.click("main button:has-text('Accept')")
    owner.wait_for_url("**done=*")
    asker.goto(f"{url}/acme/gated/blob/main/weights.txt")
    assert "for some" in asker.inner_text("main")


@pytest.mark.timeout(300)
def test_a_token_is_made_and_used_by_the_public_client(windows: list[Page], url: str, tmp_path: Path) -> None:
    client = pytest.importorskip("huggingface_hub")
    page = windows[0]
    sign_in(page, url, "nora")
    page.click("header a[aria-label=Settings]")
    page.click("nav a:has-text('Tokens')")
    page.fill("#tn", "laptop")
    page.check("text=Read and write everything, as you may")
    page.click("button:has-text('Create token')")
    secret = page.inner_text(".snip code").strip()
    api = client.HfApi(endpoint=url, token=secret)
    api.create_repo("nora/by-hand")
    api.upload_file(path_or_fileobj=b"words\n", path_in_repo="a.txt", repo_id="nora/by-hand")
    found = client.hf_hub_download("nora/by-hand", "a.txt", endpoint=url, token=secret, cache_dir=tmp_path)
    assert Path(found).read_bytes() == b"words\n"
    page.goto(f"{url}/")
    page.click("main a:has-text('by-hand')")
    assert page.url == f"{url}/nora/by-hand"


@pytest.mark.timeout(300)
def test_a_folder_is_shared_with_a_reader(windows: list[Page], url: str) -> None:
    reader, owner, _ = windows
    sign_in(reader, url, "nora")
    absent = reader.goto(f"{url}/acme.llm/heron")
    assert absent is not None
    assert absent.status == 404
    sign_in(owner, url, "owen")
    owner.goto(f"{url}/acme")
    owner.click("main a:has-text('Share')")
    owner.fill("#n", "nora")
    owner.click("main button:has-text('Share')")
    owner.wait_for_selector("main li:has-text('nora')")
    reader.goto(f"{url}/acme.llm/heron")
    reader.click("nav a:has-text('Files')")
    reader.click("main a:has-text('a.txt')")
    assert "inside" in reader.inner_text("main")


@pytest.mark.timeout(300)
def test_from_the_first_start_to_a_model_that_others_see(windows: list[Page], tmp_path: Path) -> None:
    page, other, _ = windows
    hub = open_hub(Settings(data=tmp_path / "data", port=0), fsync=False)
    try:
        with running(make_app(hub)) as address:
            page.goto(f"{address.url}/-/setup?code={first_accounts.setup_code(hub)}")
            page.fill("#u", "maren")
            page.fill("#p", PASSWORD)
            page.fill("#a", PASSWORD)
            page.click("button:has-text('Create account')")
            page.wait_for_url("**/-/admin**")
            page.click("a[aria-label='entrepot, home']")
            page.click("main a:has-text('New model')")
            page.fill("#n", "first")
            page.check("text=Public")
            page.click("main button:has-text('Create')")
            page.click("main a:has-text('Upload files')")
            page.wait_for_selector("#drop:not([hidden])")
            drop(page, 1 << 20)
            page.click("#send")
            page.wait_for_url("**/tree/main?done=committed")
            other.goto(address.url)
            other.click("main a:has-text('first')")
            other.click("nav a:has-text('Files')")
            assert LARGE in other.inner_text("main")
    finally:
        hub.close()


@attrs.define
class MeteredApp:
    """An application of a hub that counts the bytes of chunks which reach it."""

    app: ASGIApp
    received: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        is_counted = scope["type"] == "http" and "/v1/xorbs/" in scope["path"]

        async def counted() -> Message:
            message = await receive()
            self.received += len(message.get("body", b""))
            return message

        await self.app(scope, counted if is_counted else receive, send)


@pytest.mark.parametrize("way", ["cut", "reload"])
@pytest.mark.timeout(600)
def test_an_interrupted_upload_sends_nothing_twice(chromium: Browser, tmp_path: Path, way: str) -> None:
    first, again = measured(chromium, tmp_path, 8 << 20, way)
    assert first > 4 << 20
    assert again == 0, "a block that had arrived is not sent again"


def measured(browser: Browser, folder: Path, size: int, way: str) -> tuple[int, int]:
    """Upload a file to a hub of its own, with an interruption; return the bytes received before and after it.

    Args:
        way: ``cut``: the network is away for a while; ``reload``: the page is loaded again.
    """
    hub = open_hub(Settings(data=folder / "data", port=0))
    context = browser.new_context()
    try:
        populate(hub)
        app = MeteredApp(make_app(hub))
        with running(app) as address:
            page = context.new_page()
            page.set_default_timeout(20 * WAIT_MS)
            sign_in(page, address.url, "owen")
            return interrupted(page, f"{address.url}/acme/tern", size, way, app)
    finally:
        context.close()
        hub.close()


def drop(page: Page, size: int) -> None:
    """Drop a file of this size on the page."""
    page.dispatch_event("#drop", "drop", {"dataTransfer": page.evaluate_handle(FILL, [LARGE, size])})
    page.wait_for_selector("#queue li")


def interrupted(page: Page, repo: str, size: int, way: str, app: MeteredApp) -> tuple[int, int]:
    """Upload a file, with an interruption after its first blocks; return the bytes received before and after it."""
    blocks = min(2, size // (64 << 20) + 1)
    arrived: list[str] = []
    page.on("response", lambda answer: arrived.append(answer.url) if is_xorb(answer) else None)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{repo}/upload/main")
    page.wait_for_selector("#drop:not([hidden])")
    drop(page, size)
    page.route("**/commit/**", lambda route: route.abort())
    page.click("#send")
    while len(arrived) < blocks:
        page.wait_for_event("response", is_xorb)
    if way == "cut":
        page.context.set_offline(True)
        page.wait_for_selector("#said .note.bad:has-text('The connection to the hub was lost.')")
        page.context.set_offline(False)
    else:
        page.reload()
        page.wait_for_selector("#drop:not([hidden])")
        drop(page, size)
    page.unroute_all()
    first, app.received = app.received, 0
    page.click("#send:enabled")
    page.wait_for_url("**/tree/main?done=committed")
    return first, app.received


def is_xorb(answer: Response) -> bool:
    """Return whether a response says that a block of chunks has arrived."""
    return "/v1/xorbs/" in answer.url


def main(size: int = 200 << 20) -> None:
    """Upload a large file with each interruption, and print what the hub has received."""
    with launched() as browser:
        for way in ("cut", "reload"):
            with tempfile.TemporaryDirectory() as folder:
                first, again = (sent / (1 << 20) for sent in measured(browser, Path(folder), size, way))
            sys.stdout.write(
                f"{size >> 20} MiB, {way}: {first:.1f} MiB before the interruption, {again:.1f} after it\n"
            )


if __name__ == "__main__":
    main()
