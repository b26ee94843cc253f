from __future__ import annotations

import json

import pytest

from entrepot.catalog.dialects.stored_json import decode_stored

TEXTS = [
    *("{}", "[]", "null", "true", "0", "-1.5e3", '""', '"\\u0000\\ud83d\\ude00"', '"ü"', " {} ", "\n[1]\n", "[1]  "),
    *('{"a": {"b": [1, null, 123456789012345678901234567890]}, "a": 2}', "NaN", "[Infinity, -Infinity]"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_values_are_those_of_the_standard_library(text: str) -> None:
    for given in (text, text.encode()):
        assert repr(decode_stored(given)) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["", "{", "[1] x", "{}{}", "nul", "'a'", "\ufeff{}"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        decode_stored(text)


def test_empty_values_are_new_ones() -> None:
    decode_stored("{}")["a"] = 1
    decode_stored("[]").append(1)
    assert (decode_stored("{}"), decode_stored("[]")) == ({}, [])
