from __future__ import annotations

from collections.abc import Callable

import httpx2

from entrepot.hub.buckets import buckets
from entrepot.hub.repos import lineage
from entrepot.hub.repos.lineage import LineageInput
from entrepot.names import RepoType
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def test_sources_and_uses_are_drawn_and_listed_without_what_is_hidden(
    site: ServedHub, show: Show, signed_in: httpx2.Client
) -> None:
    made, base = site.repo("made"), site.repo("base")
    secret = site.repo("secret-base", visibility="private")
    for ref in (made, base, secret):
        site.commit(ref, {"a.txt": b"1"})
    inputs = [
        LineageInput("derived_from", RepoType.MODEL, "alice/base", ""),
        LineageInput("derived_from", RepoType.MODEL, "alice/secret-base", ""),
        LineageInput("trained_on", RepoType.DATASET, "alice/absent", ""),
    ]
    lineage.add(site.hub, site.caller(), made, "main", inputs, "run <b>7</b>")
    text = show("/-/lineage/model/alice/made")
    assert "1 statement<" in text
    assert 'class="graph"' in text
    assert "alice/base" in text
    assert "secret-base" not in text
    assert "absent" not in text
    assert "run &lt;b&gt;7" in text
    assert "2 statements" in signed_in.get("/-/lineage/models/alice/made").text
    assert "alice/made" in show("/-/lineage/model/alice/base")


def test_a_repository_without_lineage_says_how_to_record_it(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("lonely"), {"a.txt": b"1"})
    assert "entrepot lineage alice/lonely --add" in show("/-/lineage/model/alice/lonely?depth=1")


def test_hidden_repositories_and_unknown_types_have_no_page(site: ServedHub, browser: httpx2.Client) -> None:
    hidden, absent = (browser.get(f"/-/lineage/model/alice/{name}") for name in ("hidden", "no-such"))
    assert hidden.status_code == absent.status_code == 401
    assert browser.get("/-/lineage/nothing/alice/tern").status_code == 404


def test_a_bucket_has_no_lineage(site: ServedHub, browser: httpx2.Client) -> None:
    buckets.create(site.hub, site.caller(), "alice", "no-lineage")
    for name in ("no-lineage", "no-such"):
        assert browser.get(f"/-/lineage/bucket/alice/{name}").status_code == 404


def test_what_shares_content_is_marked_as_inferred(site: ServedHub, show: Show) -> None:
    base, copy = site.repo("shared-base"), site.repo("shared-copy")
    for ref in (base, copy, site.repo("shared-hidden", visibility="private")):
        site.commit_large(ref, "w.bin", b"shared by these" * 1_000)
    text = show("/-/lineage/model/alice/shared-copy")
    assert "0 statements, 1 inferred<" in text
    assert "inferred: 100% of the result" in text
    assert '<path class="maybe"' in text
    assert "alice/shared-base" in text
    assert "shared-hidden" not in text
    assert "/commit/" not in text.partition("<caption")[2]
