from __future__ import annotations

import re

import pytest

from entrepot.server.pages.card_html import CardLinks, relink, render_card, without_comments, without_front_matter
from tests.server.rendering.test_markdown import HOSTILE

LINKS = CardLinks("/a/m/blob/main/", "/a/m/resolve/main/")


def test_headings_are_one_level_lower_and_have_anchors() -> None:
    made = render_card("# One *big*\n\n## Two\n\n## Two\n\n###### Six\n\n[to](#two)", LINKS)
    assert '<h2 id="card-one-big">One <em>big</em></h2>' in made
    assert made.count('<h3 id="card-two">') == 1
    assert "<h6" in made
    assert "<h1" not in made
    assert 'href="#card-two"' in made


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[x](docs/a.md#top)", 'href="/a/m/blob/main/docs/a.md#top"'),
        ("[x](../../../etc/passwd)", 'href="/a/m/blob/main/etc/passwd"'),
        ("[x](./a.md?plain=1)", 'href="/a/m/blob/main/a.md?plain=1"'),
        ("[x](/datasets/a/b)", 'href="/datasets/a/b"'),
        ("[x](https://e.org/?a=1&b=2)", 'href="https://e.org/?a=1&amp;b=2"'),
        ("![x](pictures/a.png)", '<img src="/a/m/resolve/main/pictures/a.png" alt="x" loading="lazy">'),
        ("![x](/uploads/abc)", '<img src="/uploads/abc" alt="x" loading="lazy">'),
        ("![x](https://e.org/a.png)", '<a href="https://e.org/a.png" rel="nofollow noopener noreferrer">x</a>'),
        ("![](//e.org/a.png)", '<a href="//e.org/a.png" rel="nofollow noopener noreferrer">e.org</a>'),
        (
            "[![b](https://e.org/b.svg)](https://e.org)",
            '<a href="https://e.org" rel="nofollow noopener noreferrer">b</a>',
        ),
        ('![a](data:text/html;base64,x "t")', "<p>a</p>"),
        (
            '<p align="center"><img src="a.png" width="40"></p>',
            '<p align="center"><img src="/a/m/resolve/main/a.png" alt="" loading="lazy" width="40"></p>',
        ),
        (
            '<img src="https://e.org/a.png" alt="x">',
            '<a href="https://e.org/a.png" rel="nofollow noopener noreferrer">x</a>',
        ),
        ('<h1 align="center">A tern</h1>', '<h2 id="card-a-tern" align="center">A tern</h2>'),
    ],
)
def test_links_and_images_lead_into_the_repository_or_become_links(text: str, part: str) -> None:
    assert part in render_card(text, LINKS)


def test_a_path_prefix_stands_before_links_to_the_hub() -> None:
    links = CardLinks("/hub/a/m/blob/main/", "/hub/a/m/resolve/main/", "/hub")
    assert 'href="/hub/datasets/x/y"' in render_card("[x](/datasets/x/y)", links)


def test_code_and_tables_are_scrolled_with_the_keyboard() -> None:
    made = render_card("```\nx\n```\n\n| a |\n|---|\n| b |\n", LINKS)
    assert '<pre tabindex="0"><code>x' in made
    assert '<table tabindex="0"><thead>' in made
    assert '<table tabindex="0" dir="auto"><thead>' in render_card("| \u0645\u0631\u062d\u0628\u0627 |\n|---|\n", LINKS)


def test_comments_disappear_but_not_from_code() -> None:
    text = "a <!-- x --> b\n\n<!-- more\nlines -->\n\n`<!-- code -->`\n\n```\n<!-- code -->\n```\n<unk>raw</unk>\n"
    made = render_card(text, LINKS)
    assert "x" not in re.sub(r"<[^>]*>|&[a-z]+;", "", made).replace("raw", "")
    assert made.count("&lt;!-- code --&gt;") == 2
    assert "&lt;unk&gt;raw&lt;/unk&gt;" in made
    assert without_comments("no comment") == "no comment"


@pytest.mark.parametrize(
    "text", [*HOSTILE, "# <img src=x onerror=alert(1)>", '[x](a"onclick="b)', '![a"onerror=b](x.png)']
)
def test_nothing_that_could_run_passes(text: str) -> None:
    check(render_card(text, LINKS))


def test_hostile_attributes_stay_quoted() -> None:
    made = relink(
        '<p><a href="x&quot;onclick=&quot;y" title="&quot;&gt;">t</a><img src="a&quot;b.png" alt="&lt;"></p>', LINKS
    )
    check(made)
    assert ">[</a>" in relink('<img src="http://[">', LINKS)


def check(made: str) -> None:
    for tag in re.findall(r"<[^>]*>", made):
        bare = re.sub(r'"[^"]*"', '""', tag)
        allowed = {
            "href",
            "title",
            "src",
            "alt",
            "rel",
            "start",
            "class",
            "id",
            "loading",
            "tabindex",
            "align",
            "width",
        }
        assert set(re.findall(r" ([a-z-]+)=", bare)) <= allowed, tag
        assert not re.match(r"</?(script|style|iframe|form|input|svg|object|embed|base|meta|link)\b", tag, re.I), tag
        for value in re.findall(r'(?:href|src)="([^"]*)"', tag):
            assert not re.match(r"\s*(javascript|vbscript|data|file):", value, re.IGNORECASE), tag
        for value in re.findall(r'src="([^"]*)"', tag):
            assert value.startswith(("/a/m/resolve/main/", "/uploads/")), tag


def test_front_matter_is_not_part_of_the_text() -> None:
    assert without_front_matter("---\na: 1\n---\ntext\n---\nmore") == "text\n---\nmore"
    assert without_front_matter("---\r\na: 1\r\n---\r\ntext") == "text"
    assert without_front_matter("---\na: 1\n") == "---\na: 1"
    assert without_front_matter("text\n---\na\n---\n") == "text\n---\na\n---"
    assert without_front_matter("﻿---\na: 1\n---\nx") == "x"
