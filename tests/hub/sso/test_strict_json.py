from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.hub.sso.strict_json import parse_object


def test_an_object_is_returned() -> None:
    assert parse_object(b'{"a": "\\ud83d\\ude00"}', "it") == {"a": "\N{GRINNING FACE}"}
    assert parse_object(b'{"a": {"b": [1, null]}}', "it") == {"a": {"b": [1, None]}}


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[]", b"1", b"\xff", b'{"a":1,"a":1}', b'{"x":{"a":1,"a":2}}', b'{"a":NaN}', b'{"a":Infinity}'),
        *(b'{"a":1,"\\u0061":2}', b'{"a":' + b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"),
        *(b'{"a":"\\ud800"}', b'{"\\udc00":1}', b'{"a":[{"b":["x\\udfff"]}]}', b'{"a":"\\ude00\\ud83d"}'),
    ],
    ids=range(15),
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="it"):
        parse_object(data, "it")
