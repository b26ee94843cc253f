from __future__ import annotations

import httpx2
import pytest
from starlette.requests import Request

from entrepot.hub.community import discussions, notification_lists
from entrepot.server.pages.community.visits import is_visit
from tests.server.hf.community.test_notifications import work
from tests.support.served_hub import ServedHub

OPENED = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "same-origin"}


def visit(headers: dict[str, str], method: str = "GET", *, session: bool = True) -> bool:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    state = {"session": "x"} if session else {}
    return is_visit(Request({"type": "http", "method": method, "headers": raw, "state": state}))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-user": "?1"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-purpose": "prefetch"}, False),
        ({"sec-purpose": "prefetch;prerender"}, False),
        ({"purpose": "prefetch"}, False),
        ({"sec-fetch-dest": "image", "sec-fetch-mode": "no-cors"}, False),
        ({"sec-fetch-dest": "iframe"}, False),
        ({"sec-fetch-dest": "empty", "sec-fetch-mode": "cors"}, False),
    ],
)
def test_only_a_page_that_is_opened_is_a_visit(more: dict[str, str], expected: bool) -> None:
    assert visit(OPENED | more) is expected


def test_neither_a_program_nor_a_head_request_is_a_visit() -> None:
    assert not visit(OPENED, "HEAD")
    assert not visit(OPENED, session=False)


def test_over_http_a_visit_asks_for_html() -> None:
    assert visit({"accept": "text/html,*/*"})
    assert not visit({"accept": "image/avif,image/*"})
    assert not visit({"accept": "*/*"})
    assert not visit({})


def test_what_was_told_stays_unread_until_a_visit(site: ServedHub, signed_in: httpx2.Client) -> None:
    notification_lists.mark(site.hub, site.caller(), None)
    discussions.create(site.hub, site.hub.identify(site.bob), site.repo("unvisited"), "A question", "@alice, why?")
    work(site)
    page = "/alice/unvisited/discussions/1"

    def unread() -> int:
        return notification_lists.count_unread(site.hub, site.caller())

    assert unread() == 1
    assert signed_in.head(page).status_code == 200
    assert signed_in.get(page, headers={"sec-purpose": "prefetch"}).status_code == 200
    assert signed_in.get(page, headers={"sec-fetch-dest": "image", "accept": "image/*"}).status_code == 200
    assert signed_in.get(page, headers={"authorization": f"Bearer {site.alice}"}).status_code == 200
    assert unread() == 1
    assert signed_in.get(page, headers=OPENED).status_code == 200
    assert unread() == 0
