"""The context of one invocation: environment, settings and hub."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs
import click
import msgspec

from entrepot.errors import DataFolderError
from entrepot.settings import Loaded, load_settings

if TYPE_CHECKING:
    from entrepot.hub.context import HubContext

Function = TypeVar("Function", bound=Callable[..., object])


@attrs.define
class Session:
    """One invocation: the process environment and the settings given as options so far."""

    environ: Mapping[str, str]
    flags: dict[str, object] = attrs.field(factory=dict)
    config: Path | None = None
    debug: bool = False

    def load(self) -> Loaded:
        """Return the effective settings, with the data folder as an absolute path.

        Raises:
            ConfigError: a setting is unknown or its value is invalid.
        """
        found = load_settings(
            flags=self.flags, environ=self.environ, toml_path=self.config, default_data=default_data()
        )
        scratch = found.settings.scratch and str(Path(found.settings.scratch).absolute())
        settings = msgspec.structs.replace(found.settings, data=found.settings.data.absolute(), scratch=scratch)
        return Loaded(settings, found.sources)

    @contextlib.contextmanager
    def opened_hub(self) -> Iterator[HubContext]:
        """Open the hub in the data folder, which must exist, and close it on exit.

        Raises:
            ConfigError: the settings are invalid.
            DataFolderError: the folder has no hub, or none that this version can open.
        """
        from entrepot.hub.blob_stores import holds_hub
        from entrepot.hub.data_folders import is_new

        settings = self.load().settings
        folder = settings.data
        try:
            absent = is_new(folder) and not holds_hub(settings)
        except OSError as error:
            raise DataFolderError(str(folder), error.strerror or str(error)) from error
        if absent:
            raise DataFolderError(
                str(folder), ("there is no hub in it; name another with --data, or create one with 'entrepot serve'")
            )
        with self.opened_or_new_hub() as hub:
            yield hub

    @contextlib.contextmanager
    def opened_or_new_hub(self) -> Iterator[HubContext]:
        """As :meth:`opened_hub`, but create a new hub in a missing or empty folder."""
        from entrepot.hub.context import open_hub
        from entrepot.hub.file_modes import PRIVATE_UMASK

        os.umask(PRIVATE_UMASK)
        hub = open_hub(self.load().settings)
        try:
            yield hub
        finally:
            hub.close()


pass_session = click.make_pass_decorator(Session)
"""Decorator that passes a command its :class:`Session` as the first argument."""


def default_data() -> Path:
    """Return the operating system's folder for user data."""
    import platformdirs

    return platformdirs.user_data_path("entrepot", appauthor=False)


def folder_options(command: Function) -> Function:
    """Add ``--data`` and ``--config`` to a command or group; the last occurrence on the command line wins."""

    def remember_data(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.ensure_object(Session).flags["data"] = value

    def remember_config(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
        if value is not None:
            ctx.ensure_object(Session).config = value

    data = click.option(
        "--data",
        metavar="FOLDER",
        expose_value=False,
        callback=remember_data,
        help="Data folder of the hub; default: ENTREPOT_DATA, the TOML file, or the system's folder for user data.",
    )
    config = click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=remember_config,
        help="TOML file with settings; default: ENTREPOT_CONFIG, or entrepot.toml in the data folder.",
    )
    return data(config(command))
