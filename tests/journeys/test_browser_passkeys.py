"""Two-step sign-in and passkeys in Chromium, whose virtual authenticator does what a phone does.

Skipped where Playwright or Chromium is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.chromium import WAIT_MS
from tests.support.running_apps import running
from tests.support.second_factors import App, decode_secret

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

PASSWORD = "correct horse"
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubContext]:
    found = open_hub(Settings(data=tmp_path_factory.mktemp("passkeys")))
    yield found
    found.close()


@pytest.fixture(scope="module")
def url(hub: HubContext) -> Iterator[str]:
    with running(make_app(hub)) as server:
        yield server.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    context.set_default_timeout(WAIT_MS)
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield opened
    context.close()
    assert faults == []


def plug_in(page: Page) -> tuple[CDPSession, str]:
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    return tools, tools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})["authenticatorId"]


def enter(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/login")
    page.fill("#u", name)
    page.fill("#p", PASSWORD)
    page.press("#p", "Enter")


def test_a_passkey_is_added_and_signs_in_without_a_password(hub: HubContext, url: str, page: Page) -> None:
    accounts.create_user(hub, "alice", password=PASSWORD)
    tools, key = plug_in(page)
    enter(page, url, "alice")
    page.wait_for_url(f"{url}/")
    page.goto(f"{url}/settings/security")
    page.fill("#k", "my phone")
    page.click("text=Add a passkey")
    page.wait_for_selector("text=The passkey is added.")
    assert "my phone" in page.inner_text("main")
    page.click("text=Add a passkey")
    page.wait_for_selector("text=This authenticator has a passkey for this account already.")
    [made] = tools.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]
    assert (made["rpId"], made["isResidentCredential"]) == ("localhost", True)

    page.context.clear_cookies()
    page.goto(f"{url}/login?next=/settings/sessions")
    page.click("text=Sign in with a passkey")
    page.wait_for_url(f"{url}/settings/sessions")
    assert "with a passkey" in page.inner_text("main")

    page.context.clear_cookies()
    tools.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
    page.goto(f"{url}/login")
    page.click("text=Sign in with a passkey")
    page.wait_for_selector("text=It was cancelled, or took too long.")


def test_an_app_is_set_up_and_asked_for_without_scripts(hub: HubContext, url: str, chromium: Browser) -> None:
    accounts.create_user(hub, "bob", password=PASSWORD)
    context = chromium.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    enter(page, url, "bob")
    page.goto(f"{url}/settings/security")
    page.click("text=Set up an app")
    drawn = page.locator("svg[viewBox], svg[width]").filter(has=page.locator("path[stroke]"))
    assert drawn.count() >= 1
    secret = page.inner_text("pre[aria-label='secret for the app']")
    app = App(decode_secret(secret.strip()), ())
    page.fill("#c", app.shows(hub))
    page.click("text=Turn on")
    codes = re.findall(r"(?:[a-z2-7]{4}-){3}[a-z2-7]{4}", page.inner_text("pre[aria-label='recovery codes']"))
    assert len(codes) == 10
    context.clear_cookies()
    enter(page, url, "bob")
    page.wait_for_selector("text=Enter a code")
    assert context.request.get(f"{url}/settings/profile").status == 401
    page.click("text=Use a recovery code")
    page.fill("#r", codes[0])
    page.click("text=Sign in with it")
    page.goto(f"{url}/settings/security")
    assert "9 of 10 recovery codes are left" in page.inner_text("main")
    context.close()
