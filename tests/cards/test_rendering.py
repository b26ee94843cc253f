from __future__ import annotations

import dataclasses
import datetime
import enum
import pathlib

import pytest

from entrepot.cards.front_matter import parse_metadata, split_card
from entrepot.cards.rendering import line_ending, render_template, render_yaml, with_metadata
from entrepot.errors import InvalidArgument, Malformed


class Colour(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass
class Size:
    width: int


class Scalar:
    """A value like a number of a numerical library."""

    def tolist(self) -> float:
        return 0.5


def test_yaml_keeps_order_letters_and_words_that_look_like_other_things() -> None:
    data = {"z": "no", "a": ["日本", "👀"], "n": None, "v": "1.0", "f": "0E0", "e": ""}
    text = render_yaml(data)
    assert text.splitlines()[0] == "z: 'no'"
    assert "日本" in text
    assert "👀" in text
    assert parse_metadata(text) == data


def test_a_value_used_twice_is_written_twice() -> None:
    shared = ["en"]
    assert render_yaml({"a": shared, "b": shared}) == "a:\n- en\nb:\n- en\n"


def test_objects_become_plain_values() -> None:
    data = {
        "colour": Colour.RED,
        "size": Size(3),
        "score": Scalar(),
        "pair": (1, 2),
        "set": {"b", "a"},
        "path": pathlib.PurePosixPath("a/b"),
        "day": datetime.date(2024, 1, 2),
        "yes": True,
    }
    assert parse_metadata(render_yaml(data)) == {
        "colour": "red",
        "size": {"width": 3},
        "score": 0.5,
        "pair": [1, 2],
        "set": ["a", "b"],
        "path": "a/b",
        "day": "2024-01-02",
        "yes": True,
    }


def test_an_object_without_a_plain_value_is_refused_by_its_key() -> None:
    with pytest.raises(InvalidArgument, match="'thing' hold a object"):
        render_yaml({"thing": [object()]})
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidArgument, match="deeper"):
        render_yaml({"thing": endless})


@pytest.mark.parametrize(
    ("text", "ending"),
    [("a", None), ("a\nb\n", "\n"), ("a\r\nb\r\n", "\r\n"), ("a\rb\r", "\r"), ("a\r\nb\n", "\n"), ("a\r\nb\rc", "\r")],
)
def test_the_line_ending_is_that_of_most_lines(text: str, ending: str | None) -> None:
    assert line_ending(text) == ending


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_new_metadata_keep_the_line_endings_and_the_body(ending: str) -> None:
    body = f"# Title{ending}{ending}Mixed\nend"
    text = with_metadata(f"---{ending}license: mit{ending}---{ending}{body}", {"license": "apache-2.0", "tags": ["a"]})
    assert text == f"---{ending}license: apache-2.0{ending}tags:{ending}- a{ending}---{ending}{body}"


def test_metadata_are_put_before_a_text_that_has_none() -> None:
    assert with_metadata("# Title\n", {"license": "mit"}) == "---\nlicense: mit\n---\n# Title\n"
    assert with_metadata("", {"license": "mit"}) == "---\nlicense: mit\n---\n"
    assert split_card(with_metadata("x", {}))[0] == "{}"


def test_a_template_is_filled_in_without_escaping() -> None:
    assert render_template("# {{ name }}{{ missing }}", {"name": "<a&b>"}) == "# <a&b>"


@pytest.mark.parametrize(
    ("template", "reason"),
    [("a\n{% if %}", "line 2"), ("{{ x.__class__.__mro__ }}", "unsafe"), ("{% include 'a' %}", "loader")],
)
def test_a_failing_template_is_reported_with_the_reason(template: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        render_template(template, {"x": 1})
