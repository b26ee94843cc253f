import inspect
import pathlib
import subprocess
import sys
import typing

import msgspec
import pytest

from entrepot.settings.table import SETTINGS, Settings

DATA = pathlib.Path("data")


def test_the_table_has_one_row_for_each_field() -> None:
    assert [row.name for row in SETTINGS] == [field.name for field in msgspec.structs.fields(Settings)]


def test_a_setting_is_one_sentence_and_says_what_may_be_written() -> None:
    for row in SETTINGS:
        assert row.sentence[0].isupper(), row.name
        assert row.sentence.endswith("."), row.name
        assert ". " not in row.sentence, row.name
        assert row.values, row.name


def test_a_default_obeys_its_own_rule() -> None:
    defaults = Settings(data=DATA)
    for row in SETTINGS[1:]:
        assert row.reading.read(row.default) == getattr(defaults, row.name), row.name


def test_a_reading_gives_the_type_of_the_field() -> None:
    hints = typing.get_type_hints(Settings)
    for row in SETTINGS:
        value = row.reading.read(row.default or "x") if row.name == "data" else row.reading.read(row.default)
        hint = hints[row.name]
        if typing.get_origin(hint) is typing.Literal:
            assert value in typing.get_args(hint), row.name
        else:
            assert isinstance(value, typing.get_origin(hint) or hint), row.name


def test_the_variable_and_the_flag_follow_from_the_name() -> None:
    row = next(row for row in SETTINGS if row.name == "log_level")
    assert (row.variable, row.flag, row.default) == ("ENTREPOT_LOG_LEVEL", "--log-level", "info")


def test_settings_cannot_be_changed() -> None:
    settings = Settings(data=DATA)
    with pytest.raises(AttributeError, match="immutable"):
        settings.port = 1  # type: ignore[misc]
    assert hash(settings) == hash(Settings(data=DATA))


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("", False),
        ("localhost", False),
        ("127.0.0.1:80", False),
    ],
)
def test_only_listed_peers_are_trusted(peer: str, trusted: bool) -> None:
    settings = Settings(data=DATA, trusted_proxies=("127.0.0.1", "::1", "10.0.0.0/8"))
    assert settings.trusts(peer) is trusted


def test_an_empty_list_trusts_no_one() -> None:
    assert not Settings(data=DATA, trusted_proxies=()).trusts("127.0.0.1")


def test_importing_the_settings_brings_no_heavy_library() -> None:
    code = "import sys, entrepot.settings; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    third_party = {"sqlalchemy", "starlette", "granian", "yaml", "click", "platformdirs", "huggingface_hub", "httpx2"}
    slow = {"difflib", "asyncio", "http", "ssl"}
    assert not (third_party | slow) & set(loaded)


def test_the_settings_never_look_at_the_process() -> None:
    import entrepot.settings.loading
    import entrepot.settings.readings
    import entrepot.settings.table

    for module in (entrepot.settings.loading, entrepot.settings.readings, entrepot.settings.table):
        source = inspect.getsource(module)
        assert "import os" not in source
        assert "import sys" not in source
        assert "cwd" not in source


def test_the_settings_are_shown_without_passwords() -> None:
    shown = repr(Settings(data=DATA, database="postgresql://hub:s3cret@db/hub"))
    assert "database='postgresql://hub:***@db/hub'" in shown
    assert shown.startswith(f"Settings(data={DATA!r}, ")
    assert "s3cret" not in shown


def test_only_clients_in_the_named_networks_reach_the_bucket() -> None:
    settings = Settings(data=DATA, direct_networks=("10.0.0.0/8", "2001:db8::/32"))
    assert settings.reaches_bucket("10.1.2.3")
    assert settings.reaches_bucket("::ffff:10.1.2.3")
    assert settings.reaches_bucket("2001:db8::1")
    assert not settings.reaches_bucket("192.0.2.1")
    assert not settings.reaches_bucket("")
    assert not Settings(data=DATA).reaches_bucket("10.1.2.3")
