"""Attacks in Chromium: texts that try to run scripts on every page, and pages of another origin."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import pytest

from tests.journeys.test_browser_pages import IS_PAGE, SAME_ORIGIN, shape_of, sign_in
from tests.support.chromium import WAIT_MS
from tests.support.hostile_hub import populate  # noqa: F401 - the fixture url calls it

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page

FIRST = (
    "/evil/tern",
    "/evil/tern/discussions/1",
    "/evil/tern/tree/main",
    "/evil/tern/blob/main/x.ipynb",
    "/evil/tern/blob/main/x.gguf",
    "/evil/tern/blob/main/x.safetensors",
    "/datasets/evil/tides/viewer",
    "/evil/old/commits/main",
    "/evil/gated/settings/access",
    "/buckets/evil/logs",
    "/collections",
    "/evil",
    "/mallory",
    "/settings/webhooks",
)
"""Where the newest texts are; links lead to the others."""

ALIKE = 3
"""Of how many pages of one shape the elements are looked at."""
LIVE = """root => [...root.querySelectorAll("*")].filter(one =>
  ["SCRIPT", "IFRAME", "OBJECT", "EMBED", "BASE", "STYLE"].includes(one.tagName)
    && !(one.src || "").startsWith(location.origin)
  || [...one.attributes].some(it => /^on|^style$|^srcdoc$/i.test(it.name)
    || /^(href|src|action|formaction|xlink:href|data)$/i.test(it.name)
    && /^[\\s\\0-\\x20]*(javascript|vbscript|data:(?!image))/i.test(it.value)))
  .map(one => one.outerHTML.slice(0, 200))"""
"""Returns the elements of a document that can run a script, and are not the hub's own."""

READ = f"""text => {{
  const root = new DOMParser().parseFromString(text, "text/html");
  return {{
    live: ({LIVE})(root),
    links: [...root.querySelectorAll("a[href]")].map(one => one.getAttribute("href")),
    kinds: [...new Set([...root.querySelectorAll("*")].map(one => [
      one.parentElement && one.parentElement.tagName, one.tagName, ...[...one.classList].sort(), one.id && "#",
      ...[...one.attributes].map(it => it.name).sort()].join(" ")))],
  }};
}}"""
"""Reads a text as Chromium reads a page, without running or showing it."""


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, url: str) -> Any:
    """What a browser keeps after mallory, who is an administrator, has signed in."""
    made = chromium.new_context()
    made.set_default_timeout(WAIT_MS)
    sign_in(made.new_page(), url, "mallory")
    state = made.storage_state()
    made.close()
    return state


@pytest.fixture
def context(chromium: Browser, signed_in: Any) -> Iterator[BrowserContext]:
    """A window of mallory."""
    made = chromium.new_context(storage_state=signed_in)
    made.set_default_timeout(WAIT_MS)
    yield made
    made.close()


def stop(dialog: Dialog, page: Page, faults: list[str]) -> None:
    """Note that a script has run, and let the page go on."""
    faults.append(f"{page.url}: a script ran")
    dialog.dismiss()


def watched(page: Page, url: str, faults: list[str]) -> None:
    """Note dialogs, errors, what the policy stopped, and requests to others than a URL."""
    page.on("dialog", lambda dialog: stop(dialog, page, faults))
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda said: faults.append(f"{page.url}: {said.text}") if "Content Security Policy" in said.text else None,
    )
    page.on("request", lambda sent: None if sent.url.startswith((url, "data:")) else faults.append(sent.url))


@pytest.mark.timeout(600)
def test_no_text_runs_a_script_on_any_page(context: BrowserContext, url: str) -> None:
    """Each page is read by Chromium; it is also opened if it has a kind of element that no opened page has."""
    reader, page, faults = context.new_page(), context.new_page(), list[str]()
    watched(page, url, faults)
    reader.goto(f"{url}/login")
    seen, shapes, opened = set[str](), Counter[str](), set[str]()
    waiting = deque([*FIRST, "/", "/-/admin"])
    while waiting:
        path = waiting.popleft()
        shapes[shape_of(path)] += 1
        if path in seen or shapes[shape_of(path)] > ALIKE or not IS_PAGE.match(path):
            continue
        seen.add(path)
        answer = context.request.get(url + path, headers=SAME_ORIGIN)
        assert answer.status < 500, path
        found = reader.evaluate(READ, answer.text())
        faults += [f"{path}: {one}" for one in found["live"]]
        if not opened.issuperset(found["kinds"]):
            opened.update(found["kinds"])
            page.goto(url + path)
            faults += [f"{path}: {one}" for one in page.evaluate(f"() => ({LIVE})(document)")]
        for link in found["links"]:
            target = urlsplit(urljoin(url + path, link))
            if f"{target.scheme}://{target.netloc}" == url:
                waiting.append(target.path + (f"?{target.query}" if target.query else ""))
    assert faults == []
    assert set(FIRST) <= seen


def test_what_can_run_a_script_is_found_in_a_text(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    page.goto(f"{url}/login")
    harmful = [
        "<script>a()</script>",
        '<img src="x" onerror="a()">',
        '<a href=" javascript:a()">x</a>',
        '<svg><a xlink:href="javascript:a()"></a></svg>',
        '<form action="data:text/html,x"></form>',
        '<iframe srcdoc="x"></iframe>',
        '<p style="color: red">x</p>',
        '<base href="https://evil.example/">',
        '<script src="https://evil.example/x.js"></script>',
    ]
    for text in harmful:
        assert len(page.evaluate(READ, f"<p>before</p>{text}")["live"]) == 1, text
    harmless = (
        '<script src="/-/static/x.js"></script><a href="/x">&lt;script&gt;</a><img src="data:image/png;base64,x">'
    )
    assert page.evaluate(READ, harmless)["live"] == []


@pytest.mark.parametrize("name", ["x.html", "x.svg", "x.xml", "x.md"])
@pytest.mark.parametrize("action", ["resolve", "raw"])
def test_files_that_are_opened_as_they_are_run_nothing(
    context: BrowserContext, url: str, action: str, name: str
) -> None:
    page, faults = context.new_page(), list[str]()
    page.on("dialog", lambda dialog: stop(dialog, page, faults))
    with suppress(pytest.importorskip("playwright.sync_api").Error):  # a download is no page
        page.goto(f"{url}/evil/tern/{action}/main/{name}")
    assert faults == []


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.server.pages.get(self.path, "<p>other</p>").encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_given: object) -> None:
        pass


@contextmanager
def other_origin(pages: dict[str, str]) -> Iterator[str]:
    """Serve pages on another port, which shares the cookies of the hub: those know no ports."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    server.pages = pages  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)


def form(target: str) -> str:
    return f'<form method="post" action="{target}"><input name="fullname" value="Taken"><button>go</button></form>'


def test_another_origin_sends_no_form_shows_no_frame_and_reads_nothing(context: BrowserContext, url: str) -> None:
    pages = {
        "/form": form(f"{url}/settings/profile"),
        "/login": form(f"{url}/login"),
        "/frame": f'<iframe src="{url}/settings/profile"></iframe>',
    }
    with other_origin(pages) as other:
        page = context.new_page()
        for path in ("/form", "/login"):
            page.goto(other + path)
            with page.expect_navigation() as moved:
                page.click("button")
            assert moved.value.status == 403, path
        page.goto(f"{other}/frame")
        assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]
        read = """async ([address, sent]) => {
          try { return String((await fetch(address, {credentials: sent})).status) } catch { return "blocked" }
        }"""
        assert page.evaluate(read, [f"{url}/settings/profile", "include"]) == "blocked"
        assert page.evaluate(read, [f"{url}/api/whoami-v2", "include"]) == "blocked"
        assert page.evaluate(read, [f"{url}/api/whoami-v2", "omit"]) == "401"
        page.goto(f"{url}/settings/profile")
        assert page.evaluate(read, [f"{url}/api/whoami-v2", "include"]) == "401", "the API takes no cookies"
        assert "Taken" not in page.content()


@pytest.mark.parametrize(
    "target", ["//evil.example/", "/\\evil.example/", "https://evil.example/", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(chromium: Browser, url: str, target: str) -> None:
    made = chromium.new_context()
    made.set_default_timeout(WAIT_MS)
    page, faults = made.new_page(), list[str]()
    watched(page, url, faults)
    page.goto(f"{url}/login?next={target}")
    page.fill("#u", "mallory")
    page.fill("#p", "correct horse")
    page.click("main button[type=submit]")
    page.wait_for_url(f"{url}/**")
    assert page.url.startswith(f"{url}/")
    assert faults == []
    made.close()
