"""Every page that links lead to, as an administrator, an anonymous visitor, a reader and a writer.

No page is an error or invalid HTML. Of those of an administrator, who sees what others see and more, and of an
anonymous visitor, one of each layout is opened in Chromium, and each that has a tag with classes and attributes that no
page had before: none writes to the console, asks another host, is wider than a telephone, or has a serious fault of
accessibility (axe-core). Skipped where Playwright or Chromium is not installed.

``python -m tests.journeys.test_browser_pages`` opens all pages as each of the four, and takes minutes.
"""

from __future__ import annotations

import html
import importlib
import re
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import attrs
import pytest

from entrepot.hub.context import open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.chromium import WAIT_MS, launched
from tests.support.populated_hub import PASSWORD, populate
from tests.support.running_apps import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
IS_PAGE = re.compile(r"/(?!api/|login\?next=)(?!.*/(?:resolve|raw|archive)/)(?!-/(?:static|avatars)/)")
KNOWN_WORDS = re.compile(
    r"-|acme|blob|tree|commits?|compare|discussions|files|settings|edit|new|delete|upload|viewer|metrics|storage"
    r"|access|models|datasets|spaces|buckets|collections|search|admin|folders|lineage|api|organizations|login|[a-z_.-]{3,}|at\.[a-z]+"
)
TAIL = re.compile(r"/(blob|tree|commits|edit|new|delete|upload)/[^/?]+(?:/[^?]*?(\.[a-z]+)?)?(?=\?|$)")
LINK = re.compile(r'<a\s[^>]*?href="([^"]*)"')
ALIKE = 2
"""Of how many pages of one shape the status is asked; the first is opened."""
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
MAX_LINKS = 2_000
VISITORS = {"chief": 300, "": 150, "rick": 240, "wendy": 280}
"""Who visits the hub, and of how many shapes pages are found at least; the anonymous visitor has no name."""
TAG = re.compile(r"<([a-z][a-z0-9-]*)([^>]*)>")
ATTRIBUTE = re.compile(r'\s([a-z-]+)(?:="([^"]*)")?')
KIND = """one => [one.parentElement, one].map(it => [
    it.tagName, ...[...it.classList].sort(), it.getAttribute("role"), it.getAttribute("type"), it.hidden,
  ].join(" ")).concat([...one.attributes].map(it => it.name).sort(), [
    !!(one.labels || []).length, !!one.textContent.trim(), !!(one.getAttribute("aria-label") || "").trim(),
  ]).join(" ")"""
"""Describes an element: its classes, attributes and parent, and whether it has a text or a label."""

LOOK = (
    f"""() => {{ const kindOf = {KIND}; return """
    + """{
  links: [...document.querySelectorAll("a[href]")].map(one => one.getAttribute("href")),
  width: document.documentElement.scrollWidth,
  wide: [...document.querySelectorAll("body *")]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".tabs, .scroll, pre, .vh"))
    .slice(0, 3).map(one => one.outerHTML.slice(0, 120)),
  whole: [
    document.title.trim() ? "" : "no title",
    document.documentElement.lang ? "" : "no language",
    document.querySelectorAll("main").length === 1 ? "" : "not one main element",
    ...[...document.querySelectorAll("[id]")].map(one => one.id).filter((id, at, all) => all.indexOf(id) !== at)
      .map(id => "twice: #" + id),
    ...[...document.querySelectorAll("time")]
      .filter(one => !/^\\d{4}-\\d\\d-\\d\\d(T\\d\\d:\\d\\dZ)?$/.test(one.dateTime))
      .map(one => "a time without its date: " + one.outerHTML),
    ...[...document.querySelectorAll(":is(div, span, p, pre, code, b, i)[aria-label]:not([role])")]
      .map(one => "a label on an element without a role: " + one.outerHTML.slice(0, 120)),
    ...[...document.querySelectorAll("span form, p form")].map(one => "a form in a text: " + one.action),
  ].filter(one => one),
  kinds: [...new Set([...document.querySelectorAll("body, body *")].map(kindOf))],
} }"""
)
"""What is looked at on every page: links, width, what the page must have as a whole, and the kinds of its elements."""

AXE = (
    f"""async ([only, kinds]) => {{ const kindOf = {KIND}; """
    + """
  const fresh = new Set(kinds), nodes = [document.body, ...document.querySelectorAll("body *")]
    .filter(one => fresh.has(kindOf(one)));
  return (await axe.run(nodes[0] === document.body ? document : {include: nodes}, {
    resultTypes: ["violations"], preload: false, iframes: false, runOnly: only
      || axe._audit.rules.filter(it => it.enabled && !it.tags.includes("experimental") && ["serious", "critical"]
        .includes(it.impact)).map(it => it.id)
  })).violations.map(one => one.id + ": " + one.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(" | "))
}"""
)
"""Runs the rules of axe-core that are broken seriously or critically, or the given ones, on the elements of the given
kinds and on what is in them; on the whole page if its body is one of them."""


HIDDEN = (
    f"""kinds => {{ const kindOf = {KIND}, fresh = new Set(kinds); """
    + """
  return [...new Set([...document.querySelectorAll("body *")]
    .filter(one => !one.checkVisibility({visibilityProperty: true})).map(kindOf).filter(kind => fresh.has(kind)))];
}"""
)
"""Returns those of the given kinds of which an element is not shown."""


@attrs.define
class Opened:
    """What pages were opened for any visitor: their layouts and tags. A page that has no others is only read."""

    layouts: set[str] = attrs.field(factory=set)
    tags: set[str] = attrs.field(factory=set)


@attrs.define
class Walk:
    """What one visitor has seen.

    Attributes:
        judged: kinds of elements that axe-core has judged, for any visitor; on the next pages, it judges elements of
            other kinds. None: it judges no pages of this one, and the pages are only read, not opened.
        opened: None: each page is opened.
        faults: what is wrong, each with its page.
    """

    context: BrowserContext
    page: Page
    url: str
    axe: str
    validate: Callable[[str], list[str]]
    judged: set[str] | None
    opened: Opened | None
    seen: set[str] = attrs.field(factory=set)
    shapes: Counter[str] = attrs.field(factory=Counter)
    faults: list[str] = attrs.field(factory=list)
    here: str = ""

    def note(self, fault: str) -> None:
        self.faults.append(f"{self.here}: {fault}")


def shape_of(path: str) -> str:
    """Return what pages of one kind have in common: their address without names and ids."""
    place, _, query = TAIL.sub(r"/\1/at\2", path).partition("?")
    words = [word if KNOWN_WORDS.fullmatch(word) else "*" for word in place.split("/")]
    return "/".join(words) + ("?" if query else "")


def layout_of(path: str) -> str:
    """Return what pages of several repositories have in common: their shape without the name of the repository."""
    return re.sub(r"/acme/[^/?]+", "/acme/*", re.sub(r"(?<!/blob)/at\.[a-z]+", "/at", shape_of(path)))


@pytest.fixture(scope="module")
def validate() -> Callable[[str], list[str]]:
    """Return a function that returns the errors of a page, as the HTML standard defines them."""
    parser = pytest.importorskip("justhtml")

    def errors(text: str) -> list[str]:
        return [str(error) for error in parser.JustHTML(text, sanitize=False, collect_errors=True).errors]

    return errors


@pytest.fixture(scope="module")
def judged() -> set[str]:
    """Kinds of elements that axe-core has judged."""
    return set()


@pytest.fixture(scope="module")
def pages() -> Opened:
    """The pages that were opened."""
    return Opened()


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the source of axe-core."""
    pytest.importorskip("axe_playwright_python")
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def is_fault(said: ConsoleMessage) -> bool:
    """Return whether a page wrote an error to the console, but for the status of a gated file."""
    return said.type == "error" and "/acme/gated/" not in said.location["url"]


def sign_in(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/login")
    page.fill("#u", name)
    page.fill("#p", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{url}/")


def tags_of(text: str) -> set[str]:
    """Return the tags of a page: their names, classes and types, and the names of their other attributes."""
    found = set()
    for name, rest in set(TAG.findall(text)):
        attributes = [one + "=" + value if one in ("class", "type") else one for one, value in ATTRIBUTE.findall(rest)]
        found.add(" ".join([name, *sorted(attributes)]))
    return found


def read(walk: Walk, path: str) -> list[str]:
    """Ask for a page, note its faults, open it if it has new tags, and return where its links lead."""
    walk.here = path
    answer = walk.context.request.get(walk.url + path, headers=SAME_ORIGIN)
    if not judge_status(walk, path, answer.status):
        return []
    text = answer.text()
    for error in walk.validate(text):
        walk.note(error)
    if walk.judged is not None and walk.opened is not None and not tags_of(text) <= walk.opened.tags:
        return visit(walk, path)
    return [urljoin(walk.url + path, html.unescape(link)) for link in LINK.findall(text)]


def visit(walk: Walk, path: str) -> list[str]:
    """Open a page, note its faults, and return where its links lead."""
    walk.here = path
    answer = walk.page.goto(walk.url + path, wait_until="load")
    assert answer is not None
    if not judge_status(walk, path, answer.status):
        return []
    text = answer.text()
    if walk.opened is not None:
        walk.opened.layouts.add(layout_of(path))
        walk.opened.tags |= tags_of(text)
    for error in walk.validate(text):
        walk.note(error)
    found: dict[str, Any] = walk.page.evaluate(LOOK)
    if found["width"] > PHONE["width"]:
        walk.note(f"{found['width']} pixels wide: {found['wide']}")
    for fault in found["whole"]:
        walk.note(fault)
    if walk.judged is not None and (fresh := sorted({*found["kinds"]} - walk.judged)):
        walk.judged.update(fresh)
        judge(walk, fresh)
    return [urljoin(walk.url + path, link) for link in found["links"]]


def judge_status(walk: Walk, path: str, status: int) -> bool:
    """Note a status of an error; return whether there is something to look at."""
    if status >= 400 and not (path.startswith("/acme/gated/") and status in (401, 403)):
        walk.note(f"status {status}")
    return status < 400


def judge(walk: Walk, kinds: list[str]) -> None:
    """Run axe-core on elements as a desk shows them in light, and a telephone in the dark.

    What only the telephone shows must have its contrast in light too.
    """
    walk.page.evaluate(walk.axe)
    walk.page.set_viewport_size(DESK)  # type: ignore[arg-type]
    faults = walk.page.evaluate(AXE, [None, kinds])  # a telephone does not show drawings
    hidden = walk.page.evaluate(HIDDEN, kinds)
    walk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    if hidden:
        faults += walk.page.evaluate(AXE, [["color-contrast"], hidden])
    walk.page.emulate_media(color_scheme="dark")
    faults += [f"dark: {fault}" for fault in walk.page.evaluate(AXE, [None, kinds])]
    walk.page.emulate_media(color_scheme="light")
    for fault in faults:
        walk.note(fault)


def crawl(walk: Walk) -> None:
    """Ask for everything that links lead to, and open pages of every shape."""
    waiting = deque(["/"])
    while waiting:
        path = waiting.popleft()
        if path in walk.seen:
            continue
        walk.seen.add(path)
        assert len(walk.seen) < MAX_LINKS, "a link leads to ever new pages"
        shape = shape_of(path)
        walk.shapes[shape] += 1
        if walk.shapes[shape] > ALIKE:
            continue
        if not IS_PAGE.match(path) or walk.shapes[shape] > 1:
            walk.here = path
            asked = walk.context.request.head(walk.url + path, max_redirects=3, headers=SAME_ORIGIN)
            judge_status(walk, path, asked.status)
            continue
        is_read_first = walk.judged is None or (walk.opened is not None and layout_of(path) in walk.opened.layouts)
        for link in read(walk, path) if is_read_first else visit(walk, path):
            target = urlsplit(link)
            if f"{target.scheme}://{target.netloc}" == walk.url:
                waiting.append(target.path + (f"?{target.query}" if target.query else ""))


def opened(
    browser: Browser,
    url: str,
    axe: str,
    validate: Callable[[str], list[str]],
    judged: set[str] | None,
    visitor: str,
    pages: Opened | None,
) -> Walk:
    """Return the walk of a visitor, who is signed in, before the first page."""
    context = browser.new_context(viewport=PHONE, color_scheme="light")  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    walk = Walk(context, context.new_page(), url, axe, validate, judged, pages)
    walk.page.on("console", lambda said: walk.note(f"console: {said.text}") if is_fault(said) else None)
    walk.page.on("pageerror", lambda error: walk.note(f"script: {error}"))
    walk.page.on("request", lambda sent: None if sent.url.startswith((url, "data:")) else walk.note(sent.url))
    if visitor:
        sign_in(walk.page, url, visitor)
    return walk


@pytest.mark.parametrize("visitor", VISITORS, ids=["admin", "anonymous", "reader", "writer"])
@pytest.mark.timeout(600)  # a single page may wait for minutes
def test_every_page_is_in_order(
    chromium: Browser,
    url: str,
    axe: str,
    validate: Callable[[str], list[str]],
    judged: set[str],
    pages: Opened,
    visitor: str,
) -> None:
    walk = opened(chromium, url, axe, validate, None if visitor in ("rick", "wendy") else judged, visitor, pages)
    crawl(walk)
    walk.context.close()
    assert walk.faults == []
    assert sum(count > 0 for count in walk.shapes.values()) >= VISITORS[visitor]


def test_a_page_is_opened_for_a_layout_or_a_tag_that_none_had() -> None:
    alike = ("/acme/tern/edit/main/README.md", "/acme/gated/edit/main/docs/guide.txt")
    assert len({layout_of(path) for path in alike}) == 1
    assert len({layout_of(path) for path in ("/acme/tern/blob/main/a.md", "/acme/tern/blob/main/a.ipynb")}) == 2
    text = '<p class="a" id="x">1</p><a href="/y">2</a>'
    assert tags_of(text) == {"p class=a id", "a href"}
    assert tags_of('<p id="z" class="a">other</p>') <= tags_of(text)
    for other in ('<p class="b" id="x">', '<p class="a">', '<b class="a" id="x">'):
        assert not tags_of(other) <= tags_of(text)


def test_what_axe_core_rejects_is_found_in_elements_of_the_given_kinds(chromium: Browser, axe: str) -> None:
    page = chromium.new_page()
    page.set_content('<p style="color: #bbb">pale</p><div><button></button></div>')
    page.evaluate(axe)
    body, paragraph, box, _ = page.evaluate(LOOK)["kinds"]
    broken = {
        kind: {fault.partition(":")[0] for fault in page.evaluate(AXE, [None, [kind]])}
        for kind in (body, paragraph, box)
    }
    assert broken[paragraph] == {"color-contrast"}
    assert broken[box] == {"button-name"}
    assert broken[body] == {"color-contrast", "button-name", "document-title", "html-has-lang"}
    page.close()


@pytest.mark.timeout(600)
def test_the_main_journeys_need_no_javascript(chromium: Browser, url: str) -> None:
    context = chromium.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    sign_in(page, url, "wendy")
    page.goto(f"{url}/new")
    page.fill("main [name=name]", "by-hand")
    page.click("main button[type=submit]")
    assert "Created." in page.inner_text("main")
    page.goto(f"{url}/wendy/by-hand/new/main")
    page.fill("main [name=path]", "notes.txt")
    page.fill("main textarea[name=text]", "first words")
    page.click("main button[type=submit]:not([name])")
    assert "notes.txt" in page.inner_text("main")
    page.goto(f"{url}/wendy/by-hand/discussions/new")
    page.fill("main [name=title]", "A plain question")
    page.fill("main textarea[name=text]", "Why?")
    page.click("main button[type=submit]:not([name])")
    assert "A plain question" in page.inner_text("main")
    page.goto(f"{url}/search?q=by-hand")
    page.click("main a[href='/wendy/by-hand']")
    assert page.url == f"{url}/wendy/by-hand"
    page.click("details.only-s > summary")
    page.click("details.only-s button:has-text('Sign out')")
    page.goto(f"{url}/settings/profile")
    assert "Sign in" in page.inner_text("main")
    context.close()


def test_a_wide_table_in_a_comment_scrolls_inside_its_box(chromium: Browser, url: str) -> None:
    context = chromium.new_context(viewport=PHONE)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(f"{url}/acme/tern/discussions/1")
    assert page.locator(".prose table").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('.prose table'))")
    context.close()


def test_long_words_and_titles_take_no_more_than_their_place(chromium: Browser, url: str) -> None:
    context = chromium.new_context(viewport=PHONE)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    for path in ("/search?q=endless", "/spaces/acme/demo", "/spaces/acme/demo/commits/main"):
        page.goto(url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    page.set_viewport_size({"width": 1280, "height": 800})
    for path, rows in (("/spaces/acme/demo/tree/main", "tbody tr"), ("/spaces/acme/demo/commits/main", ".list > li")):
        page.goto(url + path)
        assert max(page.locator(rows).evaluate_all("rows => rows.map(row => row.offsetHeight)")) < 70, path
    context.close()


def main() -> None:
    """Open every page as each visitor in Chromium, and print what is wrong."""
    parser = importlib.import_module("justhtml")
    source = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

    def validate(text: str) -> list[str]:
        return [str(error) for error in parser.JustHTML(text, sanitize=False, collect_errors=True).errors]

    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        hub = open_hub(Settings(data=Path(folder) / "data", port=0))
        try:
            populate(hub)
            with running(make_app(hub)) as address:
                for visitor in VISITORS:
                    walk = opened(browser, address.url, source, validate, set(), visitor, None)
                    crawl(walk)
                    walk.context.close()
                    kinds = sum(count > 0 for count in walk.shapes.values())
                    sys.stdout.write(f"{visitor or 'anonymous'}: {kinds} kinds of pages, {len(walk.seen)} links\n")
                    sys.stdout.writelines(f"  {fault}\n" for fault in walk.faults)
        finally:
            hub.close()


if __name__ == "__main__":
    main()
