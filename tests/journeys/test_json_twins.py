"""Every page that links lead to names a command that returns what it shows as JSON, and the command works."""

from __future__ import annotations

import html
import re
from collections import deque
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.journeys.test_browser_pages import IS_PAGE, LINK, shape_of
from tests.support.populated_hub import PASSWORD, populate
from tests.support.running_apps import running

COMMAND = re.compile(r'aria-label="command for this page as JSON"><code>curl -H .*? &#39;(.*?)&#39;</code>')
FORMS = {
    *("/-/device", "/new", "/new-dataset", "/new-space", "/organizations/new", "/collections/new"),
    *("/-/folders/new", "/settings/password"),
}
"""Pages that are only a form."""


def command_of(text: str) -> str | None:
    """Return the address in the command of a page."""
    found = COMMAND.search(text)
    return None if found is None else html.unescape(found[1])


@pytest.mark.timeout(300)
def test_every_page_has_a_command_for_its_json(tmp_path: Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data", port=0), fsync=False)
    populate(hub)
    token = accounts.create_token(hub, "chief", role="write", name="script").secret
    headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
    without, wrong, shapes, waiting = set[str](), list[str](), set[str](), deque(["/"])
    with running(make_app(hub)) as address, httpx2.Client(timeout=60, trust_env=False) as client:
        client.post(f"{address.url}/login", data={"name": "chief", "password": PASSWORD}, headers=headers)
        while waiting:
            path = waiting.popleft()
            shape = shape_of(path)
            if shape in shapes or not IS_PAGE.match(path):
                continue
            shapes.add(shape)
            page = client.get(address.url + path, headers=headers, follow_redirects=True)
            if not page.headers["content-type"].startswith("text/html"):
                continue
            command = command_of(page.text)
            if command is None:
                without.add(path)
            elif not is_json(client, command, token):
                wrong.append(f"{path}: {command}")
            links = (urlsplit(urljoin(address.url + path, html.unescape(link))) for link in LINK.findall(page.text))
            # A query selects some of what a page shows, or sorts it.
            waiting += [link.path for link in links if f"{link.scheme}://{link.netloc}" == address.url]
    hub.close()
    assert wrong == []
    assert without == FORMS
    assert len(shapes) > 60


def is_json(client: httpx2.Client, url: str, token: str) -> bool:
    """Return whether an address answers JSON to a token; a viewer without its extra says so."""
    answer = client.get(url, headers={"authorization": f"Bearer {token}"}, follow_redirects=True)
    return answer.status_code in (200, 501) and answer.headers["content-type"].startswith("application/json")


def test_a_page_without_a_command_is_noticed() -> None:
    snippet = 'aria-label="command for this page as JSON"><code>curl -H &#34;x&#34; &#39;{}&#39;</code>'
    assert command_of(snippet.format("http://hub/api/models?a=1&amp;b=2")) == "http://hub/api/models?a=1&b=2"
    assert command_of("<main>Nothing</main>") is None
