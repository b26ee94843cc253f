import pathlib
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

import entrepot
from entrepot.errors import ConfigError
from entrepot.settings.loading import NOT_SETTINGS, Loaded, load_settings
from entrepot.settings.table import SETTINGS, Setting, Settings


def load(
    data: pathlib.Path,
    *,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    file: pathlib.Path | None = None,
) -> Loaded:
    return load_settings(flags=flags or {}, environ=environ or {}, toml_path=file, default_data=data)


def write(path: pathlib.Path, text: str) -> pathlib.Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_without_anything_the_defaults_hold(tmp_path: pathlib.Path) -> None:
    loaded = load(tmp_path)
    assert loaded.settings == Settings(data=tmp_path)
    assert loaded.sources == {row.name: "default" for row in SETTINGS}


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path / "hub.toml", 'host = "10.0.0.1"\nport = 1001\nworkers = 2\n')
    environ = {"ENTREPOT_PORT": "1002", "ENTREPOT_WORKERS": "3"}
    loaded = load(tmp_path, flags={"workers": 4}, environ=environ, file=file)
    settings, sources = loaded.settings, loaded.sources
    assert (settings.host, sources["host"]) == ("10.0.0.1", f"file {file}")
    assert (settings.port, sources["port"]) == (1002, "ENTREPOT_PORT")
    assert (settings.workers, sources["workers"]) == (4, "--workers")
    assert (settings.log_level, sources["log_level"]) == ("info", "default")


def test_a_flag_that_was_not_given_changes_nothing(tmp_path: pathlib.Path) -> None:
    loaded = load(tmp_path, flags={"port": None, "trusted_proxies": (), "run_jobs": None})
    assert loaded.settings == Settings(data=tmp_path)


def test_a_flag_may_say_false_or_zero(tmp_path: pathlib.Path) -> None:
    loaded = load(tmp_path, flags={"run_jobs": False, "port": 0}, environ={"ENTREPOT_RUN_JOBS": "true"})
    assert (loaded.settings.run_jobs, loaded.settings.port) == (False, 0)


def test_the_file_in_the_data_folder_is_read_without_being_named(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path / "entrepot.toml", 'max_file = "1GiB"\ntrusted_proxies = ["10.0.0.0/8"]\n')
    for loaded in (
        load(tmp_path),
        load(pathlib.Path("elsewhere"), environ={"ENTREPOT_DATA": str(tmp_path)}),
        load(pathlib.Path("elsewhere"), flags={"data": tmp_path}, environ={"ENTREPOT_DATA": "nowhere"}),
    ):
        assert loaded.settings.max_file == 2**30
        assert loaded.settings.trusted_proxies == ("10.0.0.0/8",)
        assert loaded.sources["max_file"] == f"file {file}"


def test_a_named_file_is_read_instead_of_the_one_in_the_data_folder(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "entrepot.toml", "port = 1001")
    by_variable = write(tmp_path / "variable.toml", "port = 1002")
    by_flag = write(tmp_path / "flag.toml", "port = 1003")
    environ = {"ENTREPOT_CONFIG": str(by_variable)}
    assert load(tmp_path).settings.port == 1001
    assert load(tmp_path, environ=environ).settings.port == 1002
    assert load(tmp_path, environ=environ, file=by_flag).settings.port == 1003


def test_a_named_file_may_say_where_the_data_are_relative_to_itself(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path / "hub.toml", 'data = "store"')
    assert load(pathlib.Path("elsewhere"), file=file).settings.data == tmp_path / "store"


def test_the_file_in_the_data_folder_cannot_move_it(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "entrepot.toml", 'data = "store"')
    with pytest.raises(ConfigError, match="cannot move it"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("flags", "environ", "setting", "source", "cure"),
    [
        ({}, {"ENTREPOT_PRT": "1"}, "prt", "ENTREPOT_PRT", "did you mean ENTREPOT_PORT?"),
        ({}, {"ENTREPOT_port": "1"}, "port", "ENTREPOT_port", "did you mean ENTREPOT_PORT?"),
        ({}, {"ENTREPOT_XYZZY": "1"}, "xyzzy", "ENTREPOT_XYZZY", "see 'entrepot config'"),
        ({"log_levle": "info"}, {}, "log_levle", "--log-levle", "did you mean --log-level?"),
        ({}, {"ENTREPOT_PORT": "70000"}, "port", "ENTREPOT_PORT", "write 0 to 65535"),
        ({}, {"ENTREPOT_PORT": ""}, "port", "ENTREPOT_PORT", "write a whole number"),
        ({"part_size": "1MiB"}, {}, "part_size", "--part-size", "write 5MiB to 5GiB"),
        ({"max_inline_file": "8MiB", "max_commit_body": "4MiB"}, {}, "max_inline_file", "--max-inline-file", "4MiB"),
        ({"max_file": "1MiB"}, {}, "max_inline_file", "default", "write at most 1MiB"),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_its_cure(
    tmp_path: pathlib.Path,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    setting: str,
    source: str,
    cure: str,
) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, flags=flags, environ=environ)
    assert (refusal.value.setting, refusal.value.source) == (setting, source)
    assert cure in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "setting", "cure"),
    [
        ("prot = 1", "prot", "did you mean port?"),
        ("[server]\nport = 1", "server", "no setting has this name"),
        ("port = true", "port", "not true or false"),
        ("port = [1]", "port", "not a list"),
        ("port = 1.5", "port", "not a fraction"),
        ("host = 1", "host", "not a number"),
        ("port = ", "config", "not a TOML file"),
        ("port = 1\nport = 2", "config", "not a TOML file"),
    ],
)
def test_a_mistake_in_the_file_is_refused(tmp_path: pathlib.Path, text: str, setting: str, cure: str) -> None:
    file = write(tmp_path / "hub.toml", text)
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, file=file)
    assert (refusal.value.setting, refusal.value.source) == (setting, f"file {file}")
    assert cure in str(refusal.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a TOML file"):
        load(tmp_path, file=file)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_named_file_that_cannot_be_read_is_refused(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path, file=tmp_path / name)
    with pytest.raises(ConfigError, match=r"'config' \(ENTREPOT_CONFIG\)"):
        load(tmp_path, environ={"ENTREPOT_CONFIG": str(tmp_path / name)})


def test_variables_of_the_client_and_of_others_are_not_settings(tmp_path: pathlib.Path) -> None:
    environ = {"ENTREPOT_TOKEN": "hf_x", "ENTREPOT_ENDPOINT": "http://x", "PORT": "1", "ENTREPOTX": "1"}
    assert load(tmp_path, environ=environ).settings == Settings(data=tmp_path)


def test_variables_that_kubernetes_makes_for_a_service_of_our_name_are_not_settings(tmp_path: pathlib.Path) -> None:
    environ = {
        "ENTREPOT_SERVICE_HOST": "10.0.0.11",
        "ENTREPOT_SERVICE_PORT": "8080",
        "ENTREPOT_SERVICE_PORT_HTTP": "8080",
        "ENTREPOT_PORT": "tcp://10.0.0.11:8080",
        "ENTREPOT_PORT_8080_TCP": "tcp://10.0.0.11:8080",
        "ENTREPOT_PORT_8080_TCP_ADDR": "10.0.0.11",
    }
    assert load(tmp_path, environ=environ).sources["port"] == "default"


@pytest.mark.parametrize(("given", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_a_certificate_needs_its_key_and_the_other_way_round(tmp_path: pathlib.Path, given: str, missing: str) -> None:
    variable = f"ENTREPOT_{given.upper()}"
    with pytest.raises(ConfigError, match=f"set '{missing}' as well") as refusal:
        load(tmp_path, environ={variable: "some.pem"})
    assert refusal.value.source == variable
    both = {"ENTREPOT_TLS_CERT": "cert.pem", "ENTREPOT_TLS_KEY": "key.pem"}
    assert load(tmp_path, environ=both).settings.tls_cert == "cert.pem"


# Settings that no other one limits.
BOUND = {"data", "max_file", "max_inline_file", "max_commit_body", "tls_cert", "tls_key"}
FREE = [row for row in SETTINGS if row.name not in BOUND]


@given(st.sampled_from(FREE), st.text(st.characters(exclude_characters="\0"), max_size=30))
def test_a_variable_gives_what_its_reading_gives_or_a_config_error(row: Setting, text: str) -> None:
    nowhere, environ = pathlib.Path("no-such-folder"), {row.variable: text}
    try:
        expected = row.reading.read(text)
    except ValueError:
        with pytest.raises(ConfigError, match=row.variable):
            load(nowhere, environ=environ)
    else:
        assert getattr(load(nowhere, environ=environ).settings, row.name) == expected


def test_variables_that_the_client_reads_are_no_settings_of_the_hub() -> None:
    package = pathlib.Path(entrepot.__file__).parent
    sources = [path for room in ("client", "hf", "fs") for path in (package / room).rglob("*.py")]
    read = {name for path in sources for name in re.findall(r'"(ENTREPOT_[A-Z_]+)"', path.read_text("utf-8"))}
    assert len(read) > 8
    assert read - NOT_SETTINGS == set()
