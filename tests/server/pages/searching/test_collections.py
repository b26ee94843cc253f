from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from entrepot.hub.community import collection_items, collections
from entrepot.hub.community.collections import CollectionDraft
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def test_collections_are_listed_and_shown_without_what_is_hidden(
    site: ServedHub, show: Show, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    made = collections.create(
        site.hub, site.caller(), CollectionDraft("Birds", None, "All <i>birds</i>", item=("model", "alice/tern"))
    )
    collection_items.add(site.hub, site.caller(), made.slug, ("model", "alice/hidden"), "not <b>yours</b>")
    secret = collections.create(site.hub, site.caller(), CollectionDraft("Secret", None, None, is_private=True))
    assert f'href="/collections/{made.slug}"' in show("/collections?q=birds")
    assert "Secret" not in show("/collections?owner=alice")
    text = show(f"/collections/{made.slug}")
    assert 'href="/alice/tern"' in text
    assert "All &lt;i&gt;birds&lt;/i&gt;" in text
    assert "alice/hidden" not in text
    own = signed_in.get(f"/collections/{made.slug}").text
    assert "alice/hidden" in own
    assert "not &lt;b&gt;yours&lt;/b&gt;" in own
    assert browser.get(f"/collections/{secret.slug}").status_code == 404
    assert signed_in.get(f"/collections/{secret.slug}").status_code == 200
    assert browser.get("/collections/alice/none-0123").status_code == 404


def test_collections_are_sorted_as_in_the_api(site: ServedHub, browser: httpx2.Client) -> None:
    for title in ("Sorted one", "Sorted two", "Sorted three"):
        collections.create(site.hub, site.caller(), CollectionDraft(title, None, None))
    listed = browser.get("/api/collections", params={"q": "sorted", "sort": "upvotes"}).json()
    page = browser.get("/collections", params={"q": "sorted", "sort": "upvotes"}).text
    at = [page.index(f'href="/collections/{item["slug"]}"') for item in listed]
    assert at == sorted(at)
    assert "/api/collections?q=sorted&amp;sort=upvotes" in page


@pytest.mark.parametrize(
    "address",
    [
        *("/collections?sort=nope", "/search?type=nope", "/notifications?show=nope", "/models?sort=nope"),
        *("/api/collections?sort=nope", "/api/models?sort=nope", "/api/notifications?readStatus=nope"),
    ],
)
def test_unknown_values_of_a_query_are_refused_on_pages_and_in_the_api(signed_in: httpx2.Client, address: str) -> None:
    assert signed_in.get(address).status_code == 400
