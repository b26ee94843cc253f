from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.server.pages.static_files import FOLDER
from entrepot.server.rendering import code_colours
from entrepot.server.rendering.code_colours import (
    CLASSES,
    MAX_CODE,
    MAX_SLICE,
    ColourBudget,
    colour,
    colour_lines,
)
from entrepot.server.rendering.code_languages import LEXERS
from entrepot.server.rendering.html_caches import HtmlCache

_ELEMENT = re.compile(r'<span class="([a-z])">([^<>\n]+)</span>')


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_colours, "_CACHE", HtmlCache(0))


def text_of(made: str) -> str:
    """Return the text of HTML from the module; asserts that it has no element but coloured pieces of a line."""
    for class_, _ in _ELEMENT.findall(made):
        assert class_ in CLASSES
    bare = _ELEMENT.sub(lambda found: str(found[2]), made)
    assert not re.search(r"[<>\"']", bare), bare
    return html.unescape(bare)


@pytest.mark.parametrize(
    ("language", "code", "made"),
    [
        ("python", "if x:", '<span class="k">if</span> x:'),
        ("python", "# <b>", '<span class="c"># &lt;b&gt;</span>'),
        ("python", "'a&\"'", '<span class="s">&#x27;a&amp;&quot;&#x27;</span>'),
        ("json", '{"a": 1}', '{<span class="n">&quot;a&quot;</span>: <span class="o">1</span>}'),
        ("yaml", "a: 1\n", '<span class="n">a</span>: <span class="o">1</span>\n'),
        ("diff", "-a\n+b\n", '<span class="d">-a</span>\n<span class="s">+b</span>\n'),
        ("c", "/* a\nb */", '<span class="c">/* a</span>\n<span class="c">b */</span>'),
        (None, "if <x>", "if &lt;x&gt;"),
        ("python", "", ""),
    ],
)
def test_code_has_colours(language: str | None, code: str, made: str) -> None:
    assert colour(code, language, ColourBudget()) == made


PIECES = [
    "<script>alert(1)</script>", "</span>", "</td>", "<img src=x onerror=alert(1)>", '"', "\'", "&lt;",
    "&", "`", "/*", "*/",
    "#", "//", "<!--", "-->", "<![CDATA[", "<<E\n", '"""', "r#\"", "$(", "${", "{{", "{%", "(", "[",
    "{", "}", "\\", "\n", "\r",
    "\t", "\0", "\x0b", "\u2028", "\ud800", "é", " ", "if ", "class A", "a: ", "- ", "- a\n", "1e",
    "0x", "@a", "%", "=", "<%",
]  # fmt: skip


@pytest.mark.parametrize("language", LEXERS)
@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=24))
def test_the_text_of_any_code_in_colours_is_the_code(language: str, pieces: list[str]) -> None:
    code = "".join(pieces)
    assert text_of(code_colours._colour(code, language, ColourBudget(60.0))) == code


@pytest.mark.parametrize("language", LEXERS)
def test_the_text_stays_the_same_over_the_ends_of_slices(language: str) -> None:
    code = "".join(f"{piece}\n" for piece in PIECES) * (3 * MAX_SLICE // len("".join(PIECES)))
    assert len(code) > 2 * MAX_SLICE
    assert text_of(code_colours._colour(code, language, ColourBudget(60.0))) == code


def test_a_lexer_keeps_its_state_from_slice_to_slice() -> None:
    words = "words\n" * MAX_SLICE
    made = colour(f'a = """\n{words}"""\nif 1: pass\n', "python", ColourBudget(60.0)).split("\n")
    assert set(made[1:MAX_SLICE]) == {'<span class="s">words</span>'}
    assert made[-2].startswith('<span class="k">if</span>')


@pytest.mark.parametrize("line", ["a\n", "a", "\n", "a" * 3_000 + "\n\n", ""])
def test_slices_are_short_and_end_at_lines_if_there_are_any(line: str) -> None:
    code = line * (3 * MAX_SLICE // max(len(line), 1))
    ends = list(code_colours._slices(code))
    starts = [0, *ends[:-1]]
    assert ends[-1] == len(code)
    assert all(end - start <= MAX_SLICE for start, end in zip(starts, ends, strict=True))
    assert all(code[end - 1] == "\n" for end in ends[:-1]) or "\n" not in code


def test_after_the_bound_the_rest_is_plain() -> None:
    code = "if\n" * (MAX_CODE // 3 + 100)
    made = code_colours._colour(code, "python", ColourBudget(60.0))
    assert text_of(made) == code
    assert made.count("<span") == MAX_CODE // 3  # a third of the last word lies before the bound
    assert made.endswith("\n" + "if\n" * 99)


def test_after_the_time_the_rest_is_plain_and_the_budget_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("time.thread_time", lambda: float(next(clock)))
    budget = ColourBudget(5.0)
    made = code_colours._colour("if <\n" * 100, "python", budget)
    assert text_of(made) == "if <\n" * 100
    assert 1 <= made.count("<span") < 100
    assert budget.is_spent
    assert colour("if 1", "python", budget) == "if 1"


def test_what_there_was_no_time_for_is_coloured_when_it_is_shown_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_colours, "_CACHE", HtmlCache(500_000))
    monkeypatch.setattr(code_colours, "MAX_CPU_S", 60.0)
    code, counts = "if 1:\n    x = 'é'  # <b>\n" * 300, list[int]()
    while len(counts) < 1_000 and counts[-1:] != [300]:
        made = colour(code, "python", ColourBudget(1e-6))
        assert text_of(made) == code
        counts.append(made.count("if</span>"))
    assert counts[0] < 300 == counts[-1]
    assert counts == sorted(counts)
    assert made == code_colours._colour(code, "python", ColourBudget(60.0))
    assert colour(code, "python", ColourBudget(60.0)) == colour(code, "python", ColourBudget(-1.0)) == made


def test_a_text_that_takes_too_long_is_kept_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_colours, "_CACHE", HtmlCache(500_000))
    monkeypatch.setattr(code_colours, "MAX_CPU_S", 0.0)
    made = colour("if 1\n" * 300, "python", ColourBudget(1e-6))
    assert made.count("if</span>") < 300
    assert colour("if 1\n" * 300, "python", ColourBudget(60.0)) == made


def test_few_unfinished_texts_are_kept() -> None:
    readings = code_colours._Readings()
    for number in range(3 * readings.MAX_READINGS):
        readings.put(bytes([number]), code_colours._Reading("x", "python"))
    assert readings.take(bytes([0])) is None
    last = bytes([3 * readings.MAX_READINGS - 1])
    assert readings.take(last) is not None
    assert readings.take(last) is None


@pytest.mark.parametrize("language", LEXERS)
def test_a_lexer_is_never_given_more_than_a_slice(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What takes quadratic time for a slice takes tenths of a second; for a whole text it would take minutes.
    code, ends = "(" * MAX_CODE, list[int]()
    slices = code_colours._slices

    def noted(text: str) -> object:
        for end in slices(text):
            ends.append(end)
            yield end

    monkeypatch.setattr(code_colours, "_slices", noted)
    code_colours._colour(code, language, ColourBudget(0.05))
    assert language == "json" or ends[0] == MAX_SLICE


def test_lines_stay_lines() -> None:
    lines = ['x = """', "<a>", '"""', "", "if x: pass"]
    made = colour_lines(lines, "python", ColourBudget())
    assert [text_of(line) for line in made] == lines
    assert colour_lines([], "python", ColourBudget()) == []


def test_equal_code_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, reading = list[str](), code_colours._Reading

    def note(code: str, language: str) -> object:
        read.append(language)
        return reading(code, language)

    monkeypatch.setattr(code_colours, "_CACHE", HtmlCache(5_000))
    monkeypatch.setattr(code_colours, "_Reading", note)
    for language in ("python", "c", "python"):
        colour("x", language, ColourBudget())
    assert read == ["python", "c"]


def luminance(colour_: str) -> float:
    digits = colour_ if len(colour_) == 6 else "".join(digit * 2 for digit in colour_)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1])
def test_every_class_can_be_read_on_every_ground(theme: int) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5; grounds are those of files, blocks, chosen lines, and both sides of diffs."""
    css = (FOLDER / "entrepot.css").read_text()
    pairs = re.findall(r"--([a-z0-9-]+):light-dark\(#([0-9a-f]+),#([0-9a-f]+)\)", css)
    shades = {name: luminance((light, dark)[theme]) for name, light, dark in pairs}
    rules = re.search(r":is\(\.code,pre\) span\{(.*?\})\}", css)
    assert rules
    used = dict(re.findall(r"&\.([a-z])\{color:var\(--([a-z0-9]+)\)", rules[1]))
    assert set(used) == CLASSES
    for class_, name in used.items():
        for ground in ("paper", "bg", "ochre-bg", "ok-bg", "bad-bg"):
            upper, lower = sorted((shades[name], shades[ground]), reverse=True)
            assert (upper + 0.05) / (lower + 0.05) >= 4.5, (class_, ground)
