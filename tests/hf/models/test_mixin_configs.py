from __future__ import annotations

import argparse
import dataclasses
import enum
import json
from typing import Any, Optional

import pytest

from entrepot.errors import InvalidArgument
from entrepot.hf.models.mixin_configs import Coders, decode, encode, hints_of, is_jsonable, parameters_of, render_config


class Kind(enum.Enum):
    A = "a"


@dataclasses.dataclass
class Inner:
    size: int = 1


@dataclasses.dataclass
class Outer:
    inner: Inner
    kind: Kind = Kind.A
    other: Inner | None = None
    derived: int = dataclasses.field(init=False, default=5)


CODERS: Coders = {
    Kind: (lambda kind: kind.value, Kind),
    argparse.Namespace: (vars, lambda data: argparse.Namespace(**data)),
}


def test_encoded_values_are_decoded_by_their_annotation() -> None:
    value = Outer(Inner(3), Kind.A, Inner(4))
    encoded = encode(value, CODERS)
    assert encoded == {"inner": {"size": 3}, "kind": "a", "other": {"size": 4}, "derived": 5}
    assert decode(Outer, json.loads(json.dumps(encoded)), CODERS) == value


def test_values_inside_lists_and_mappings_are_encoded_too() -> None:
    assert encode({"a": [Kind.A, (Inner(2),)]}, CODERS) == {"a": ["a", [{"size": 2}]]}


@pytest.mark.parametrize("expected", [Inner, Inner | None, Optional[Inner], Inner | dict[str, Any] | None])  # noqa: UP045
def test_a_data_class_is_found_in_an_optional_type(expected: Any) -> None:
    assert decode(expected, {"size": 2, "unknown": 1}, {}) == Inner(2)
    assert decode(expected, None, {}) is None


def test_a_coder_is_used_for_its_type_only() -> None:
    assert decode(argparse.Namespace, {"a": 1}, CODERS) == argparse.Namespace(a=1)
    assert decode(int, 1, CODERS) == 1
    assert decode(dict, {"a": 1}, CODERS) == {"a": 1}


def test_values_that_are_not_json_are_refused() -> None:
    assert is_jsonable([1, "a", None])
    assert not is_jsonable({1, 2})
    assert render_config(Inner(2), {}) == '{\n  "size": 2\n}'
    with pytest.raises(InvalidArgument, match="coder"):
        render_config({"a": object()}, {})


def test_annotations_that_are_text_become_types() -> None:
    def init(self: object, a: Inner, b: int = 3, *more: int) -> None: ...

    parameters = parameters_of(init)
    assert list(parameters) == ["a", "b", "more"]
    assert parameters["a"].annotation is Inner
    assert parameters["b"].default == 3


def test_unresolvable_annotations_are_left_out() -> None:
    def init(self: object, a: Nowhere, b: int) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert hints_of(init) == {}
    assert parameters_of(init)["a"].annotation == "Nowhere"
