"""Buttons that copy commands and code, in Chromium; and that pages run no other script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.populated_hub import FILES, populate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["populate"]  # the fixture ``url`` fills the hub with it
LOAD = """(address) => new Promise(done => {
  const script = document.createElement("script");
  script.onload = () => done("ran");
  script.onerror = () => done("refused");
  script.src = address;
  document.head.append(script);
})"""


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Page]:
    """The page of a model with code in its card."""
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{url}/acme/tern")
    yield page
    context.close()


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_a_click_copies_a_command_and_code_of_the_card(page: Page, *, has_clipboard: bool) -> None:
    page.locator("aside button.copy").first.wait_for()
    if not has_clipboard:  # as over http
        page.evaluate("window.clipboard = navigator.clipboard")
        page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    read = "(window.clipboard ?? navigator.clipboard).readText()"
    page.locator("aside button.copy").first.click()
    page.get_by_text("Copied", exact=True).wait_for(state="attached")
    assert page.evaluate(read).startswith('import os\n\nos.environ["HF_ENDPOINT"]')
    page.locator(".prose button.copy").first.click()
    page.locator(".prose [role=status]", has_text="Copied").wait_for(state="attached")
    assert page.evaluate(read).startswith("from transformers import AutoModel  # a line")


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_a_click_copies_the_whole_of_a_text(page: Page, url: str, *, has_clipboard: bool) -> None:
    page.goto(f"{url}/acme/tern/blob/v1/train.py")
    if not has_clipboard:  # as over http
        page.evaluate("window.clipboard = navigator.clipboard")
        page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="Copy: Content of the file").click()
    page.get_by_text("Copied", exact=True).wait_for(state="attached")
    assert page.evaluate("(window.clipboard ?? navigator.clipboard).readText()") == FILES["train.py"].decode().rstrip()


def test_an_address_marks_several_lines(page: Page, url: str) -> None:
    page.goto(f"{url}/acme/tern/blob/v1/train.py#L2")
    marked = "[...document.querySelectorAll('tr.mk')].map(row => row.id)"
    assert page.evaluate(marked) == []
    page.locator("#L4 .ln a").click(modifiers=["Shift"])
    page.wait_for_url("**#L2-L4")
    page.locator("#L3.mk").wait_for()
    assert page.evaluate(marked) == ["L2", "L3", "L4"]
    page.goto(f"{url}/acme/tern/blob/v1/train.py#L3-L1")
    page.reload()
    page.locator("#L1.mk").wait_for()
    assert page.evaluate(marked) == ["L1", "L2", "L3"]


def test_no_other_script_of_the_hub_runs(page: Page) -> None:
    static = page.locator("head script").first.get_attribute("src") or ""
    assert page.evaluate(LOAD, static.replace("copy.mjs", "passkeys.mjs")) == "refused"
