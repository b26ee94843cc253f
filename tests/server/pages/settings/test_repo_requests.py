from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.community import access_requests
from entrepot.hub.community.access_requests import RequesterId
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import sender
from tests.support.served_hub import ServedHub

CARD = b"""---
extra_gated_heading: Tell us <b>who</b>
extra_gated_prompt: You agree to *nothing* <script>alert(1)</script>
extra_gated_button_content: Send it
extra_gated_fields:
  csrf: text
  Company "x": text
  Born: date_picker
  Use:
    type: select
    options: [Research, {label: Something else, value: other}]
  I agree: checkbox
---
# Gated
"""
ANSWERS = {
    "answer:csrf": "mine",
    'answer:Company "x"': "ACME",
    "answer:Born": "2001-02-03",
    "answer:Use": "other",
    "answer:I agree": "yes",
}


def gated(site: ServedHub, name: str, gate: str = "manual") -> RepoRef:
    ref = site.repo(name)
    site.commit(ref, {"README.md": CARD})
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(gated=gate))
    return ref


@pytest.fixture
def visitor(site: ServedHub) -> Iterator[httpx2.Client]:
    """A browser of bob, who owns nothing."""
    accounts.reset_password(site.hub, "bob", PASSWORD)
    with browse(site) as client:
        client.post("/login", data={"name": "bob", "password": PASSWORD})
        yield client


def test_a_visitor_asks_with_the_form_of_the_card(site: ServedHub, visitor: httpx2.Client) -> None:
    ref = gated(site, "wanted")
    assert 'href="/alice/wanted/access"' in visitor.get("/alice/wanted").text
    page = visitor.get("/alice/wanted/access").text
    for words in ("Tell us &lt;b&gt;who&lt;/b&gt;", "<em>nothing</em>", "Send it", 'value="other">Something else'):
        assert words in page
    assert "<script>" not in page
    send = sender(visitor)
    wrong = send("/alice/wanted/access", {**ANSWERS, "answer:Born": "yesterday"})
    assert wrong.status_code == 400
    assert 'value="ACME"' in wrong.text
    assert 'value="other" selected' in wrong.text
    done = send("/alice/wanted/access", ANSWERS)
    assert "Your request is sent." in done.text
    assert "Your request is pending." in done.text
    assert "Withdraw" in done.text
    [item] = access_requests.list_requests(site.hub, site.caller(), ref, "pending", after=None, limit=5).items
    assert item.request.fields == {
        "csrf": "mine", 'Company "x"': "ACME", "Born": "2001-02-03", "Use": "other", "I agree": True,
    }  # fmt: skip
    assert "Send it" in send("/alice/wanted/access/cancel").text


def test_an_automatic_gate_lets_in_at_once(site: ServedHub, visitor: httpx2.Client) -> None:
    gated(site, "automatic", "auto")
    assert "You get access immediately." in visitor.get("/alice/automatic/access").text
    done = sender(visitor)("/alice/automatic/access", ANSWERS)
    assert done.url.path == "/alice/automatic"
    assert "Gated" in done.text
    assert visitor.get("/alice/automatic/blob/main/README.md").status_code == 200


def test_a_rejected_visitor_sees_why_and_cannot_ask_again(site: ServedHub, visitor: httpx2.Client) -> None:
    ref = gated(site, "refusing")
    send = sender(visitor)
    send("/alice/refusing/access", ANSWERS)
    access_requests.decide(site.hub, site.caller(), ref, RequesterId(user="bob"), "rejected", "Not <now>")
    page = visitor.get("/alice/refusing/access").text
    assert "Your request is rejected." in page
    assert "Reason: Not &lt;now&gt;" in page
    assert "Withdraw" not in page
    assert send("/alice/refusing/access", ANSWERS).status_code == 403
    assert send("/alice/refusing/access/cancel").status_code == 403


def test_who_may_read_or_is_not_signed_in_is_not_asked(
    site: ServedHub, browser: httpx2.Client, signed_in: httpx2.Client, visitor: httpx2.Client
) -> None:
    gated(site, "quiet")
    assert "Sign in</a> to ask for access" in browser.get("/alice/quiet/access").text
    assert "No request is needed" in signed_in.get("/alice/quiet/access").text
    assert "No request is needed" in visitor.get("/alice/tern/access").text
    hidden, absent = (visitor.get(f"/alice/{name}/access") for name in ("hidden", "absent"))
    assert (hidden.status_code, absent.status_code) == (404, 404)
