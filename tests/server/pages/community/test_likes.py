from __future__ import annotations

import httpx2

from entrepot.hub.community import likes
from tests.server.pages.conftest import send_form
from tests.support.served_hub import ServedHub


def test_a_repository_is_liked_and_not_any_more(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref, page = site.repo("likeable"), "/alice/likeable"
    answer = send_form(signed_in, page, {"liked": "yes"}, "/Alice/Likeable/like")
    assert answer.url.path == page
    assert "Unlike" in answer.text
    assert likes.is_liked(site.hub, site.caller(), ref)
    answer = send_form(signed_in, page, {"liked": "no"}, f"{page}/like")
    assert "Unlike" not in answer.text
    assert not likes.is_liked(site.hub, site.caller(), ref)
    assert send_form(signed_in, page, {"liked": "perhaps"}, f"{page}/like").status_code == 400


def test_visitors_without_a_session_see_the_number_only(site: ServedHub, browser: httpx2.Client) -> None:
    ref = site.repo("admired")
    assert "<dt>Likes</dt>" not in browser.get("/alice/admired").text
    likes.like(site.hub, site.caller(), ref)
    text = browser.get("/alice/admired").text
    assert "<dt>Likes</dt>" in text
    assert 'name="liked"' not in text


def test_what_a_visitor_may_not_see_is_not_liked(site: ServedHub, stranger: httpx2.Client) -> None:
    hidden = send_form(stranger, "/alice/tern", {"liked": "yes"}, "/alice/hidden/like")
    absent = send_form(stranger, "/alice/tern", {"liked": "yes"}, "/alice/absent/like")
    assert (hidden.status_code, absent.status_code) == (404, 404)
