from __future__ import annotations

import httpx2
import pytest

from entrepot.errors import Malformed
from entrepot.hub.community import collections
from entrepot.hub.community.collection_views import Collection
from entrepot.hub.community.collections import CollectionDraft
from entrepot.server.pages.searching.collection_forms import NEW, item_of
from tests.server.pages.conftest import field_of, send_form
from tests.support.served_hub import ServedHub


def stored(site: ServedHub, slug: str) -> Collection:
    return collections.get(site.hub, site.caller(), slug)


def test_a_collection_is_created_filled_ordered_and_deleted(site: ServedHub, signed_in: httpx2.Client) -> None:
    fields = {"title": "Sea <b>birds</b>", "owner": "alice", "item": "alice/tern", "private": "yes"}
    made = send_form(signed_in, NEW, fields)
    assert "Created." in made.text
    slug = made.url.path.removeprefix("/collections/")
    edit = f"{made.url.path}/edit"
    assert f'href="{edit}"' in made.text
    assert stored(site, slug).row.is_private
    added = send_form(
        signed_in, edit, {"item": "https://hub.example/datasets/alice/tides", "note": "data"}, f"{edit}/add"
    )
    assert "Saved." in added.text
    assert "<b>birds" not in added.text
    assert [item.name for item in stored(site, slug).items] == ["alice/tern", "alice/tides"]
    first, second = (item.row.uid for item in stored(site, slug).items)
    send_form(signed_in, edit, {"uid": second, "do": "up"}, f"{edit}/item")
    assert [item.name for item in stored(site, slug).items] == ["alice/tides", "alice/tern"]
    send_form(signed_in, edit, {"uid": second, "do": "down"}, f"{edit}/item")
    send_form(signed_in, edit, {"uid": first, "do": "note", "note": "a bird"}, f"{edit}/item")
    assert [item.row.note for item in stored(site, slug).items] == ["a bird", "data"]
    send_form(signed_in, edit, {"uid": first, "do": "remove"}, f"{edit}/item")
    assert [item.name for item in stored(site, slug).items] == ["alice/tides"]
    saved = send_form(signed_in, edit, {"title": "Coast", "description": "Of the sea"})
    found = stored(site, slug)
    assert (found.row.title, found.row.description, found.row.is_private) == ("Coast", "Of the sea", False)
    edit = saved.url.path
    gone = send_form(signed_in, edit, {}, f"{edit}/delete")
    assert "Removed." in gone.text
    assert signed_in.get(edit).status_code == 404


def test_a_mistake_changes_nothing_and_keeps_what_was_typed(site: ServedHub, signed_in: httpx2.Client) -> None:
    for fields, status in (
        ({"title": " ", "owner": "alice"}, 400),
        ({"title": "Kept", "owner": "bob"}, 403),
        ({"title": "Kept", "owner": "alice", "item": "alice/no-such"}, 404),
        ({"title": "Kept", "owner": "alice", "item": "nonsense"}, 400),
    ):
        answer = send_form(signed_in, NEW, fields)
        assert answer.status_code == status, fields
        assert field_of(answer.text, "title") == fields["title"]
    made = collections.create(site.hub, site.caller(), CollectionDraft("Mistaken"))
    edit = f"/collections/{made.slug}/edit"
    again = send_form(signed_in, edit, {"item": "alice/no-such", "note": "kept"}, f"{edit}/add")
    assert again.status_code == 404
    assert field_of(again.text, "item") == "alice/no-such"
    assert send_form(signed_in, edit, {"uid": "x", "do": "dance"}, f"{edit}/item").status_code == 400


def test_others_change_nothing(site: ServedHub, browser: httpx2.Client) -> None:
    made = collections.create(site.hub, site.caller(), CollectionDraft("Of alice"))
    secret = collections.create(site.hub, site.caller(), CollectionDraft("Hidden", is_private=True))
    assert browser.get(f"/collections/{made.slug}/edit").status_code == 401
    assert "/edit" not in browser.get(f"/collections/{made.slug}").text
    assert browser.get(f"/collections/{secret.slug}/edit").status_code == 404
    assert browser.get(NEW).status_code == 401


def test_an_item_is_named_by_the_address_of_its_page() -> None:
    assert item_of("acme/model") == ("model", "acme/model")
    assert item_of(" /datasets/acme/data/ ") == ("dataset", "acme/data")
    assert item_of("http://hub:8080/spaces/a/b") == ("space", "a/b")
    assert item_of("collections/a/b-0123") == ("collection", "a/b-0123")
    for text in ("", "model", "a/b/c", "/", "https://hub/x"):
        with pytest.raises(Malformed):
            item_of(text)
