from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.server.pages.card_html import CardLinks, relink
from entrepot.server.rendering import footnotes, markdown
from entrepot.server.rendering.footnotes import FootnoteKey, number_footnotes, without_anchors
from entrepot.server.rendering.markdown import Renderer, render_card
from tests.server.rendering.test_markdown import CARD_ATTRIBUTES, HOSTILE, check

LINKS = CardLinks("/a/m/blob/main/", "/a/m/resolve/main/")
REL = 'rel="nofollow noopener noreferrer"'
TEXT = "One[^a] and two[^long name], one again[^a].\n\n[^a]: First.\n\n    More.\n\n[^long name]: Second[^a].\n"


def shown(text: str) -> str:
    return relink(render_card(text), LINKS)


@pytest.mark.parametrize("render", [render_card, lambda text: Renderer().render(text)])
def test_references_lead_to_notes_and_notes_lead_back(render: object) -> None:
    assert callable(render)
    assert render(TEXT) == (
        f'<p>One<sup id="fnref-1"><a href="#fn-1" {REL}>1</a></sup> and two'
        f'<sup id="fnref-2"><a href="#fn-2" {REL}>2</a></sup>, one again<sup><a href="#fn-1" {REL}>1</a></sup>.</p>\n'
        f'<div id="fn-1">\n<p><sup><a href="#fnref-1" {REL}>1</a></sup> First.</p>\n<p>More.</p>\n</div>\n'
        f'<div id="fn-2">\n<p><sup><a href="#fnref-2" {REL}>2</a></sup> '
        f'Second<sup><a href="#fn-1" {REL}>1</a></sup>.</p>\n</div>\n'
    )


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a[^none]", "<p>a[^none]</p>\n"),
        ("[^a]: alone", '<div id="fn-1">\n<p><sup>1</sup> alone</p>\n</div>\n'),
        ("[^a]:\n", '<div id="fn-1">\n<p><sup>1</sup> </p></div>\n'),
        ("`[^a]`\n", "<p><code>[^a]</code></p>\n"),
    ],
)
def test_what_has_no_partner_is_no_link(text: str, html: str) -> None:
    assert render_card(text) == html


def test_a_note_that_begins_with_a_list_keeps_its_number() -> None:
    assert "</sup> </p>\n<ul>" in render_card("a[^a]\n\n[^a]: - x\n")


def test_ids_have_the_prefix_of_their_text_and_occur_once() -> None:
    made = shown("# fn 1\n\n# fnref 1\n\n" + TEXT + "\n[^a]: Another one.\n")
    found = re.findall(r' id="([^"]*)"', made)
    headings = ["card-fn-1-1", "card-fnref-1-1"]
    assert found[:2] == headings
    assert sorted(found[2:]) == ["card-fn-1", "card-fn-2", "card-fnref-1", "card-fnref-2"]
    assert 'href="#card-fn-1"' in made
    assert 'href="#card-fnref-1"' in made


FORGED = [
    '<div id="fn-1">x</div>',
    '<sup id="fnref-1">x</sup>',
    '<div id="card-files">x</div>',
    '<div class="footnote-definition" id="x"><sup class="footnote-definition-label">7</sup>y</div>',
    '<sup class="footnote-reference"><a href="#a">9</a></sup>',
    '<sup class="footnote-reference"><a href="#javascript:x">9</a></sup>',
    "[^<img src=x onerror=alert(1)>]\n\n[^<img src=x onerror=alert(1)>]: x",
    '[^"onclick="b]\n\n[^"onclick="b]: x',
    "# fn 1",
    "[^a]: [^b]: [^c]: x",
    "[x[^a]](y)",
]


@pytest.mark.parametrize("text", FORGED)
def test_no_text_forges_an_id_or_takes_one_of_another(text: str) -> None:
    for whole in (text, TEXT + "\n" + text, text + "\n\n" + TEXT):
        made = shown(whole)
        check(render_card(whole), markdown._CARD_TAGS, (*CARD_ATTRIBUTES, "id"))
        found = re.findall(r' id="([^"]*)"', made)
        assert len(found) == len(set(found))
        assert set(re.findall(r'href="#card-(fn[^"]*)"', made)) <= {name.removeprefix("card-") for name in found}


@given(st.lists(st.sampled_from([*HOSTILE, *FORGED, TEXT, "[^a]", "\n[^b]: ", "<div>", "\n\n", "`", "<"]), max_size=10))
def test_ids_are_those_of_footnotes_and_unique_in_every_mixture(pieces: list[str]) -> None:
    made = render_card("".join(pieces))
    check(made, markdown._CARD_TAGS, (*CARD_ATTRIBUTES, "id"))
    found = re.findall(r'<[^>]* id="([^"]*)"', made)
    assert len(found) == len(set(found))
    assert all(re.fullmatch(r"fn(ref)?-[0-9]+", name) for name in found)


def test_an_id_without_the_key_of_the_text_is_none() -> None:
    key = FootnoteKey("k")
    assert key.is_id("div", "fn-k-1")
    assert not key.is_id("div", "fn-1")
    assert not key.is_id("sup", "fn-k-1")
    assert not key.is_id("p", "fn-k-1")
    assert not FootnoteKey("other").is_id("div", "fn-k-1")
    assert FootnoteKey().text != FootnoteKey().text


def test_a_text_beside_others_has_numbers_only() -> None:
    made = without_anchors(Renderer().render(TEXT))
    assert "One<sup>1</sup> and two<sup>2</sup>" in made
    assert "<p><sup>2</sup> Second<sup>1</sup>.</p>" in made
    assert " id=" not in made
    assert "href" not in made


def test_html_without_footnotes_is_the_same() -> None:
    assert number_footnotes("<p>x</p>", FootnoteKey()) == "<p>x</p>"
    assert footnotes.without_anchors('<a href="#x">1</a>') == '<a href="#x">1</a>'
