from __future__ import annotations

import html
from collections.abc import Callable

from entrepot.catalog import Lock
from entrepot.catalog.repos import download_counts, repositories
from entrepot.hub.repos import lineage
from entrepot.hub.repos.lineage import LineageInput
from entrepot.names import Oid, RepoType
from entrepot.server.pages.repositories.card_facts import citation_of, measured_lines, source_lines
from tests.support.served_hub import ServedHub


def test_sources_stand_beside_the_card_once_each_and_without_what_is_hidden(
    site: ServedHub, show: Callable[[str], str]
) -> None:
    made, base = site.repo("fine-tuned"), site.repo("from-scratch")
    site.repo("from-secret", visibility="private")
    site.commit(made, {"a.txt": b"1"})
    commit = site.commit(base, {"a.txt": b"1"})
    said = [("from-scratch", ""), ("from-scratch", commit), ("from-secret", ""), ("from-nowhere", "")]
    inputs = [LineageInput("derived_from", RepoType.MODEL, f"alice/{name}", oid) for name, oid in said]
    lineage.add(site.hub, site.caller(), made, "main", inputs, "run 7")
    [line] = source_lines(lineage.known_sources(site.hub, None, made))
    assert (line.name, line.path, line.commit, line.icon) == (
        "alice/from-scratch",
        "alice/from-scratch",
        commit,
        "model",
    )
    text = show("/alice/fine-tuned")
    assert "Made from" in text
    assert f'href="/alice/from-scratch/commit/{commit}"' in text
    assert "from-secret" not in text
    assert "from-nowhere" not in text
    assert "Made from" not in show("/alice/from-scratch")


def test_results_are_numbers_with_their_names_and_few() -> None:
    metrics = [{"type": "accuracy", "value": 0.5}, {"type": "note", "value": "good"}]
    card = {"model-index": [{"name": "m", "results": [{"dataset": {"name": "d", "type": "t"}, "metrics": metrics}]}]}
    assert measured_lines(card) == [("accuracy · d", "0.5")]
    many = [{"type": f"m{number}", "value": number} for number in range(9)]
    assert len(measured_lines({"model-index": [{"results": [{"metrics": many}]}]})) == 6
    for odd in ({}, None, {"model-index": 7}, {"model-index": [{"results": "x"}]}):
        assert measured_lines(odd) == []


def test_a_repository_is_cited_with_the_entry_of_its_card_or_with_its_commit(
    site: ServedHub, show: Callable[[str], str]
) -> None:
    ref = site.repo("bib_tern.v2")
    commit = site.commit(ref, {"a.txt": b"1"})
    text = html.unescape(show(f"/{ref.path}"))
    assert "@misc{alice-bib-tern-v2-20" in text
    assert "title = {{bib\\_tern.v2}}" in text
    assert f"howpublished = {{\\url{{{site.url}/alice/bib_tern.v2/tree/{commit}}}}}" in text
    with site.hub.read() as tx:
        row = repositories.find(tx, ref)
    assert row is not None
    assert "\\url{alice/bib_tern.v2/tree/" in citation_of(row, Oid(commit), ""), "an unknown host is not named"
    site.commit(ref, {"README.md": b"# Tern\n\n```bibtex\n@article{tern,\n  title = {<b>}\n}\n```\n"})
    text = show(f"/{ref.path}")
    assert "@article{tern,\n  title = {&lt;b&gt;}\n}" in text
    assert "@misc{" not in text


def test_downloads_of_the_last_days_are_drawn_with_a_sentence(site: ServedHub, show: Callable[[str], str]) -> None:
    ref = site.repo("downloaded")
    site.commit(ref, {"a.txt": b"1"})
    assert "spark" not in show(f"/{ref.path}")
    today = site.hub.now_ms() // 86_400_000
    with site.hub.read() as tx:
        row = repositories.find(tx, ref)
    assert row is not None
    with site.hub.write(Lock.repo(row.id)) as tx:
        for day, count in ((today - 30, 9), (today - 29, 5), (today, 2)):
            download_counts.add(tx, day, {row.id: count})
    text = show(f"/{ref.path}")
    assert 'aria-label="Downloads of the last 30 days: 7; at most 5 a day, on ' in text
    with site.client() as client:
        days = client.get(f"/api/models/{ref.id}/downloads").json()
        assert [item["count"] for item in days] == [5, *[0] * 28, 2]
        assert days[0]["day"] < days[29]["day"]
        assert client.get("/api/models/alice/hidden/downloads").status_code == 401
