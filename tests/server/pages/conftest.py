"""A browser for the pages of a hub that has repositories."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from tests.support.served_hub import ServedHub

PASSWORD = "correct horse"

CARD = b"""---
license: mit
library_name: transformers
pipeline_tag: text-generation
tags: [harbour]
---
<!-- for authors -->
# Tern

A [guide](docs/guide.md) and ![a picture](pictures/tern.png).
"""


@pytest.fixture(scope="module")
def site(world: ServedHub) -> ServedHub:
    """A public model, a private model and a dataset of alice, who has a password."""
    accounts.reset_password(world.hub, "alice", PASSWORD)
    model, hidden = world.repo("tern"), world.repo("hidden", visibility="private")
    world.commit(model, {"README.md": CARD, "docs/guide.md": b"one\ntwo\n", "config.json": b"{}\n"})
    world.commit(hidden, {"README.md": b"# Secret\n"})
    world.commit(world.repo("tides", "dataset"), {"data.csv": b"a,b\n1,2\n"})
    return world


@pytest.fixture
def browser(site: ServedHub) -> Iterator[httpx2.Client]:
    """A browser without a session; follows redirects."""
    with browse(site) as client:
        yield client


@pytest.fixture
def signed_in(site: ServedHub) -> Iterator[httpx2.Client]:
    """A browser in which alice has signed in."""
    with browse(site) as client:
        answer = client.post("/login", data={"name": "alice", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield client


@pytest.fixture
def show(browser: httpx2.Client) -> Callable[[str], str]:
    """Return a function that returns the HTML of a page."""

    def get(path: str) -> str:
        answer = browser.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
        return answer.text

    return get


def browse(site: ServedHub) -> httpx2.Client:
    """Return a client that sends what browsers send."""
    headers = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "sec-fetch-site": "same-origin"}
    return httpx2.Client(base_url=site.url, headers=headers, trust_env=False, timeout=240, follow_redirects=True)


def send_form(
    client: httpx2.Client, page: str, fields: Mapping[str, str | Sequence[str]], action: str | None = None
) -> httpx2.Response:
    """Open a page, and send a form of it as a browser does: with the token of the session, to its own address."""
    return client.post(action or page, data={"csrf": form_token(client, page), **fields})


def form_token(client: httpx2.Client, page: str) -> str:
    """Return the token of the session from a page."""
    text = client.get(page).text
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', text)
    assert found is not None, text[:2000]
    return found[1]


def field_of(text: str, name: str) -> str:
    """Return the value of an input, or the text of a text area, of a page."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', text)
    found = found or re.search(rf'<textarea[^>]*name="{name}"[^>]*>([^<]*)</textarea>', text)
    assert found is not None, text
    return html.unescape(found[1])
