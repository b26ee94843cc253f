from __future__ import annotations

import html
import json
import os
import pathlib
import re
import shutil
import subprocess

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import openings
from entrepot.names import parse_path
from entrepot.server.app import make_app
from entrepot.server.pages.frames import POLICY, SCRIPTS, WebPage, with_script
from entrepot.settings import Settings
from tests.server.pages.conftest import browse
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub


def test_every_page_is_protected_by_its_headers(browser: httpx2.Client) -> None:
    scripts = " ".join(["script-src", *(f"'{sha256}'" for _, sha256 in SCRIPTS)])
    for path in ("/", "/models", "/alice/tern", "/alice/none", "/login"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert f"default-src 'none'; {scripts};" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] in ("private, no-cache", "no-store")
        assert "Cookie" in headers["vary"]


def test_only_the_page_that_uploads_runs_scripts_and_only_those_of_the_hub(signed_in: httpx2.Client) -> None:
    policy = signed_in.get("/alice/tern/upload/main").headers["content-security-policy"]
    uploads = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'"
    assert f"{uploads};" in policy
    scripts = " ".join(["script-src", *(f"'{sha256}'" for _, sha256 in SCRIPTS)])
    assert policy.replace(uploads, scripts) == POLICY
    assert signed_in.get("/alice/tern/edit/main/config.json").headers["content-security-policy"] == POLICY


def test_a_visitor_is_named_and_can_sign_out(signed_in: httpx2.Client, browser: httpx2.Client) -> None:
    assert "Sign out" in signed_in.get("/").text
    assert "Sign out" not in browser.get("/").text
    assert 'href="/login?next=%2Fmodels%3Fsearch%3Da%2526b"' in browser.get("/models?search=a%26b").text


def test_a_host_that_is_not_known_appears_nowhere(site: ServedHub) -> None:
    with browse(site) as client:
        answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 200
    assert "evil.example" not in answer.text


def test_the_address_of_the_hub_is_in_its_commands(site: ServedHub, browser: httpx2.Client) -> None:
    assert f"export HF_ENDPOINT={site.url}" in browser.get("/").text
    proxied = browser.get("/", headers={"x-forwarded-proto": "https", "x-forwarded-host": "hub.example"}).text
    assert "export HF_ENDPOINT=https://hub.example<" in proxied


def test_a_hub_below_a_path_has_it_in_every_link(tmp_path: pathlib.Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data", base_url="https://hub.example/hub", run_jobs=False), fsync=False)
    try:
        accounts.create_user(hub, "alice", password="correct horse")
        with running(make_app(hub)) as address, httpx2.Client(base_url=address.url, trust_env=False) as client:
            headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
            for path in ("/hub", "/hub/", "/hub/models", "/hub/alice", "/hub/alice/none"):
                text = client.get(path, headers=headers).text
                assert set(re.findall(r'(?:href|src|action)="(?!#)([^"]{4})', text)) == {"/hub"}, path
            fields = {"name": "alice", "password": "correct horse", "next": "/hub/alice"}
            answer = client.post("/hub/login", data=fields, headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (303, "/hub/alice")
            assert answer.headers["set-cookie"].startswith("__Host-entrepot=")
    finally:
        hub.close()


def test_a_token_shows_what_it_may_see(site: ServedHub) -> None:
    with browse(site) as client:
        assert client.get("/alice/hidden", headers={"authorization": f"Bearer {site.alice}"}).status_code == 200
        assert client.get("/", headers={"authorization": "Bearer hf_made_up_token"}).status_code == 401


def test_a_page_that_the_browser_has_is_not_sent_again(browser: httpx2.Client, signed_in: httpx2.Client) -> None:
    first = browser.get("/alice/tern/tree/main")
    tag = first.headers["etag"]
    again = browser.get("/alice/tern/tree/main", headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert signed_in.get("/alice/tern/tree/main", headers={"if-none-match": tag}).status_code == 200


def test_a_page_with_a_script_allows_scripts_of_this_hub_only() -> None:
    page = with_script(WebPage("login.html", "Sign in"))
    assert "script-src 'self';" in page.policy
    assert "unsafe" not in page.policy


COMMAND = re.compile(r'aria-label="command for this page as JSON"><code>(.*?)</code>', re.DOTALL)


def commands_of(text: str) -> list[str]:
    """Return the commands and code that a page offers for copying."""
    found = re.findall(r'<div class="snip"><pre[^>]*><code>(.*?)</code>', text, re.DOTALL)
    return [html.unescape(one) for one in found]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_command_for_a_page_as_json_works_as_it_is_copied(site: ServedHub, signed_in: httpx2.Client) -> None:
    pages = dict.fromkeys(["/", "/models", "/alice", "/alice/tern/tree/main", "/-/api"])
    mine = dict.fromkeys(["/alice/hidden", "/settings/tokens", "/settings/account"], site.alice)
    for path, token in {**pages, **mine}.items():
        found = COMMAND.search(signed_in.get(path).text)
        assert found is not None, path
        environ = {name: value for name, value in os.environ.items() if name == "PATH"}
        ran = subprocess.run(
            ["sh", "-c", html.unescape(found[1])],
            env=environ | ({"HF_TOKEN": token} if token else {}),
            capture_output=True,
            timeout=240,
            check=True,
        )
        assert "error" not in json.loads(ran.stdout), path


def test_commands_that_download_name_this_hub(site: ServedHub, browser: httpx2.Client) -> None:
    ref = site.repo("many-ways")
    commits.create(site.hub, site.caller(), ref, "main", CommitDraft("First", [AddFile(parse_path("b.txt"), b"b")]))
    draft = CommitDraft("A change", [AddFile(parse_path("a.txt"), b"a")])
    openings.open_with_commit(site.hub, site.caller(), ref, "main", draft)
    found = [
        text
        for path in ("/alice/many-ways", "/alice/many-ways/tree/main", "/alice/many-ways/discussions/1")
        for text in commands_of(browser.get(path).text)
        if "hf download" in text
    ]
    assert len(found) == 3
    start = f"export HF_ENDPOINT={site.url}\nhf download alice/many-ways --revision "
    assert all(text.startswith(start) for text in found)
