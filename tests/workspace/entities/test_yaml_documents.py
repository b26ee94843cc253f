import pytest

from entrepot.errors import LimitExceeded, Malformed
from entrepot.workspace.entities.yaml_documents import MAX_BYTES, parse_yaml, render_flat_yaml, render_yaml


def test_lists_are_indented_below_their_key_or_not() -> None:
    value = {"b": [1], "a": 10.0}
    assert render_yaml(value) == "a: 10.0\nb:\n  - 1\n"
    assert render_flat_yaml(value) == "a: 10.0\nb:\n- 1\n"
    assert parse_yaml(render_yaml(value), "x") == value


def test_an_empty_document_is_an_empty_mapping() -> None:
    assert parse_yaml("", "x") == {}
    assert parse_yaml(b"\xef\xbb\xbfa: 1", "x") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1\nb: 2", "line 2"),
        ("- 1", "expected a mapping"),
        (b"\xff", "not UTF-8"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("[" * 40, "nested too deeply"),
        ("a: !!python/object:os.system x", "line 1"),
    ],
)
def test_a_document_that_cannot_be_used_is_named(text: str | bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason) as caught:
        parse_yaml(text, "the file")
    assert "the file" in str(caught.value)


def test_long_documents_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(LimitExceeded):
        parse_yaml("#" * (MAX_BYTES + 1), "x")
