import pytest

from entrepot.errors import ConfigError
from entrepot.workspace.configuration.tables import default_values, merged, parse_value, renamed, unknown_keys


def test_later_layers_win_and_mappings_are_merged() -> None:
    first = {"a": 1, "b": {"x": 1, "y": 2}}
    assert merged(first, {"b": {"y": 3}}, {"a": 2}) == {"a": 2, "b": {"x": 1, "y": 3}}
    assert first == {"a": 1, "b": {"x": 1, "y": 2}}


def test_keys_of_the_first_generation_are_renamed() -> None:
    assert renamed({"dataset": {"git": "u"}, "store": {"s3h": {}}}) == {
        "datasets": {"git": "u"},
        "storages": {"s3h": {}},
    }
    assert renamed({"dataset": 1, "datasets": 2}) == {"datasets": 2}


def test_values_have_types_and_unknown_keys_are_refused() -> None:
    assert parse_value("push_threads_count", "8", "x") == 8
    assert parse_value("verbose", "debug", "x") == "debug"
    assert unknown_keys({**default_values(), "colour": 1}) == ["colour"]
    for key, value in (("push_threads_count", "x"), ("verbose", "loud"), ("colour", "1"), ("staging", "none")):
        with pytest.raises(ConfigError):
            parse_value(key, value, "x")
