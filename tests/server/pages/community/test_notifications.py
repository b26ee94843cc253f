from __future__ import annotations

import httpx2
import pytest

from entrepot.catalog.community import notifications as rows
from entrepot.hub.community import discussions, notification_lists
from entrepot.server.pages import frames
from tests.server.hf.community.test_notifications import work
from tests.server.pages.conftest import send_form
from tests.support.served_hub import ServedHub


def ask(site: ServedHub, name: str, title: str = "A question") -> None:
    """Open a discussion of bob's in a new model of alice."""
    discussions.create(site.hub, site.hub.identify(site.bob), site.repo(name), title, "@alice, why?")
    work(site)


def bell(page: str) -> str:
    """Return what the link in the bar says."""
    return page.partition('/notifications" aria-label="')[2].partition('"')[0]


def test_the_bell_counts_and_the_page_leads_to_what_happened(site: ServedHub, signed_in: httpx2.Client) -> None:
    notification_lists.mark(site.hub, site.caller(), None)
    assert bell(signed_in.get("/").text) == "Notifications"
    ask(site, "belled", "<b>Why</b>?")
    assert bell(signed_in.get("/").text) == "Notifications, 1 unread"
    page = signed_in.get("/notifications").text
    assert "&lt;b&gt;Why&lt;/b&gt;?" in page
    assert "bob mentioned you</span>" in page
    assert "alice/belled #1" in page
    assert "Mark all as read" in page
    assert bell(signed_in.get("/alice/belled/discussions/1").text)
    assert bell(signed_in.get("/").text) == "Notifications"
    assert "All read" in signed_in.get("/notifications").text
    assert "bob mentioned you" in signed_in.get("/notifications?show=all").text


def test_one_and_all_are_marked_with_forms(site: ServedHub, signed_in: httpx2.Client) -> None:
    notification_lists.mark(site.hub, site.caller(), None)
    for name in ("first-marked", "second-marked"):
        ask(site, name)
    uids = [item.row.uid for item in notification_lists.list_page(site.hub, site.caller()).items]
    answer = send_form(signed_in, "/notifications", {"id": uids[0], "read": "yes"})
    assert answer.url.path == "/notifications"
    assert "alice/first-marked #1" in answer.text
    assert "alice/second-marked #1" not in answer.text
    answer = send_form(
        signed_in, "/notifications?show=all", {"id": uids[0], "read": "no", "show": "all"}, "/notifications"
    )
    assert answer.url.query == b"show=all"
    assert bell(answer.text) == "Notifications, 2 unread"
    assert "All read" in send_form(signed_in, "/notifications", {"all": "yes"}).text
    assert send_form(signed_in, "/notifications", {"all": "yes", "id": "x"}).status_code == 400
    assert send_form(signed_in, "/notifications", {}).status_code == 400


def test_older_ones_are_on_the_next_page(
    site: ServedHub, signed_in: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from entrepot.server.pages.community import notifications

    monkeypatch.setattr(notifications, "SHOWN", 1)
    notification_lists.mark(site.hub, site.caller(), None)
    for name in ("older", "newer"):
        ask(site, name)
    page = signed_in.get("/notifications").text
    assert "alice/newer" in page
    assert "alice/older" not in page
    link = page.partition("/notifications?show=unread&amp;cursor=")[2].partition('"')[0]
    page = signed_in.get(f"/notifications?show=unread&cursor={link}").text
    assert "alice/older" in page
    assert "Newest" in page


def test_a_repository_is_watched_and_a_discussion_muted_with_forms(site: ServedHub, signed_in: httpx2.Client) -> None:
    ask(site, "quiet")
    page = "/alice/quiet/discussions"
    assert '<option value="all" selected>' in signed_in.get(page).text
    answer = send_form(signed_in, page, {"level": "participating"}, "/alice/quiet/watch")
    assert "Saved." in answer.text
    assert '<option value="participating" selected>' in answer.text
    assert send_form(signed_in, page, {"level": "loud"}, "/alice/quiet/watch").status_code == 400
    answer = send_form(signed_in, f"{page}/1", {"muted": "yes"}, f"{page}/1/mute")
    assert "You get no notifications of this discussion." in answer.text
    answer = send_form(signed_in, f"{page}/1", {"muted": "no"}, f"{page}/1/mute")
    assert "Mute</button>" in answer.text
    assert send_form(signed_in, f"{page}/1", {"muted": "x"}, f"{page}/1/mute").status_code == 400


def test_visitors_see_no_bell_and_no_choices(site: ServedHub, browser: httpx2.Client) -> None:
    ask(site, "anonymous")
    page = browser.get("/alice/anonymous/discussions").text
    assert bell(page) == ""
    assert "Tell me about" not in page
    assert "Mute" not in browser.get("/alice/anonymous/discussions/1").text
    assert browser.get("/notifications").status_code in (200, 401)


def test_a_page_is_counted_with_one_statement_and_anonymous_pages_with_none(
    site: ServedHub, monkeypatch: pytest.MonkeyPatch, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    calls = []
    real = rows.count_unread
    monkeypatch.setattr(rows, "count_unread", lambda *args: calls.append(args) or real(*args))
    assert browser.get("/models").status_code == 200
    assert calls == []
    assert signed_in.get("/models").status_code == 200
    assert len(calls) == 1


@pytest.mark.parametrize(("unread", "text"), [(0, ""), (1, "1"), (99, "99"), (100, "99+")])
def test_the_number_is_short(unread: int, text: str) -> None:
    assert frames._capped(unread) == text
