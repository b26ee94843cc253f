from __future__ import annotations

import json
import math

import msgspec
import pytest

from entrepot.cards.storable_values import storable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\ud800b\0", "a\ufffdb\ufffd"),
        ({"\udfff": ["\ud83d", ("x", None)]}, {"\ufffd": ["\ufffd", ("x", None)]}),
        ([2**63 - 1, -(2**63), 2**63, 10**400], [2**63 - 1, -(2**63), float(2**63), None]),
        ([math.inf, -math.inf, math.nan, 1.5, True], [None, None, None, 1.5, True]),
    ],
)
def test_values_can_be_stored_and_sent(value: object, expected: object) -> None:
    found = storable(value)
    assert found == expected
    msgspec.json.encode(found)
    json.dumps(found, allow_nan=False).encode("ascii")
