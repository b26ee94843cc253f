from __future__ import annotations

import re

import httpx2
import pytest

from entrepot.errors import Malformed
from entrepot.hub.community import collection_items, collections
from entrepot.hub.community.collection_views import Collection
from entrepot.hub.community.collections import CollectionDraft, CollectionQuery
from entrepot.server.pages.searching import collection_forms
from entrepot.server.pages.searching.collection_forms import ADD, NEW, item_of
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


def test_a_repository_leads_to_the_form_that_adds_it_to_a_collection(
    site: ServedHub, signed_in: httpx2.Client, browser: httpx2.Client
) -> None:
    link = 'href="/collections/add?item=datasets%2Falice%2Ftides"'
    assert link in signed_in.get("/datasets/alice/tides").text
    assert link in signed_in.get("/datasets/alice/tides/tree/main").text
    assert link not in browser.get("/datasets/alice/tides").text
    form = f"{ADD}?item=datasets/alice/tides"
    own = collections.create(site.hub, site.caller(), CollectionDraft("To <b>collect</b>"))
    collections.create(site.hub, site.caller(), CollectionDraft("Without the dataset"))
    foreign = collections.create(site.hub, site.hub.identify(site.bob), CollectionDraft("Of bob"))
    text = signed_in.get(form).text
    assert field_of(text, "item") == "datasets/alice/tides"
    assert f'<option value="{own.slug}">To &lt;b&gt;collect&lt;/b&gt; (alice)</option>' in text
    assert foreign.slug not in text
    fields = {"item": "datasets/alice/tides", "collection": own.slug, "note": "of the sea"}
    added = send_form(signed_in, form, fields, ADD)
    assert added.url.path == f"/collections/{own.slug}"
    assert "Added to this collection." in added.text
    [item] = stored(site, own.slug).items
    assert (item.name, item.row.kind, item.row.note) == ("alice/tides", "dataset", "of the sea")
    for changes, status in (
        ({}, 409),
        ({"collection": foreign.slug}, 403),
        ({"collection": "alice/none"}, 404),
        ({"item": "alice/no-such"}, 404),
        ({"item": "nonsense"}, 400),
    ):
        answer = send_form(signed_in, form, {**fields, **changes}, ADD)
        assert answer.status_code == status, changes
        assert field_of(answer.text, "note") == "of the sea"
    assert len(stored(site, own.slug).items) == 1


def test_the_form_marks_the_collections_that_hold_the_thing_already(site: ServedHub, signed_in: httpx2.Client) -> None:
    tides = ("dataset", "alice/tides")
    holder = collections.create(site.hub, site.caller(), CollectionDraft("<Holder>", item=tides))
    free = collections.create(site.hub, site.caller(), CollectionDraft("Free"))
    text = signed_in.get(f"{ADD}?item=datasets/alice/tides").text
    marked = f'<option value="{holder.slug}" disabled>&lt;Holder&gt; (alice), has it already</option>'
    assert marked in text
    assert f'<option value="{free.slug}">Free (alice)</option>' in text
    assert f'<a href="/collections/{holder.slug}">&lt;Holder&gt;</a>' in text.partition("Already in ")[2]
    for other in ("alice/tides", "alice/tern", "datasets/alice/none", "nonsense", "a/../b", ""):
        assert " disabled>" not in signed_in.get(ADD, params={"item": other}).text, other
    collection_items.add(site.hub, site.caller(), free.slug, ("collection", holder.slug), None)
    assert f'value="{free.slug}" disabled>' in signed_in.get(f"{ADD}?item=collections/{holder.slug}").text


def test_without_a_free_collection_the_form_leads_to_a_new_one(site: ServedHub, signed_in: httpx2.Client) -> None:
    for found in collections.list_collections(site.hub, site.caller(), CollectionQuery(["alice"])).items:
        collections.delete(site.hub, site.caller(), found.slug)
    collections.create(site.hub, site.caller(), CollectionDraft("Only", item=("dataset", "alice/tides")))
    text = signed_in.get(f"{ADD}?item=datasets/alice/tides").text
    assert "Each of your collections has it already" in text
    assert "<select" not in text
    assert 'href="/collections/new?item=datasets%2Falice%2Ftides"' in text


def test_the_form_offers_the_last_collections_or_a_first_one(
    site: ServedHub, signed_in: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    collections.create(site.hub, site.caller(), CollectionDraft("An older one"))
    newest = collections.create(site.hub, site.caller(), CollectionDraft("The newest"))
    monkeypatch.setattr(collection_forms, "CHOICES", 1)
    text = signed_in.get(ADD).text
    assert re.findall(r'<option value="([^"]*)"', text) == [newest.slug]
    assert "The 1 that were changed last" in text
    for found in collections.list_collections(site.hub, site.caller(), CollectionQuery(["alice"])).items:
        collections.delete(site.hub, site.caller(), found.slug)
    text = signed_in.get(f"{ADD}?item=alice/tern").text
    assert "You have no collection yet" in text
    assert 'href="/collections/new?item=alice%2Ftern"' in text


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
