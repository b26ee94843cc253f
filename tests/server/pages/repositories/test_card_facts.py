from __future__ import annotations

import html
from collections.abc import Callable

import attrs
import httpx2

from entrepot.catalog import Lock
from entrepot.catalog.repos import download_counts, repositories
from entrepot.hub.repos import infos, lineage
from entrepot.hub.repos import repositories as moves
from entrepot.hub.repos.lineage import LineageInput
from entrepot.names import Oid, RepoRef, RepoType, parse_repo_id
from entrepot.server.pages.repositories.card_facts import (
    MAX_CHILDREN,
    citation_of,
    measured_lines,
    source_lines,
    tree_of,
)
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


def made_from(base: str, relation: str) -> dict[str, bytes]:
    return {"README.md": f"---\nbase_model: {base}\nbase_model_relation: {relation}\n---\n".encode()}


def test_the_tree_of_a_model_counts_what_the_visitor_may_see_and_leads_to_its_lists(
    site: ServedHub, show: Callable[[str], str], signed_in: httpx2.Client
) -> None:
    base = site.repo("trunk")
    site.commit(base, {"a.txt": b"1"})
    assert "Model tree" not in show("/alice/trunk")
    for number, (relation, visibility) in enumerate(
        [("finetune", "public"), ("finetune", "public"), ("finetune", "private"), ("quantized", "private")]
    ):
        child = site.repo(f"branch-{number}", visibility=visibility)
        site.commit(child, made_from("alice/trunk", relation))
    line = '<dt>{}</dt><dd><a href="/models?filter=base_model%3A{}%3Aalice%2Ftrunk">{}<span'
    text = show("/alice/trunk")
    assert line.format("Fine-tuned", "finetune", 2) in text
    assert "Quantised" not in text, "an invisible model is not counted"
    assert "branch-1" in show("/models?filter=base_model%3Afinetune%3Aalice%2Ftrunk")
    own = signed_in.get("/alice/trunk").text
    assert line.format("Fine-tuned", "finetune", 3) in own
    assert line.format("Quantised", "quantized", 1) in own
    assert '<dt>Fine-tuned from</dt><dd><a href="/alice/trunk">alice/trunk</a>' in show("/alice/branch-0")
    assert "base_model%3Afinetune%3A" not in show("/datasets/alice/tides")


def test_a_base_model_that_the_visitor_may_not_see_looks_like_one_that_is_not_here(
    site: ServedHub, show: Callable[[str], str]
) -> None:
    site.repo("root-secret", visibility="private")
    pages = []
    for name in ("root-secret", "root-nowhere"):
        child = site.repo(f"from-{name}")
        site.commit(child, made_from(f"alice/{name}", "adapter"))
        _, _, after = show(f"/alice/from-{name}").partition("Model tree</h2>")
        pages.append(after.partition("</section>")[0].replace(name, "NAME"))
    assert pages[0] == pages[1]
    assert '<dt>Adapter of</dt><dd><a href="/models?filter=base_model%3Aalice%2FNAME" title=' in pages[0]


def test_a_base_model_is_found_under_its_present_name(site: ServedHub, show: Callable[[str], str]) -> None:
    base, child = site.repo("root-before"), site.repo("leaf")
    site.commit(base, {"a.txt": b"1"})
    site.commit(child, made_from("alice/root-before", "merge"))
    moved = RepoRef(RepoType.MODEL, parse_repo_id("alice/root-after"))
    moves.move(site.hub, site.caller(), base, moved)
    text = show("/alice/leaf")
    assert '<dt>Merged from</dt><dd><a href="/alice/root-after">alice/root-after</a></dd>' in text


def test_many_models_are_counted_up_to_a_limit(site: ServedHub) -> None:
    base = site.repo("popular")
    for number in range(3):
        site.commit(site.repo(f"fan-{number}"), made_from("alice/popular", "finetune"))
    found = infos.describe(site.hub, None, base, "main", with_files=False, with_sizes=False)
    [some] = infos.with_children(site.hub, None, [found], most=2)
    assert some.children == {"adapter": 0, "merge": 0, "quantized": 0, "finetune": 2}
    full = attrs.evolve(found, children={"finetune": MAX_CHILDREN, "adapter": MAX_CHILDREN - 1})
    tree = tree_of(full, [])
    assert tree is not None
    assert [(line.label, line.count) for line in tree.children] == [("Fine-tuned", "999+"), ("Adapters", "999")]


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
