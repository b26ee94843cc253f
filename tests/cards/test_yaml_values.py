from __future__ import annotations

import contextlib

import pytest
import yaml

from entrepot.cards.yaml_values import JsonValue, YamlReader, plain_value, plain_value_1_1
from entrepot.errors import Malformed
from tests.support.work import ends_within_processor_seconds


def read(text: str) -> JsonValue:
    return YamlReader().read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("False", False),
        ("NULL", None),
        ("12", 12),
        ("-7", -7),
        ("010", 10),
        ("0o17", 15),
        ("0xff", 255),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("1.", 1.0),
        (".5", 0.5),
        ("2e3", 2000.0),
        (".", "."),
        ("-", "-"),
        (".inf", ".inf"),
        ("-.INF", "-.INF"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", "9223372036854775808"),
        ("1" * 5000, "1" * 5000),
        ("1.2.3", "1.2.3"),
        ("2024-1-5", "2024-01-05"),
        ("2024-01-05 10:30:00Z", "2024-01-05T10:30:00+00:00"),
        ("2024-02-31", "2024-02-31"),
        ("0000-01-01", "0000-01-01"),
    ],
)
def test_unquoted_text_means(text: str, value: JsonValue) -> None:
    found = plain_value(text)
    assert found == value
    assert type(found) is type(value)


OLD_TEXTS = """no Yes ON off y n True ~ NULL 12 -7 010 0o17 08 0xff 0b11 1_000 12:30:45 1:60 1. .5 2e3 2.0e+3 1_0.5
. - + 1.2.3 2001 190:20:30.15 0_ 2024-1-5"""


@pytest.mark.parametrize("text", OLD_TEXTS.split())
def test_unquoted_text_of_old_yaml_means_what_it_means_to_pyyaml(text: str) -> None:
    found, wanted = plain_value_1_1(text), yaml.safe_load(f"[{text}]")[0]
    assert (found, type(found)) == (wanted, type(wanted))


def test_what_json_cannot_represent_stays_text_in_old_yaml() -> None:
    texts = [".inf", ".NaN", "9223372036854775808", "0b_", "1" * 5000, "2024-02-31"]
    assert [plain_value_1_1(text) for text in texts] == texts
    assert plain_value_1_1("2024-01-05 10:30:00Z") == "2024-01-05T10:30:00+00:00"


def test_quoted_and_tagged_text_stays_text() -> None:
    assert read("['1', \"true\", !!str 2024-01-01, ! 5, !!binary aGk=]") == ["1", "true", "2024-01-01", "5", "aGk="]
    assert read('[!!int "7", !!float "1.5", !!null ""]') == [7, 1.5, None]


def test_keys_are_what_was_written() -> None:
    assert read("1.0: a\ntrue: b\nno: c\n~: d\n2024-1-5: e") == {
        "1.0": "a",
        "true": "b",
        "no": "c",
        "~": "d",
        "2024-1-5": "e",
    }


@pytest.mark.parametrize(
    "text", ["!!python/object/apply:os.system [ls]", "a: !thing 3", "!!python/name:os.system ''", "!x {a: 1}"]
)
def test_tags_choose_no_types(text: str) -> None:
    with pytest.raises(Malformed, match="tag"):
        read(text)


@pytest.mark.parametrize("text", ["{{ name }}: x", "[a]: b", "? {a: b}\n: c", "x: &l [a]\n*l : b"])
def test_a_key_is_text(text: str) -> None:
    with pytest.raises(Malformed, match="key"):
        read(text)


def test_a_nul_character_is_replaced() -> None:
    assert read('"a\\0b"') == "a\ufffdb"


def test_a_second_document_is_refused() -> None:
    with pytest.raises(Malformed, match="second document"):
        read("a: 1\n--- b\n")


def test_aliases_and_merge_keys_work() -> None:
    assert read("x: &x [1, 2]\ny: *x\n&k z: *k") == {"x": [1, 2], "y": [1, 2], "z": "z"}
    assert read("d: &d {a: 1, b: 2}\ne:\n  b: 3\n  <<: *d") == {"d": {"a": 1, "b": 2}, "e": {"a": 1, "b": 3}}
    assert read("m:\n  <<: [{a: 1}, {a: 2, b: 2}]") == {"m": {"a": 1, "b": 2}}
    assert read("m: {'<<': 1, <<: 2}") == {"m": {"<<": 1}}


@pytest.mark.parametrize("text", ["a: *nowhere", "a: &a [*a]", "&a {b: {c: *a}}", "x: &x [1]\ny: &x [*x]"])
def test_an_alias_needs_something_finished(text: str) -> None:
    with pytest.raises(Malformed, match="alias"):
        read(text)


def laughs(levels: int) -> str:
    lines = ["l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, levels):
        lines.append(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]")
    return "\n".join(lines)


def test_ten_billion_laughs_are_not_read_out() -> None:
    with ends_within_processor_seconds(), pytest.raises(Malformed, match="100,000 values"):
        read(laughs(10))  # making all values would take an hour


def test_a_long_text_repeated_by_aliases_is_bounded() -> None:
    aliases = ", ".join(["*t"] * 50)
    with pytest.raises(Malformed, match="characters"):
        read(f"t: &t {'x' * 100_000}\nl: [{aliases}]")


def test_merge_keys_cannot_hide_what_they_expand_to() -> None:
    fields = ", ".join(f"k{number}: 1" for number in range(1000))
    merges = "\n".join(f"m{number}: {{<<: *b}}" for number in range(200))
    with pytest.raises(Malformed, match="values"):
        read(f"b: &b {{{fields}}}\n{merges}")


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_depth_is_bounded(opening: str) -> None:
    closing = {"[": "]", "{a: ": "}"}[opening]
    assert read(opening * 64 + "1" + closing * 64) is not None
    with pytest.raises(Malformed, match="64 levels"):
        read(opening * 65 + "1" + closing * 65)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize(
    "opening", ["", "\ufeff", "a: 1\n...\n"], ids=["first", "after a byte order mark", "second document"]
)
def test_directives_that_libyaml_compares_with_each_other_are_few(opening: str, line_end: str) -> None:
    text = opening + "".join(f"%TAG !a{number}! b{line_end}" for number in range(65))
    with pytest.raises(Malformed, match=r"more than 64 %TAG directives"):
        read(text + "--- {c: d}")


def test_a_few_directives_are_read_and_their_words_are_text_elsewhere() -> None:
    directives = "".join(f"%TAG !a{number}! tag:yaml.org,2002:{chr(10)}" for number in range(64))
    assert read(directives + "--- {c: !a7!str 1}") == {"c": "1"}
    assert read("a: |\n" + "  %TAG !a! b\n" * 100) == {"a": "%TAG !a! b\n" * 100}


def test_depth_counts_through_aliases() -> None:
    half = "[" * 40 + "1" + "]" * 40
    with pytest.raises(Malformed, match="64 levels"):
        read(f"- &h {half}\n- {'[' * 30}*h{']' * 30}")


@pytest.mark.parametrize(
    "unit", ["[", "{", "- ", "? ", "a: ", "&a ", "!a ", "'", '"', "|\n", "- a\n", "k: v\n", "#", "%"]
)
def test_a_megabyte_of_anything_ends_soon(unit: str) -> None:
    with ends_within_processor_seconds(), contextlib.suppress(Malformed):
        read((unit * (1 << 20))[: 1 << 20])  # comparing each of a million marks with all others would take an hour


def test_a_lone_surrogate_is_malformed() -> None:
    with pytest.raises(Malformed, match="Unicode"):
        read("a: \ud800")
