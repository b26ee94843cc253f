from __future__ import annotations

import re
from typing import Any

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.server.rendering import code_colours, markdown
from entrepot.server.rendering.code_colours import ColourBudget
from entrepot.server.rendering.html_caches import HtmlCache
from entrepot.server.rendering.markdown import Renderer, render_card
from tests.support.work import count_lines


def render(text: str) -> str:
    return Renderer().render(text)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**bold** and `code`", "<p><strong>bold</strong> and <code>code</code></p>\n"),
        (
            "- [x] done (abc)",
            '<ul>\n<li class="task"><span role="img" aria-label="done">☑</span> done (abc)</li>\n</ul>\n',
        ),
        ("~~gone~~", "<p><del>gone</del></p>\n"),
        ("@bob thanks", "<p>@bob thanks</p>\n"),
        ("```python\nx = 1\n```", '<pre><code class="language-python">x = <span class="o">1</span>\n</code></pre>\n'),
        ("```other\nx = 1\n```", '<pre><code class="language-other">x = 1\n</code></pre>\n'),
        ("```\nx = 1\n```", "<pre><code>x = 1\n</code></pre>\n"),
        (
            "[a](https://x.org/?a=1&b=2)",
            '<p><a href="https://x.org/?a=1&amp;b=2" rel="nofollow noopener noreferrer">a</a></p>\n',
        ),
        ("![i](https://x.org/i.png)", '<p><img src="https://x.org/i.png" alt="i"></p>\n'),
        ("![i](/uploads/abc)", '<p><img src="/uploads/abc" alt="i"></p>\n'),
    ],
)
def test_markdown_becomes_html(text: str, html: str) -> None:
    assert render(text) == html


def test_a_table_is_a_table() -> None:
    assert "<td>1</td>" in render("| a |\n|---|\n| 1 |\n")


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](vbscript:x)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](javascript:alert(1))",
    "![x](//evil.org/x.png)",
    "![x](file:///etc/passwd)",
    "<a href='javascript:alert(1)'>x</a>",
    "<style>*{display:none}</style>",
    "<iframe src=https://evil.org></iframe>",
    "<form action=/api><input></form>",
    "<svg onload=alert(1)>",
    "```python\n</code><script>alert(1)</script>'</span><img src=x onerror=alert(1)>\n```",
    "```html\n<script>alert(1)</script><a href='javascript:alert(1)' onclick=alert(1)>\n```",
    '```python"onclick="alert(1)\nx = 1\n```',
    '<span class="k" onclick="alert(1)">x</span>',
    '```"><script>alert(1)</script>\nx\n```',
    "```language-x onclick=alert(1)\nx\n```",
    '[x](https://a.org "t\\" onclick=\\"alert(1)")',
]

_TAG = re.compile(r"<[^>]*>")
ALLOWED = ("href", "title", "src", "alt", "rel", "start", "class", "id")


def check(html: str, tags: set[str] = markdown._TAGS, more: tuple[str, ...] = ()) -> None:
    for tag in _TAG.findall(html):
        name = re.match(r"</?([a-z0-9]*)", tag)
        assert name is not None
        assert name[1] in tags, tag
        bare = re.sub(r'"[^"]*"', '""', tag)
        assert set(re.findall(r" ([a-z-]+)=", bare)) <= {*ALLOWED, *more}, tag
        assert all(re.fullmatch(r"fn(?:ref)?-[0-9]+", value) for value in re.findall(r' id="([^"]*)"', tag)), tag
        if name[1] == "span":
            assert re.fullmatch(r'</span>|<span(?: class="[kscnod]")?>', tag), tag
        for value in re.findall(r'(?:href|src)="([^"]*)"', tag):
            assert not re.match(r"\s*(javascript|vbscript|data|file):", value, re.IGNORECASE), tag
        for value in () if more else re.findall(r'src="([^"]*)"', tag):  # a card's are led into the repository
            assert value.lower().startswith(("https://", "http://", "/uploads/")), tag


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_could_run_or_reach_elsewhere_passes(text: str) -> None:
    check(render(text))


@given(st.lists(st.sampled_from([*HOSTILE, "*", "`", "[", "](", ")", "<", ">", '"', "!", "\n", "&", "x"]), max_size=12))
def test_no_mixture_passes_either(pieces: list[str]) -> None:
    check(render("".join(pieces)))


def test_after_very_much_text_the_rest_stays_plain() -> None:
    renderer = Renderer()
    renderer.render("x" * (markdown.MAX_RENDERED - 4))
    assert renderer.render("**a**") == markdown.as_written("**a**")
    assert renderer.render("<b>").endswith("<pre>&lt;b&gt;</pre>\n")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a <b>c</b> `<i>`", "<p>a &lt;b&gt;c&lt;/b&gt; <code>&lt;i&gt;</code></p>\n"),
        ("é <b>", "<p>é &lt;b&gt;</p>\n"),
        ("<div>\nx\n</div>\n\ny", "<p>&lt;div&gt;\nx\n&lt;/div&gt;</p>\n<p>y</p>\n"),
        ("<!-- a -->", "<p>&lt;!-- a --&gt;</p>\n"),
        ("\ud800", "<p>?</p>\n"),
    ],
)
def test_raw_html_is_shown_as_text(text: str, html: str) -> None:
    assert render(text) == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            '<p align="center">\n  <img src="a.png" width=40><br/>\n</p>\n',
            '<p align="center">\n  <img src="a.png" width="40"><br>\n</p>\n',
        ),
        (
            "<details>\n<summary>More</summary>\n\n**in** H<sub>2</sub>O\n\n</details>\n",
            "<details>\n<summary>More</summary>\n<p><strong>in</strong> H<sub>2</sub>O</p>\n</details>\n",
        ),
        ("<DIV onclick=x style='color:red'>a</DIV>", "<div>a</div>"),
        ("a <unk> b", "<p>a &lt;unk&gt; b</p>\n"),
        ("<unk>\n**x**", "<p>&lt;unk&gt;\n<strong>x</strong></p>\n"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("`<b>`", "<p><code>&lt;b&gt;</code></p>\n"),
        ("</div></div>x", "x"),
        ("one<b>two\n\nthree", "<p>one<b>two</b></p>\n<p>three</p>\n"),
        (
            "<table><tr><td>1<td>2<tr><td>3</table>",
            "<table><tbody><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></tbody></table>",
        ),
        ("<ul><li>1<li>2<ul><li>3</ul></ul>", "<ul><li>1</li><li>2<ul><li>3</li></ul></li></ul>"),
    ],
)
def test_cards_keep_the_html_of_text_pictures_and_tables(text: str, html: str) -> None:
    assert render_card(text) == html


CARD_ATTRIBUTES = ("align", "colspan", "rowspan", "width", "height", "open")
PIECES = ["<b>", "</b>", "<p>", "</p>", "<a href=x>", "<div>", "</div>", "<table>", "<td>", "<li>", "<i title='<b>'>"]


@given(st.lists(st.sampled_from([*HOSTILE, *PIECES, "*", "`", "<", ">", '"', "'", "\n\n", "&", "x"]), max_size=16))
def test_no_mixture_passes_in_a_card_either(pieces: list[str]) -> None:
    html = render_card("".join(pieces))
    check(html, markdown._CARD_TAGS, CARD_ATTRIBUTES)
    assert markdown._nested(html).count("<") == html.count("<")  # nothing is left to repair


SIZE = 65_536


def fill(piece: str) -> str:
    return (piece * (SIZE // len(piece) + 1))[:SIZE]


BOMBS = {
    "wide table": "|" + "x|" * 250 + "\n|" + "-|" * 250 + "\n" + "|a\n" * 21_000,
    "wider table": "|" + "x|" * 10_000 + "\n|" + "-|" * 10_000 + "\n" + "|a\n" * 8_000,
    "small tables": fill("a|b\n-|-\n"),
    "one quote": fill(">"),
    "deep quotes": "".join(">" * depth + " a\n" for depth in range(360)),
    "deep list": "".join(" " * (2 * depth) + "- a\n" for depth in range(250)),
    "list in one line": fill("- "),
    "numbered list in one line": fill("1. "),
    "lists and quotes": fill("- > "),
    "quotes and lists": fill("> - "),
    "quoted tables": fill("> |a|b|\n> |-|-|\n> |c|\n"),
    "open links": fill("["),
    "open targets": fill("[a]("),
    "open images": fill("![["),
    "nested links": "[" * 30_000 + "a" + "]()" * 11_000,
    "open titles": fill('[a](b "'),
    "emphasis": fill("*_"),
    "nested emphasis": "*" * 32_000 + "a" + "*" * 32_000,
    "uneven emphasis": fill("*a **b***c"),
    "strikes": fill("~~a ~"),
    "one large definition": "[a]: /" + "u" * 20_000 + "\n\n" + fill("[a]")[:45_000],
    "many definitions": "".join(f"[r{number}]: /u\n" for number in range(5_000)),
    "unfinished definitions": fill("[a\n"),
    "definition with an open title": '[x]: y "' + fill("a\n"),
    "autolinks": fill("<http://a> "),
    "ten thousand autolinks": "<a:b>\n" * 10_000,
    "open comments": fill("<!--"),
    "open sections": fill("<![CDATA["),
    "open instructions": fill("<?"),
    "open tags": fill("<a "),
    "tags": fill("<b>"),
    "ampersands": fill("&"),
    "entities": fill("&ngE;"),
    "long entities": fill("&CounterClockwiseContourIntegral"),
    "numeric entities": fill("&#1;"),
    "a huge entity": "&#" + "1" * 65_000 + ";",
    "backticks": "".join("`" * count + " " for count in range(1, 360)),
    "headings": fill("a\n=\n"),
    "fences": fill("```\n"),
    "breaks": fill("a  \n"),
    "zeros": fill("\0"),
    "tabs": fill("-\t"),
    "references to one note": "[^a]: x\n\n" + fill("[^a]"),
    "notes": "".join(f"[^{number}]: x\n" for number in range(6_000)),
    "notes with references": "".join(f"[^{number}]: x[^{number + 1}]\n" for number in range(3_000)),
    "notes in notes": fill("[^a]: "),
    "one note again and again": fill("[^a]: x\n"),
    "long labels": "[^" + "l" * 900 + "]: x\n\n" + fill("[^" + "l" * 900 + "]"),
    "open labels": fill("[^"),
}


def note_cleaned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each text is added that is given to the cleaner."""
    cleaned, clean = list[str](), nh3.clean

    def note(html: str, **options: Any) -> str:
        cleaned.append(html)
        return clean(html, **options)

    monkeypatch.setattr(nh3, "clean", note)
    return cleaned


@pytest.mark.parametrize("name", BOMBS)
def test_no_text_becomes_very_large_or_reaches_the_cleaner_deeply_nested(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaned = note_cleaned(monkeypatch)
    html = markdown._render(BOMBS[name], markdown._COMMENT, ColourBudget())
    check(html)
    assert len(html) <= max(6 * SIZE, markdown.MAX_HTML) + 1_000
    for given_html in cleaned:
        assert len(given_html) <= markdown.MAX_HTML
        assert not markdown._is_too_much(given_html)
    if not cleaned:
        assert html == markdown.as_written(BOMBS[name])


CARD_BOMBS = {
    **BOMBS,
    "forged notes": fill('<div class="footnote-definition" id="x"><sup class="footnote-definition-label">1</sup>'),
    "open text before paragraphs": "<b><i><u><s><sub><sup>" + "x\n\n" * 20_000,
    "text that ends above blocks": fill("<b><p>x<i><div>y</b>\n\n"),
    "open divisions": fill("<div>"),
    "open cells": fill("<td>"),
    "open links around tables": fill("<a href=x><table>"),
    "ends": fill("</b></div>"),
    "open quotes": fill("<b x='"),
    "many attributes": "<b" + fill(" a=b"),
    "many attributes without an end": "<p>\n" + fill("<b a='b' c "),
}


@pytest.mark.parametrize("name", CARD_BOMBS)
def test_no_card_becomes_very_large_or_takes_much_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned, made = note_cleaned(monkeypatch), list[str]()
    render_it = lambda: made.append(markdown._render(CARD_BOMBS[name], markdown._CARD, ColourBudget()))  # noqa: E731
    count_lines(render_it, most=50 * SIZE)
    html = made[0]
    assert all(len(given) <= markdown.MAX_HTML and not markdown._is_too_much(given) for given in cleaned)
    check(html, markdown._CARD_TAGS, CARD_ATTRIBUTES)
    assert len(html) <= max(8 * SIZE, 2 * markdown.MAX_HTML)


@pytest.mark.parametrize("name", ["wide table", "one quote", "numbered list in one line"])
def test_texts_over_the_bounds_are_shown_as_written_below_a_note(name: str) -> None:
    html = render(BOMBS[name])
    assert html.startswith("<p><em>This text is too long or too complex")
    assert "<pre>" in html


def test_a_text_that_is_too_long_is_not_parsed() -> None:
    assert render("a" * (markdown.MAX_TEXT + 1)).startswith("<p><em>This text is too long")


def test_equal_texts_are_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []

    def note(text: str, _kept: object, _colours: object) -> str:
        rendered.append(text)
        return text

    monkeypatch.setattr(markdown, "_render", note)
    monkeypatch.setattr(markdown, "_CACHE", HtmlCache(5_000))
    for _ in range(3):
        render("once")
        render_card("once")
    assert rendered == ["once", "once"]  # a card is another text: its images may be anywhere


def test_the_cleaner_keeps_no_class_but_those_of_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(*_: object) -> str:
        return '<span class="k">a</span><span class="btn" style="x" id="y">b</span><script>c</script>'

    monkeypatch.setattr(code_colours, "colour", planted)
    monkeypatch.setattr(markdown, "_CACHE", HtmlCache(5_000))
    assert '"language-css"><span class="k">a</span><span>b</span></code>' in render("```css\nplanted\n```")


def test_code_whose_colours_would_be_too_much_stays_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "```json\n" + "1," * 20_000 + "\n```"
    html = markdown._render(text, markdown._COMMENT, ColourBudget(60.0))
    assert html == f'<pre><code class="language-json">{"1," * 20_000}\n</code></pre>\n'


def test_what_others_left_no_time_for_has_its_colours_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_colours, "_CACHE", HtmlCache(5_000))
    monkeypatch.setattr(markdown, "_CACHE", HtmlCache(5_000))
    renderer, text = Renderer(), "```python\nimport a\n```"
    monkeypatch.setattr(ColourBudget, "is_spent", True)
    assert "span" not in renderer.render(text)
    monkeypatch.undo()
    assert "span" in Renderer().render(text)


ARABIC = "\u0645\u0631\u062d\u0628\u0627"


@pytest.mark.parametrize(
    ("text", "tag"),
    [(f"* {ARABIC}", "ul"), (f"1. {ARABIC}", "ol"), (f"> {ARABIC}", "blockquote"), (f"|{ARABIC}|b|\n|-|-|", "table")],
)
def test_blocks_with_markers_run_in_the_direction_of_their_text(text: str, tag: str) -> None:
    assert f'<{tag} dir="auto">' in render(text)
    assert f'<{tag} dir="auto">' in render_card(text)
    assert f"<{tag}>" in render(text.replace(ARABIC, "words")), "and texts that need it not are as they were"


def test_an_alert_with_text_from_the_right_is_one() -> None:
    assert f'<blockquote dir="auto" class="alert info">\n<p><strong>Note</strong></p>\n<p>{ARABIC}' in render(
        f"> [!NOTE]\n> {ARABIC}"
    )


def test_directions_do_not_make_html_larger_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "MAX_HTML", 80)
    assert 'dir="auto"' in render(f"* {ARABIC}a")
    assert 'dir="auto"' not in render(f"* {ARABIC}\n* b")
