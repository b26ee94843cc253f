"""Single keys of pages in Chromium: where they lead, and that they can be switched off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.journeys.test_browser_pages import sign_in
from tests.support.chromium import WAIT_MS
from tests.support.populated_hub import populate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["populate"]  # the fixture ``url`` fills the hub with it
FOCUSED = "document.activeElement.name || document.activeElement.textContent"


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    sign_in(page, url, "wendy")
    yield page
    context.close()


def test_keys_lead_to_lists_files_and_forms(page: Page, url: str) -> None:
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url(f"{url}/models")
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("k")
    last = page.locator("main .repo h2 a").nth(-2).text_content()
    assert page.evaluate(FOCUSED) == last
    page.keyboard.press("/")
    page.keyboard.type("gm?.jy")
    assert page.input_value("header [name=q]") == "gm?.jy", "keys that are typed are text"
    page.goto(f"{url}/acme/tern/tree/main")
    page.keyboard.press("t")
    assert page.evaluate("document.activeElement.dataset.key") == "find"
    page.goto(f"{url}/acme/tern/blob/main/train.py")
    page.keyboard.press("y")
    page.wait_for_url(re.compile("/blob/[0-9a-f]{40}/train.py$"))
    page.goto(f"{url}/acme/tern/blob/main/train.py")
    page.keyboard.press(".")
    page.wait_for_url("**/edit/main/train.py")


def test_the_list_of_keys_is_shown_and_switches_them_off(page: Page) -> None:
    page.keyboard.press("?")
    page.wait_for_selector("#keys:popover-open")
    page.keyboard.press("?")
    page.wait_for_selector("#keys", state="hidden")
    page.click("footer button:has-text('Keyboard')")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    page.keyboard.press("?")
    assert not page.is_visible("#keys")
    page.click("footer button:has-text('Keyboard')")
    page.check("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate(FOCUSED) == "q"


def test_menus_close_with_escape_and_with_a_click_elsewhere(page: Page) -> None:
    opened = "document.querySelector('header details.menu').open"
    page.focus("header details.menu summary")
    page.keyboard.press("Enter")
    assert page.evaluate(opened)
    page.keyboard.press("Escape")
    assert not page.evaluate(opened)
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    assert page.evaluate(opened)
    page.click("main h1")
    assert not page.evaluate(opened)


def test_a_second_click_does_not_send_a_form_again(page: Page, url: str) -> None:
    page.goto(f"{url}/acme/tern/new/main")
    page.fill("main [name=path]", "twice.txt")
    page.fill("main [name=text]", "once\n")
    page.dblclick("main button:has-text('Commit')")
    page.wait_for_url("**/blob/main/twice.txt?done=committed")
