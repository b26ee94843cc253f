from __future__ import annotations

import pytest

from entrepot.cards.summaries import MAX_SUMMARY, find_citation, summarise


def test_a_summary_is_one_line_without_marks() -> None:
    text = """# Dataset *Card*

![logo](x.png) <p align="center">Reviews</p> of [films](https://films.example).
<!-- hidden
lines -->
- from `IMDb`
| a | b |
|---|---|
"""
    assert summarise(text) == "Reviews of films. from IMDb"
    assert summarise("# Only a title") == "Only a title"
    assert summarise("# Title\n## Part\ntext") == "Title Part text"
    assert summarise("Read:\n> [!NOTE]\n> A note.\n\n> quoted [!] text") == "Read: A note. quoted [!] text"
    assert summarise("") == summarise("\n<br>\n") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("![a](b), ![c](d), a text", "a text"),
        ("[![build](b)](c) | [![docs](d)](e)\n\nA text", "A text"),
        ("See ![a](b), and more", "See, and more"),
        ("one, ![a](b), two", "one, two"),
        ("one ![a](b) two", "one two"),
        ("one ![a][b].\n![c](d)\ntwo", "one. two"),
        ('<img src="a">, <img src="b">, a text', "a text"),
    ],
)
def test_pictures_are_left_out_with_what_separates_them(text: str, expected: str) -> None:
    assert summarise(text) == expected


def test_boxes_of_tasks_are_left_out() -> None:
    assert summarise("- [ ] one\n- [x] two\n* [X] three\n[ ] four") == "one two three [ ] four"


@pytest.mark.parametrize("part", ["![", "[![a](b)", "![a](", "[![", "<img ", ", ![]()", "[![]("])
def test_unfinished_marks_take_no_quadratic_time(part: str) -> None:
    assert len(summarise(part * 20_000)) <= MAX_SUMMARY


def test_an_unfinished_comment_hides_the_rest() -> None:
    assert summarise("Shown <!-- hidden --> too <!-- hidden <b>as well</b>") == "Shown too"


def test_links_are_replaced_by_their_text_and_lines_lose_their_marks() -> None:
    assert (
        summarise("See [the page](https://a.example/b) [[1]](c).\n\n \n  ## Use\n\n> it")
        == "See the page [[1]](c). Use it"
    )
    assert summarise("[a [b](c)") == "[a b"


def test_footnotes_are_left_out() -> None:
    assert (
        summarise("A claim[^1], see[^2 b].\n\n[^1]: What it\n    rests on.\n[^2 b]: More.\nThe end")
        == "A claim, see. The end"
    )
    assert summarise("[^") == "[^"


def test_long_texts_are_cut_between_words() -> None:
    found = summarise("word " * 1_000)
    assert found.endswith(" word…")
    assert len(found) <= MAX_SUMMARY
    assert len(summarise("x" * 100_000)) == MAX_SUMMARY


def test_the_first_entry_is_the_citation() -> None:
    text = "# X\n\n```python\nx = 1\n```\n\n```bibtex\n@article{a,\n  title={B}\n}\n```\n\n```\n@misc{c,}\n```\n"
    assert find_citation(text) == "@article{a,\n  title={B}\n}"
    assert find_citation("```\n@decorator\ndef f(): ...\n```") is find_citation("") is None
