from __future__ import annotations

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
    assert summarise("") == summarise("\n<br>\n") == ""


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
