"""Loading of settings from mappings, with the source of every value."""

from __future__ import annotations

import pathlib
import re
import tomllib
from collections.abc import Iterator, Mapping

import msgspec

from entrepot.errors import ConfigError
from entrepot.settings.quantities import render_size
from entrepot.settings.table import SETTINGS, Setting, Settings

FILE_NAME = "entrepot.toml"
"""The name of the configuration file in the data folder, read if no other file is given."""

_PREFIX = "ENTREPOT_"
_BY_NAME = {setting.name: setting for setting in SETTINGS}

NOT_SETTINGS = frozenset(
    f"{_PREFIX}{word}"
    for word in (
        *("CONFIG", "TOKEN", "TOKEN_PATH", "ENDPOINT", "HOME", "CACHE", "OFFLINE", "USER", "PASSWORD"),
        *("DISABLE_PROGRESS", "DISABLE_XET", "DOWNLOAD_TIMEOUT", "ETAG_TIMEOUT", "GIT_TOKEN"),
    )
)
"""Variables with the prefix ``ENTREPOT_`` that the command line or the client reads, not the hub."""

# Kubernetes sets ENTREPOT_SERVICE_HOST, ENTREPOT_PORT=tcp://... and the like in
# every pod that runs beside a service called "entrepot".
_SERVICE_LINK = re.compile(r"ENTREPOT_(?:SERVICE_(?:HOST|PORT)(?:_[A-Z0-9_]+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_\w+)?)")
_LINKED_PORT = re.compile(r"(?:tcp|udp|sctp)://.*")

_Found = tuple[str, object, str]
"""The name of a setting, its raw value and the source of the value."""


class Loaded(msgspec.Struct, frozen=True):
    """The settings, and the source of each value by setting name.

    A source is ``default``, ``file <path>``, the name of a variable or a flag.
    """

    settings: Settings
    sources: Mapping[str, str]


def load_settings(
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    toml_path: pathlib.Path | None,
    default_data: pathlib.Path,
) -> Loaded:
    """Return the effective settings, merged from all sources.

    Args:
        flags: values by setting name; ``None`` and an empty tuple mean that the
            flag was not given.
        environ: the process environment; names without ``ENTREPOT_`` are ignored.
        toml_path: the file given by ``--config``. Without it, the file is
            ``ENTREPOT_CONFIG``, or ``entrepot.toml`` in the data folder if it
            exists.
        default_data: the data folder if no source sets one.

    Returns:
        Each setting from its source of highest precedence: flag, variable, file, default.

    Raises:
        ConfigError: a name is unknown, a value has the wrong type or is out of
            range, two settings contradict each other, or the given file
            cannot be read.
    """
    from_flags = list(_from_flags(flags))
    from_environ = list(_from_environ(environ))
    before_file = [("data", default_data, "default"), *from_environ, *from_flags]
    file, file_source = _find_file(toml_path, environ, _last_data(before_file))
    from_file = list(_from_file(file, file_source)) if file else []
    values: dict[str, object] = {"data": default_data}
    sources = {setting.name: "default" for setting in SETTINGS}
    for name, raw, source in [*from_file, *from_environ, *from_flags]:
        values[name] = _read(_BY_NAME[name], raw, source)
        sources[name] = source
    settings = msgspec.structs.replace(Settings(data=default_data), **values)
    _check_together(settings, sources)
    return Loaded(settings, sources)


def _from_flags(flags: Mapping[str, object]) -> Iterator[_Found]:
    for name, value in flags.items():
        if value is None or value == ():
            continue
        source = f"--{name.replace('_', '-')}"
        if name not in _BY_NAME:
            raise _unknown(name, source, {row.name: row.flag for row in SETTINGS})
        yield name, value, source


def _from_environ(environ: Mapping[str, str]) -> Iterator[_Found]:
    for variable, value in environ.items():
        if not variable.startswith(_PREFIX) or variable in NOT_SETTINGS or _SERVICE_LINK.fullmatch(variable):
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name == "port" and _LINKED_PORT.fullmatch(value):
            continue
        if name not in _BY_NAME or variable != variable.upper():
            raise _unknown(name, variable, {row.name: row.variable for row in SETTINGS})
        yield name, value, variable


def _from_file(file: pathlib.Path, named_by: str) -> Iterator[_Found]:
    source = f"file {file}"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("config", named_by, f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:  # not TOML, or not even UTF-8
        raise ConfigError("config", source, f"this is not a TOML file: {error}") from error
    for name, value in content.items():
        if name not in _BY_NAME:
            raise _unknown(name, source, {row.name: row.name for row in SETTINGS})
        yield name, _data_of_file(file, named_by, value) if name == "data" else value, source


def _data_of_file(file: pathlib.Path, named_by: str, value: object) -> pathlib.Path:
    """Return the data folder that a configuration file sets; relative paths start at the folder of the file."""
    source = f"file {file}"
    folder = file.parent / str(_read(_BY_NAME["data"], value, source))
    if named_by == "default" and folder != file.parent:
        reason = "the file was found in the data folder and cannot move it; name the file with --config instead"
        raise ConfigError("data", source, reason)
    return folder


def _find_file(
    flag: pathlib.Path | None, environ: Mapping[str, str], data: pathlib.Path
) -> tuple[pathlib.Path | None, str]:
    """Return the file to read, if any, and where its path comes from; an explicit path may be absent."""
    if flag is not None:
        return flag, "--config"
    variable = f"{_PREFIX}CONFIG"
    if environ.get(variable):
        return pathlib.Path(environ[variable]), variable
    file = data / FILE_NAME
    try:
        return (file if file.is_file() else None), "default"
    except OSError as error:
        raise ConfigError("data", f"file {file}", f"cannot read the data folder: {error.strerror}") from error


def _last_data(found: list[_Found]) -> pathlib.Path:
    _, raw, source = [entry for entry in found if entry[0] == "data"][-1]
    return pathlib.Path(str(_read(_BY_NAME["data"], raw, source)))


def _read(setting: Setting, raw: object, source: str) -> object:
    try:
        return setting.reading.read(raw)
    except ValueError as error:
        raise ConfigError(setting.name, source, str(error)) from None


def _check_together(settings: Settings, sources: Mapping[str, str]) -> None:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        given, missing = ("tls_cert", "tls_key") if settings.tls_cert else ("tls_key", "tls_cert")
        raise ConfigError(given, sources[given], f"HTTPS needs a certificate and its key; set '{missing}' as well")
    if settings.max_inline_file > settings.max_commit_body:
        limit = render_size(settings.max_commit_body)
        reason = f"a regular file travels in a commit; write at most max_commit_body, which is {limit}"
        raise ConfigError("max_inline_file", sources["max_inline_file"], reason)
    if settings.max_file and settings.max_inline_file > settings.max_file:
        limit = render_size(settings.max_file)
        reason = f"no file may be larger than max_file; write at most {limit}"
        raise ConfigError("max_inline_file", sources["max_inline_file"], reason)


def _unknown(name: str, source: str, written_as: Mapping[str, str]) -> ConfigError:
    # Imported here, because only the error message needs it.
    import difflib

    near = difflib.get_close_matches(name, written_as, n=1)
    cure = f"did you mean {written_as[near[0]]}?" if near else "see 'entrepot config' for every setting"
    return ConfigError(name, source, f"no setting has this name; {cure}")
