"""A hub behind nginx with TLS and a certificate of one's own authority, at the root of a host and below a prefix.

The configuration is the one of deploy/, with the paths and ports of the test, and the prefix of docs/operations.md.
"""

from __future__ import annotations

import contextlib
import html
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import attrs
import httpx2
import pytest

from entrepot import testing
from entrepot.hub.context import open_hub
from entrepot.server.addresses import reserved
from entrepot.testing.hubs import RunningHub
from tests.support.certificates import Pems
from tests.support.nginx import DEPLOY, PROGRAM, running_nginx
from tests.support.populated_hub import PASSWORD, populate

pytestmark = [pytest.mark.skipif(not PROGRAM, reason="nginx is not installed"), pytest.mark.timeout(300)]

PAGES = 120
LINK = re.compile(r"""\s(href|src|action|formaction)=["']([^"'#]+)""")
THERE_AND_BACK = """
import sys
from huggingface_hub import HfApi, hf_hub_download
api, data = HfApi(), bytes(range(256)) * 20_000
api.create_repo("tester/chunks")
api.upload_file(path_or_fileobj=data, path_in_repo="w.bin", repo_id="tester/chunks")
assert open(hf_hub_download("tester/chunks", "w.bin"), "rb").read() == data
"""


@attrs.frozen
class SecuredHub:
    """A hub behind nginx; ``url`` is that of clients, ``authority`` the certificate that they have to trust."""

    hub: RunningHub
    url: str
    authority: Path

    def client(self) -> httpx2.Client:
        trusted = ssl.create_default_context(cafile=str(self.authority))
        return httpx2.Client(verify=trusted, trust_env=False, timeout=240, headers={"sec-fetch-site": "same-origin"})


@pytest.fixture(scope="module", params=["", "/hub"])
def secured(
    request: pytest.FixtureRequest, pems: Pems, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecuredHub]:
    folder, prefix = tmp_path_factory.mktemp("nginx"), request.param
    with reserved("127.0.0.1", 0) as address:
        port = address.port
    url = f"https://localhost:{port}{prefix}"
    base = {"base_url": url} if prefix else {}
    with (
        testing.hub(trusted_proxies=["127.0.0.1"], **base) as hub,
        contextlib.closing(open_hub(hub.settings)) as opened,
    ):
        populate(opened)
        server = (DEPLOY / "entrepot.conf").read_text().partition("\nserver {\n    listen 80;")[0]
        for old, new in (
            ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
            ("listen [::]:443 ssl;", ""),
            ("server_name hub.example.org", "server_name localhost"),
            ("/etc/ssl/hub.example.org/fullchain.pem", str(pems.cert)),
            ("/etc/ssl/hub.example.org/privkey.pem", str(pems.key)),
            ("http://127.0.0.1:8080", hub.url),
            ("location / {", f"location {prefix}/ {{"),
        ):
            assert old in server
            server = server.replace(old, new)
        with running_nginx(folder, server, port):
            yield SecuredHub(hub, url, pems.authority)


def test_hf_xet_sends_and_fetches_chunks(secured: SecuredHub, tmp_path: Path) -> None:
    given = {"HF_ENDPOINT": secured.url, "HF_HOME": str(tmp_path), "SSL_CERT_FILE": str(secured.authority)}
    environ = {**os.environ, **secured.hub.environ(), **given}
    environ.pop("HF_HUB_DISABLE_XET", None)
    before = len(secured.hub.log())
    subprocess.run([sys.executable, "-c", THERE_AND_BACK], env=environ, check=True, timeout=240)
    log = secured.hub.log()[before:]
    assert re.search(r"POST path=/xet/\S+/xorbs/default/\w+ status=200", log)
    assert re.search(r"GET path=/_xet/xorbs/\w+ status=206", log)
    assert "path=/_lfs/" not in log


def test_a_browser_signs_in_and_no_page_leads_out_of_the_prefix(secured: SecuredHub) -> None:
    with secured.client() as browser:
        fields = {"name": "chief", "password": PASSWORD, "next": f"{urlsplit(secured.url).path}/"}
        entered = browser.post(f"{secured.url}/login", data=fields, headers={"origin": _origin(secured.url)})
        assert entered.status_code == 303, entered.text
        [cookie] = [value for value in entered.headers.get_list("set-cookie") if "entrepot" in value]
        assert cookie.startswith("__Host-entrepot=")
        assert "; Secure" in cookie
        assert urljoin(secured.url, entered.headers["location"]).startswith(f"{secured.url}/")
        seen, faults = _crawl(browser, secured.url)
        assert faults == []
        assert len(seen) >= PAGES


def _crawl(browser: httpx2.Client, url: str) -> tuple[set[str], list[str]]:
    """Return the pages that were read, and the links that lead out of the prefix or nowhere."""
    seen, waiting, faults = set[str](), [f"{url}/"], list[str]()
    while waiting and len(seen) < PAGES:
        page = waiting.pop(0)
        if page in seen:
            continue
        seen.add(page)
        answer = browser.get(page, follow_redirects=True)
        if answer.status_code >= 400:
            faults.append(f"{page}: {answer.status_code}")
        for kind, found in LINK.findall(answer.text if "html" in answer.headers.get("content-type", "") else ""):
            link = urljoin(str(answer.url), html.unescape(found))
            if not link.startswith(_origin(url)):
                continue
            if not f"{link}/".startswith(f"{url}/"):
                faults.append(f"{page} leads to {link}")
            elif kind in ("href", "src") and link not in seen:
                waiting.append(link)
    return seen, faults


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
