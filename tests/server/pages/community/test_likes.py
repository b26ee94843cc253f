from __future__ import annotations

import re

import httpx2

from entrepot.hub.community import likes
from entrepot.names import RepoRef
from tests.server.pages.conftest import field_of, send_form
from tests.support.served_hub import ServedHub


def likers(site: ServedHub, ref: RepoRef) -> list[str]:
    return [account.name for account in likes.likers(site.hub, site.caller(), ref).items]


def test_a_repository_is_liked_and_not_any_more(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref, page = site.repo("likeable"), "/alice/likeable"
    answer = send_form(signed_in, page, {"liked": "yes"}, "/Alice/Likeable/like")
    assert answer.url.path == page
    assert "Unlike" in answer.text
    assert likers(site, ref) == ["alice"]
    answer = send_form(signed_in, page, {"liked": "no"}, f"{page}/like")
    assert "Unlike" not in answer.text
    assert likers(site, ref) == []
    assert send_form(signed_in, page, {"liked": "perhaps"}, f"{page}/like").status_code == 400


def test_all_tabs_of_a_repository_have_the_buttons_which_lead_back_to_them(
    site: ServedHub, signed_in: httpx2.Client
) -> None:
    page = "/alice/tern/blob/main/docs/guide.md"
    text = signed_in.get(page).text
    assert field_of(text, "back") == page
    assert "Unwatch</button>" in text, "owners are told about everything"
    sent = {"liked": "yes", "back": page}
    assert send_form(signed_in, page, sent, "/alice/tern/like").url.path == page
    answer = send_form(signed_in, page, {"level": "participating", "back": page}, "/alice/tern/watch")
    assert answer.url.path == page
    assert ">Watch</button>" in re.sub(r"<svg.*?</svg>", "", answer.text)
    assert "Unlike</button>" in answer.text
    for elsewhere in ("//evil.example/", "https://evil.example/", "/\\evil.example", ""):
        answer = send_form(signed_in, page, {"liked": "no", "back": elsewhere}, "/alice/tern/like")
        assert str(answer.url) == f"{site.url}/alice/tern"


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
