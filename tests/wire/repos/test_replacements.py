from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.repos.replacements import Replacement


def test_the_source_is_called_from() -> None:
    assert msgspec.json.encode(Replacement(source="v1")) == b'{"from":"v1"}'
    assert msgspec.json.decode(b'{"from":"v1","message":"m"}', type=Replacement) == Replacement(
        source="v1", message="m"
    )


def test_a_replacement_needs_a_source() -> None:
    with pytest.raises(msgspec.ValidationError, match="from"):
        msgspec.json.decode(b"{}", type=Replacement)
