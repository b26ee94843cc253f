from __future__ import annotations

import html
import re
from collections.abc import Callable

import httpx2
import pytest

from entrepot.hub.buckets import batches, buckets
from entrepot.hub.buckets.batches import EMPTY, AddToBucket
from entrepot.server.pages.repositories.buckets import PAGE
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def fill(site: ServedHub, name: str, paths: list[str], visibility: str = "public") -> None:
    ref = buckets.create(site.hub, site.caller(), None, name, visibility).ref
    done = batches.apply(site.hub, site.caller(), ref, [AddToBucket(path, EMPTY) for path in paths])
    assert done.failed == []


def test_a_bucket_shows_one_level_with_links(site: ServedHub, show: Show) -> None:
    fill(site, "ckpt", ["a b/x?.bin", "a b/deep/y", "<i>&.txt"])
    text = show("/buckets/alice/ckpt")
    assert 'href="/buckets/alice/ckpt/tree/a%20b"' in text
    assert 'href="/buckets/alice/ckpt/resolve/%3Ci%3E%26.txt"' in text
    assert "&lt;i&gt;&amp;.txt" in text
    assert "hf sync hf://buckets/alice/ckpt ckpt" in text
    inner = show("/buckets/alice/ckpt/tree/a%20b/")
    assert 'href="/buckets/alice/ckpt/resolve/a%20b/x%3F.bin"' in inner
    assert 'href="/buckets/alice/ckpt/tree/a%20b/deep"' in inner


def test_a_large_folder_of_a_bucket_has_pages(site: ServedHub, show: Show) -> None:
    fill(site, "many", [f"{number:04}" for number in range(PAGE + 1)])
    more = re.search(r'href="(\?cursor=[^"]+)">Next', show("/buckets/alice/many"))
    assert more is not None
    second = show("/buckets/alice/many" + html.unescape(more[1]))
    assert f"{PAGE:04}" in second
    assert ">Next<" not in second


def test_an_empty_bucket_has_a_page_and_a_missing_folder_none(
    site: ServedHub, show: Show, browser: httpx2.Client
) -> None:
    fill(site, "empty", [])
    assert "This bucket is empty." in show("/buckets/alice/empty")
    assert browser.get("/buckets/alice/empty/tree/nothing").status_code == 404
    assert browser.get("/buckets/alice/empty?cursor=%C3%A9").status_code == 400


@pytest.mark.parametrize("tail", ["", "/tree/a", "/resolve/a"])
def test_a_private_bucket_looks_absent_to_others_and_opens_for_its_owner(
    site: ServedHub, browser: httpx2.Client, signed_in: httpx2.Client, tail: str
) -> None:
    name = f"secret{len(tail)}"
    fill(site, name, ["a"], "private")
    hidden, absent = (browser.get(f"/buckets/alice/{word}{tail}") for word in (name, "x" * len(name)))
    assert hidden.status_code == absent.status_code == 401
    assert len(hidden.content) == len(absent.content)
    assert signed_in.get(f"/buckets/alice/{name}{tail}").status_code == 200
