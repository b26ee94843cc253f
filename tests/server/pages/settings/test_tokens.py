from __future__ import annotations

import re

import httpx2
import pytest

from entrepot.hub.accounts import accounts, tokens
from entrepot.server.pages.editing import upload_tokens
from tests.server.pages.settings.conftest import Send
from tests.support.served_hub import ServedHub

EVIL = "<script>alert(1)</script>"


def secret_in(text: str) -> str:
    [found] = re.findall(r"hf_[A-Za-z0-9]{34}", text)
    return str(found)


def whoami(site: ServedHub, secret: str) -> httpx2.Response:
    with site.client(secret) as client:
        return client.get("/api/whoami-v2")


def test_a_token_is_shown_once_used_renewed_and_revoked(site: ServedHub, signed_in: httpx2.Client, send: Send) -> None:
    made = send("/settings/tokens", {"name": EVIL, "role": "write", "days": "90"})
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    secret = secret_in(made.text)
    assert EVIL not in made.text
    assert whoami(site, secret).json()["auth"]["accessToken"]["role"] == "write"
    page = signed_in.get("/settings/tokens").text
    assert secret not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "in 90 days" in page
    [known] = [item for item in tokens.list_own(site.hub, site.caller()) if item.token.name == EVIL]
    renewed = send("/settings/tokens/renew", {"token": known.token.uid})
    fresh = secret_in(renewed.text)
    assert (whoami(site, secret).status_code, whoami(site, fresh).status_code) == (401, 200)
    gone = send("/settings/tokens/revoke", {"token": known.token.uid})
    assert "The token is revoked." in gone.text
    assert whoami(site, fresh).status_code == 401


def test_a_fine_grained_token_does_what_was_chosen_and_nothing_else(site: ServedHub, send: Send) -> None:
    accounts.create_org(site.hub, "grain", admin="alice")
    fields = {
        "name": "grained",
        "role": "fineGrained",
        "days": "30",
        "places": "alice/hidden\r\n\r\n datasets/alice/tides \r\ngrain",
        "allow": ["repo.content.read", "org.read"],
        "everywhere": "yes",
    }
    made = send("/settings/tokens", fields)
    assert made.status_code == 200, made.text
    for words in (
        "alice/hidden: read files, also private and gated ones",
        "datasets/alice/tides: read files",
        "grain: read files, also private and gated ones; see members and settings",
        "everywhere: take part in discussions",
    ):
        assert words in made.text
    with site.client(secret_in(made.text)) as client:
        assert client.get("/api/models/alice/hidden").status_code == 200
        assert client.put("/api/models/alice/hidden/settings", json={"private": False}).status_code == 403


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"role": "write", "days": "1000"}, 400, "expiry"),
        ({"role": "root", "days": "90"}, 400, "token role"),
        ({"role": "fineGrained", "days": "90"}, 400, "Name at least one|name at least one"),
        ({"role": "fineGrained", "days": "90", "places": "alice/tern"}, 400, "choose what it may do in alice/tern"),
        (
            {"role": "fineGrained", "days": "90", "places": "alice/none", "allow": "repo.write"},
            404,
            "alice/none|not found|does not exist",
        ),
        ({"role": "fineGrained", "days": "90", "places": "no-such-org", "allow": "repo.write"}, 404, "no-such-org"),
    ],
)
def test_a_mistake_makes_no_token_and_keeps_what_was_typed(
    site: ServedHub, send: Send, fields: dict[str, str], status: int, words: str
) -> None:
    before = len(tokens.list_own(site.hub, site.caller()))
    answer = send("/settings/tokens", {"name": "typed-name", **fields})
    assert answer.status_code == status
    assert re.search(words, answer.text)
    assert 'value="typed-name"' in answer.text
    assert fields.get("places", "") in answer.text
    assert len(tokens.list_own(site.hub, site.caller())) == before


def test_an_expired_token_says_so(site: ServedHub, signed_in: httpx2.Client) -> None:
    made = accounts.create_token(site.hub, "alice", role="read", name="old", expires_ms=site.hub.now_ms() + 60_000)
    page = signed_in.get("/settings/tokens").text
    assert re.search(r"in \d+ seconds", page)
    assert made.secret not in page


def test_tokens_of_others_cannot_be_revoked(site: ServedHub, send: Send) -> None:
    uid = accounts.create_token(site.hub, "bob", role="read", name="bobs").token.uid
    for path in ("/settings/tokens/revoke", "/settings/tokens/renew"):
        assert send(path, {"token": uid}).status_code == 404


def test_tokens_of_uploads_stand_apart(site: ServedHub, signed_in: httpx2.Client) -> None:
    accounts.create_token(site.hub, "alice", role="write", name=upload_tokens.NAME)
    text = signed_in.get("/settings/tokens").text
    assert text.index("of uploads in the browser") < text.index(f"<b>{upload_tokens.NAME}</b>")


def test_a_place_that_does_not_exist_is_named(site: ServedHub, send: Send) -> None:
    fields = {"name": "lost", "role": "fineGrained", "days": "30", "allow": ["repo.content.read"]}
    refused = send("/settings/tokens", {**fields, "places": "alice/hidden\ndatasets/alice/absent\nalice/tern"})
    assert refused.status_code == 404
    assert "No dataset &#39;alice/absent&#39; here." in refused.text
