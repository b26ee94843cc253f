from __future__ import annotations

import pytest

from entrepot.errors import LimitExceeded, Malformed
from entrepot.names import parse_description, parse_labels


@pytest.mark.parametrize("label", ["", "  ", "a\nb", "\x00", "\u200b"])
def test_a_label_is_printable_text(label: str) -> None:
    with pytest.raises(Malformed, match="printable"):
        parse_labels([label])


def test_bounds_of_labels_and_descriptions() -> None:
    most = [f"l{n}" for n in range(64)]
    assert parse_labels(most) == tuple(most)
    assert parse_labels(["x" * 100, "größe"]) == ("x" * 100, "größe")
    assert parse_description("é" * 10_000) == "é" * 10_000
    for labels in ([*most, "one more"], ["x" * 101]):
        with pytest.raises(LimitExceeded):
            parse_labels(labels)
    with pytest.raises(Malformed, match="twice"):
        parse_labels(["a", "b", "a"])
    with pytest.raises(LimitExceeded):
        parse_description("x" * 10_001)
    with pytest.raises(Malformed, match="NUL"):
        parse_description("a\0b")
