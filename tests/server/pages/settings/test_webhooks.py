from __future__ import annotations

import html
import re

import httpx2

from entrepot.catalog import Lock
from entrepot.catalog.webhooks import deliveries
from entrepot.hub.community import discussions
from entrepot.hub.webhooks import webhooks
from tests.server.pages.conftest import field_of
from tests.server.pages.settings.conftest import Send
from tests.support import hub_work
from tests.support.served_hub import ServedHub

BASE = "/settings/webhooks"
WATCHED = "alice/tern\r\ndatasets/alice/tides\r\nacme\r\nusers/bob"
FIELDS = {"url": "https://ci.example/hook", "watched": WATCHED, "domains": "repo"}


def make(send: Send, **more: str) -> str:
    """Create a webhook and return the address of its page."""
    done = send(BASE, {**FIELDS, **more})
    assert done.status_code == 200, done.text
    assert "Created." in done.text
    return done.url.path


def test_a_webhook_is_created_and_its_secret_is_never_shown(
    site: ServedHub, send: Send, signed_in: httpx2.Client
) -> None:
    page = make(send, secret="a-secret-word")
    text = signed_in.get(page).text + signed_in.get(BASE).text
    assert "a-secret-word" not in text
    assert "has a secret, which is not shown" in text
    row = webhooks.get(site.hub, site.caller(), page.rsplit("/", 1)[1])
    watched = {(watch.kind, watch.name) for watch in row.watched}
    assert watched == {("model", "alice/tern"), ("dataset", "alice/tides"), ("org", "acme"), ("user", "bob")}
    assert row.domains == ("repo",)
    assert field_of(text, "watched").split() == WATCHED.split()


def test_a_webhook_is_changed_switched_and_deleted(site: ServedHub, send: Send) -> None:
    page = make(send, secret="kept")
    uid = page.rsplit("/", 1)[1]
    changed = {"url": "https://other.example/", "watched": "alice/tern", "domains": ["repo", "discussion"]}
    assert "Saved." in send(page, changed).text
    row = webhooks.get(site.hub, site.caller(), uid)
    assert (row.url, row.secret, row.domains) == ("https://other.example/", "kept", ("repo", "discussion"))
    assert "Saved." in send(page, {**changed, "no_secret": "yes"}).text
    assert webhooks.get(site.hub, site.caller(), uid).secret is None
    assert ">Disabled<" in send(f"{page}/switch", {"to": "off"}).text
    assert webhooks.get(site.hub, site.caller(), uid).is_disabled
    assert ">Disabled<" not in send(f"{page}/switch", {"to": "on"}).text
    assert "Removed." in send(f"{page}/delete").text
    assert send(f"{page}/delete").status_code == 404


def test_a_mistake_stores_nothing_and_keeps_what_was_typed(send: Send, signed_in: httpx2.Client) -> None:
    before = len(re.findall("other-place", signed_in.get(BASE).text))
    for change, sentence in (
        ({"url": "ftp://other-place/"}, "ftp"),
        ({"watched": " "}, "Name at least one repository"),
        ({"watched": "not a name!/x"}, "not a name"),
        ({"domains": []}, "domains"),
    ):
        answer = send(BASE, {**FIELDS, "url": "https://other-place/", **change})
        assert answer.status_code == 400, change
        assert sentence.lower() in answer.text.lower()
        assert "other-place" in field_of(answer.text, "url")
    assert len(re.findall("other-place", signed_in.get(BASE).text)) == before
    page = make(send)
    answer = send(page, {"url": "nonsense", "watched": "alice/tern", "domains": "repo"})
    assert answer.status_code == 400
    assert field_of(answer.text, "url") == "nonsense"


def test_deliveries_are_listed_and_sent_again(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    ref = site.repo("delivering")
    page = make(send, watched="alice/delivering", url="http://203.0.113.7:9/")
    site.commit(ref, {"a.txt": b"1"})
    text = signed_in.get(page).text
    assert "repo.content: update" in text
    assert "alice/delivering" in text
    delivery = field_of(text, "delivery")
    assert "The delivery is sent again." in send(f"{page}/replay", {"delivery": delivery}).text
    assert send(f"{page}/replay", {"delivery": "no-such"}).status_code == 404


def test_a_delivery_shows_what_was_sent_and_answered(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    page = make(send, url="http://203.0.113.8:9/", secret="a-secret-word", watched="alice/not-there")
    send(f"{page}/ping", {})
    while hub_work.run_next(site.hub, "test") is not None:
        pass
    path = re.search(rf'href="({page}/deliveries/[0-9a-f]+)"', signed_in.get(page).text)
    assert path is not None
    text = html.unescape(signed_in.get(path[1]).text)
    assert '"name": "alice/webhook-test"' in text
    assert f"X-Webhook-Delivery: {path[1].rsplit('/', 1)[1]}" in text
    assert "an administrator can allow that with the setting webhook_private_targets" in text
    assert "made with it, are sent too and never shown" in text
    assert "a-secret-word" not in text
    assert "The delivery is sent again." in send(f"{page}/replay", {"delivery": field_of(text, "delivery")}).text
    assert signed_in.get(f"{page}/deliveries/none").status_code == 404


def test_a_delivery_shows_words_of_other_languages_and_escapes_what_cannot_be_printed(
    site: ServedHub, send: Send, signed_in: httpx2.Client
) -> None:
    ref = site.repo("wording")
    page = make(send, url="http://203.0.113.9:9/", watched="alice/wording", domains="discussion")
    discussions.create(site.hub, site.caller(), ref, "Größe 語 🐦", "left \u202e right\x85")
    path = re.search(rf'href="({page}/deliveries/[0-9a-f]+)"', signed_in.get(page).text)
    assert path is not None
    text = html.unescape(signed_in.get(path[1]).text)
    assert '"title": "Größe 語 🐦"' in text
    assert "left \\u202e right" in text
    assert not {"\u202e", "\x85"} & set(text)
    assert "sent in one line of ASCII" in text


def test_a_test_event_is_sent_with_a_button(send: Send, signed_in: httpx2.Client) -> None:
    page = make(send, url="http://203.0.113.7:9/")
    assert "Send a test event" in signed_in.get(page).text
    answer = send(f"{page}/ping", {})
    assert "The test event is sent." in answer.text
    assert "alice/webhook-test" in answer.text
    assert "waits for this webhook already" in send(f"{page}/ping", {}).text


def test_others_and_anonymous_visitors_see_nothing(
    send: Send, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    page = make(send)
    assert browser.get(page).status_code == browser.get(BASE).status_code == 401
    assert signed_in.get(f"{BASE}/0123456789abcdef01234567").status_code == 404


def test_the_list_shows_the_last_result_of_each(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    page = make(send, url="https://result.example/hook")
    assert "Nothing was delivered yet" in signed_in.get(BASE).text
    row = webhooks.get(site.hub, site.caller(), page.rsplit("/", 1)[1])
    webhooks.ping(site.hub, site.caller(), row.uid)
    for state, at_ms, words in (
        ("pending", site.hub.now_ms() + 90_000, "Failed 1 time, next"),
        ("done", 1, "Last del"),
    ):
        with site.hub.write(Lock.job(f"deliver:{row.id}:0"), Lock.job(f"webhook:{row.id}")) as tx:
            waiting = deliveries.first(tx, row.id, webhooks.NO_REPO)
            assert waiting is not None
            if state == "pending":
                deliveries.take(tx, waiting.id, at_ms)
            deliveries.conclude(tx, waiting.id, state, 418, "", at_ms)
        shown = signed_in.get(BASE).text.partition("result.example")[2].partition("</li>")[0]
        assert words in shown
        assert ">418<" in shown


def test_the_whole_reason_of_a_failure_is_shown_with_the_time_that_is_left(
    site: ServedHub, send: Send, signed_in: httpx2.Client
) -> None:
    page = make(send, url="http://203.0.113.7:9/")
    send(f"{page}/ping", {})
    while hub_work.run_next(site.hub, "test") is not None:
        pass
    text = signed_in.get(page).text
    assert "an administrator can allow that with the setting webhook_private_targets" in text
    assert re.search(r"next attempt in \d+ seconds?", text)
