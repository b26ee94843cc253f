from __future__ import annotations

import re

import httpx2
import pytest

from entrepot.hub.community import access_requests
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from tests.support.served_hub import ServedHub

PAGES = (
    "",
    "/tree/main",
    "/tree/main/docs",
    "/blob/main/README.md",
    "/commits/main",
    "/commit/main",
    "/tree/none",
    "/blob/none/x",
)


@pytest.mark.parametrize("prefix", ["", "datasets/", "spaces/"])
@pytest.mark.parametrize("action", PAGES)
@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_a_private_repository_has_the_page_of_an_absent_one(
    site: ServedHub, browser: httpx2.Client, prefix: str, action: str, who: str
) -> None:
    headers = {"accept-encoding": "identity"}  # packed, pages of different names have different lengths
    if who == "stranger":
        headers["authorization"] = f"Bearer {site.bob}"
    name = f"secret-{prefix.strip('/') or 'models'}"
    if browser.get(f"/{prefix}alice/{name}", headers={"authorization": f"Bearer {site.alice}"}).status_code != 200:
        site.repo(name, {"": "model"}.get(prefix, prefix[:-2]), visibility="private")
    found = []
    for asked in (name, "x" * len(name)):
        answer = browser.get(f"/{prefix}alice/{asked}{action}", headers=headers)
        text = answer.text.replace(asked, "NAME").replace(answer.headers["x-request-id"], "ID")
        kept = {key: value for key, value in answer.headers.items() if key not in ("x-request-id", "date")}
        found.append((answer.status_code, kept, text))
    assert found[0] == found[1]
    assert found[0][0] == (401 if who == "anonymous" else 404)
    assert "The address is wrong, or the repository is private" in found[0][2]


def test_errors_say_what_and_keep_the_status_and_code_of_the_api(site: ServedHub, browser: httpx2.Client) -> None:
    for path, status, code, title in (
        ("/alice/tern/tree/none", 404, "RevisionNotFound", "This revision does not exist"),
        ("/alice/tern/tree/main/none", 404, "EntryNotFound", "This file does not exist"),
        ("/alice/tern/blob/main/none", 404, "EntryNotFound", "This file does not exist"),
        ("/alice/tern/blob/main/..%2Fx", 404, "EntryNotFound", "This file does not exist"),
        ("/nobody-here", 404, "AccountNotFound", "This page does not exist"),
        ("/models?sort=weight", 400, None, "This request cannot be read"),
        ("/models?cursor=x", 400, None, "This request cannot be read"),
        ("/alice/tern/tree/main?cursor=x", 400, None, "This request cannot be read"),
        ("/alice/tern/blob/%zz/x", 400, None, "This request cannot be read"),
        ("/alice/tern/commits/main?p=x", 400, None, "This request cannot be read"),
    ):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers.get("x-error-code")) == (status, code), path
        assert re.search(rf"<h1>{title}</h1>", answer.text), path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["x-request-id"] in answer.text


def test_a_gated_repository_shows_its_facts_but_not_its_content(site: ServedHub, browser: httpx2.Client) -> None:
    ref = site.repo("gated")
    head = b"---\nlicense: mit\nextra_gated_heading: Terms of terns\nextra_gated_prompt: Agree to *nothing*.\n---\n"
    site.commit(ref, {"README.md": head + b"The content.\n"})
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(gated="manual"))
    card = browser.get("/alice/gated")
    assert card.status_code == 200
    assert "The content." not in card.text
    assert "<b>Terms of terns</b> To read the files of this model, sign in and ask for access." in card.text
    assert "Agree to <em>nothing</em>." in card.text
    for path in ("blob/main/README.md", "commit/main"):
        answer = browser.get(f"/alice/gated/{path}")
        assert (answer.status_code, answer.headers["x-error-code"]) == (401, "GatedRepo")
        assert "The content." not in answer.text
    assert browser.get("/alice/gated/tree/main").status_code == 200


def test_the_page_of_a_gated_file_leads_to_the_request(site: ServedHub, browser: httpx2.Client) -> None:
    ref = site.repo("gated-files", "dataset")
    site.commit(ref, {"a.txt": b"x"})
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(gated="manual"))
    path, asking = "/datasets/alice/gated-files/blob/main/a.txt", 'href="/datasets/alice/gated-files/access">'
    assert asking not in browser.get(path).text
    headers = {"authorization": f"Bearer {site.bob}"}
    answer = browser.get(path, headers=headers)
    assert answer.status_code == 403
    assert f"{asking}Request access</a>" in answer.text
    access_requests.request_access(site.hub, site.hub.identify(site.bob), ref, {})
    assert f"{asking}See your request</a>" in browser.get(path, headers=headers).text


def test_errors_are_told_in_words(browser: httpx2.Client) -> None:
    for path, words in (
        ("/settings/profile", "This page is for users of this hub. You come back here after you have signed in."),
        ("/alice/tern/tree/no%3Cb%3E", "The repository has no branch, tag or commit that is called “no&lt;b&gt;”."),
        ("/alice/tern/blob/main/none/x", "This revision has nothing at the path “none/x”."),
        ("/nobody-here", "No user or organisation is called &#39;nobody-here&#39;."),
    ):
        assert f"<p>{words}</p>" in browser.get(path).text, path


def test_an_error_in_a_repository_leads_on_there(browser: httpx2.Client) -> None:
    for path, page, label in (
        ("tree/none", "/refs", "Branches and tags"),
        ("blob/main/none", "/tree/main", "Files"),
        ("discussions/99", "/discussions", "Discussions"),
        ("commit/none", "", "Go to alice/tern"),
    ):
        answer = browser.get(f"/alice/tern/{path}")
        assert answer.status_code == 404
        assert f'href="/alice/tern{page}">{label}</a>' in answer.text, path
    assert 'href="/alice/' not in browser.get("/alice/absent/tree/none").text.replace('href="/alice/absent', "")


def test_a_form_without_a_session_leads_back_to_its_page(site: ServedHub, browser: httpx2.Client) -> None:
    page = f"{site.url}/alice/tern/discussions/new?kind=x"
    answer = browser.post("/alice/tern/like", data={"liked": "yes"}, headers={"referer": page})
    assert answer.status_code in (401, 403)
    assert 'href="/login?next=%2Falice%2Ftern%2Fdiscussions%2Fnew%3Fkind%3Dx"' in answer.text
    assert 'href="/login?next=%2F"' in browser.post("/alice/tern/like", data={"liked": "yes"}).text


@pytest.mark.parametrize(
    ("address", "parameter"),
    [
        ("/models?sort=nope", "sort"),
        ("/datasets?cursor=nope", "cursor"),
        ("/search?p=nope", "p"),
        ("/alice/tern/tree/main?cursor=nope", "cursor"),
        ("/alice/tern/commits/main?p=nope", "p"),
        ("/alice/tern/discussions?status=nope", "status"),
    ],
)
def test_an_unknown_value_in_an_address_is_named_and_left_out(
    browser: httpx2.Client, address: str, parameter: str
) -> None:
    answer = browser.get(address)
    assert answer.status_code == 400
    assert f"has a value for “{parameter}” that the page does not know" in answer.text
    assert "parameter" not in answer.text.lower()
    [link] = re.findall(r'<a class="btn main" href="([^"]*)">Open the page without it</a>', answer.text)
    assert link == "?"
    assert browser.get(address.partition("?")[0] + link).status_code == 200
    told = browser.get(address, headers={"accept": "application/json"}).json()["error"]
    assert f"parameter '{parameter}'" in told
