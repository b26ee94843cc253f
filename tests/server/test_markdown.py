from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.server import markdown
from entrepot.server.markdown import Renderer, render


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**bold** and `code`", "<p><strong>bold</strong> and <code>code</code></p>\n"),
        ("- [x] done (abc)", "<ul>\n<li>[x] done (abc)</li>\n</ul>\n"),
        ("~~gone~~", "<p><s>gone</s></p>\n"),
        ("@bob thanks", "<p>@bob thanks</p>\n"),
        ("```python\nx = 1\n```", '<pre><code class="language-python">x = 1\n</code></pre>\n'),
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
    '```"><script>alert(1)</script>\nx\n```',
    "```language-x onclick=alert(1)\nx\n```",
    '[x](https://a.org "t\\" onclick=\\"alert(1)")',
]

_TAG = re.compile(r"<[^>]*>")


def check(html: str) -> None:
    for tag in _TAG.findall(html):
        name = re.match(r"</?([a-z0-9]*)", tag)
        assert name is not None
        assert name[1] in markdown._TAGS, tag
        bare = re.sub(r'"[^"]*"', '""', tag)
        assert set(re.findall(r" ([a-z-]+)=", bare)) <= {"href", "title", "src", "alt", "rel", "start", "class"}, tag
        for value in re.findall(r'(?:href|src)="([^"]*)"', tag):
            assert not re.match(r"\s*(javascript|vbscript|data|file):", value, re.IGNORECASE), tag
        for value in re.findall(r'src="([^"]*)"', tag):
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
    assert renderer.render("**a**") == "<p>**a**</p>"
    assert renderer.render("<b>") == "<p>&lt;b&gt;</p>"
    assert Renderer().render("**a**") == "<p><strong>a</strong></p>\n"


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "*a" * 20_000, "> " * 20_000, "`" * 30_000, "![" * 15_000, "<" * 60_000]
)
@pytest.mark.timeout(20)
def test_texts_made_to_be_slow_are_not(text: str) -> None:
    assert render(text)
