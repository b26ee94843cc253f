"""A browser for the pages of a hub that has repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    return httpx2.Client(base_url=site.url, headers=headers, trust_env=False, timeout=30, follow_redirects=True)
