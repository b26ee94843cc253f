from __future__ import annotations

import datetime
import json
import re

import pytest
import yaml
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.cards import parse_metadata, split_card
from entrepot.errors import Malformed
from tests.support.work import ends_within_processor_seconds


def test_the_block_and_the_body_are_separated() -> None:
    assert split_card("---\nlicense: mit\n---\n# Title\n") == ("license: mit", "# Title\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (None, "")),
        ("# Title", (None, "# Title")),
        ("---\na: 1\n", (None, "---\na: 1\n")),
        ("text\n---\na: 1\n---\n", (None, "text\n---\na: 1\n---\n")),
        ("\n  \n---\na: 1\n---", ("a: 1", "")),
        ("---\r\na: 1\r\n---\r\nbody", ("a: 1", "body")),
        ("---\ra: 1\r---\rbody", (None, "---\ra: 1\r---\rbody")),
        ("---\na: 1\n---  \t\nbody", ("a: 1", "body")),
        ("---\n\n---\nbody", ("", "body")),
        ("---\na: 1\n--- x\nb: 2\n---\nbody", ("a: 1\n--- x\nb: 2", "body")),
        ("---\na: |\n  ----\n---\nbody", ("a: |\n  ----", "body")),
        ("\ufeff---\na: 1\n---\nbody", ("a: 1", "body")),
    ],
)
def test_odd_shapes(text: str, expected: tuple[str | None, str]) -> None:
    assert split_card(text) == expected


@given(st.text(alphabet="-\r\n \ta:1", max_size=60))
def test_it_splits_where_the_client_splits(text: str) -> None:
    found = REGEX_YAML_BLOCK.search(text)
    expected = (None, text) if found is None else (found.group(2), text[found.end() :])
    assert split_card(text) == expected


def test_a_long_readme_without_an_end_of_its_block_is_quick() -> None:
    with ends_within_processor_seconds():  # looking again from each line would take an hour
        assert split_card("---\n" + "a: b\n" * 1_000_000)[0] is None
        assert split_card(" \n" * 1_000_000)[0] is None


def test_plain_values_become_json() -> None:
    block = "text: hello\nnumber: 3\nreal: 1e-5\nyes: true\nnothing: ~\nlist: [a, 1, null]\nmap: {x: {y: z}}\n"
    assert parse_metadata(block) == {
        "text": "hello",
        "number": 3,
        "real": 1e-5,
        "yes": True,
        "nothing": None,
        "list": ["a", 1, None],
        "map": {"x": {"y": "z"}},
    }


@pytest.mark.parametrize("block", ["", "  \n", "# only a comment", "~", "null"])
def test_an_empty_block_is_an_empty_object(block: str) -> None:
    assert parse_metadata(block) == {}


def test_of_repeated_keys_the_last_wins() -> None:
    assert parse_metadata("a: 1\nb: 2\na: 3") == {"a": 3, "b": 2}


@pytest.mark.parametrize("block", ["- a\n- b", "just text", "42", "'quoted'"])
def test_anything_but_a_mapping_is_malformed(block: str) -> None:
    with pytest.raises(Malformed, match="expected a mapping"):
        parse_metadata(block)


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(Malformed, match="line 3"):
        parse_metadata("a: 1\nb: 2\nc: ]\nd: 4")
    with pytest.raises(Malformed, match="line 12"):
        parse_metadata("a: 1\nb: 'x' y\n", first_line=11)


def test_a_block_of_a_megabyte_is_refused_unread() -> None:
    with pytest.raises(Malformed, match="longer"):
        parse_metadata("a: " + "b" * (1 << 20))


def is_safe(text: str) -> bool:
    """Return whether YAML 1.1 (unquoted, as clients write it) and YAML 1.2 agree that a text is not a number."""
    return not re.fullmatch(r"[-+]?[0-9]+[eE][-+]?[0-9]+|0o[0-7]+", text)


metadata = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20).filter(is_safe),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-_é ", max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=8), metadata, max_size=5))
def test_front_matter_written_by_clients_is_read_back(data: dict[str, object]) -> None:
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    assert parse_metadata(text) == yaml.safe_load(text) == data


@settings(max_examples=300)
@given(st.text(alphabet="abc:-[]{}&*!|>'\"#%@`,?\n\t 019.~<=\\\x00é\ud800", max_size=80))
def test_any_text_is_json_or_malformed(block: str) -> None:
    try:
        data = parse_metadata(block)
    except Malformed:
        return
    assert json.loads(json.dumps(data, allow_nan=False).encode()) == data


def test_the_clients_dates_become_text() -> None:
    text = yaml.safe_dump({"day": datetime.date(2024, 1, 5), "moment": datetime.datetime(2024, 1, 5, 10, 30)})
    assert parse_metadata(text) == {"day": "2024-01-05", "moment": "2024-01-05T10:30:00"}
