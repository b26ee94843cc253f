"""What one call of the command line works with: its environment, its settings, its hub."""

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
    """One call: the process environment, and the settings that flags have named so far."""

    environ: Mapping[str, str]
    flags: dict[str, object] = attrs.field(factory=dict)
    config: Path | None = None
    debug: bool = False

    def load(self) -> Loaded:
        """The settings that hold, with the data folder as an absolute path.

        Raises:
            ConfigError: a setting is unknown or its value cannot be used.
        """
        found = load_settings(
            flags=self.flags, environ=self.environ, toml_path=self.config, default_data=default_data()
        )
        settings = msgspec.structs.replace(found.settings, data=found.settings.data.absolute())
        return Loaded(settings, found.sources)

    @contextlib.contextmanager
    def opened_hub(self) -> Iterator[HubContext]:
        """The hub in the data folder, which must have one; closed in the end.

        Raises:
            ConfigError: the settings cannot be used.
            DataFolderError: there is no hub, or none that this version can open.
        """
        from entrepot.hub.context import is_new

        folder = self.load().settings.data
        try:
            absent = is_new(folder)
        except OSError as error:
            raise DataFolderError(str(folder), error.strerror or str(error)) from error
        if absent:
            raise DataFolderError(str(folder), "there is no hub in it; name another with --data")
        with self.opened_or_new_hub() as hub:
            yield hub

    @contextlib.contextmanager
    def opened_or_new_hub(self) -> Iterator[HubContext]:
        """As :meth:`opened_hub`, but a folder that is missing or empty becomes a new hub."""
        from entrepot.hub.context import open_hub
        from entrepot.hub.permissions import PRIVATE_UMASK

        os.umask(PRIVATE_UMASK)
        hub = open_hub(self.load().settings)
        try:
            yield hub
        finally:
            hub.close()


pass_session = click.make_pass_decorator(Session)
"""Gives a command its :class:`Session` as the first argument."""


def default_data() -> Path:
    """Where the operating system wants the data of users."""
    import platformdirs

    return platformdirs.user_data_path("entrepot", appauthor=False)


def folder_options(command: Function) -> Function:
    """Add ``--data`` and ``--config`` to a command or group; the last one on the line counts."""

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
        help="The folder that holds everything the hub keeps; else ENTREPOT_DATA, the TOML file, "
        "or the place for the data of users.",
    )
    config = click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=remember_config,
        help="The TOML file with settings; else ENTREPOT_CONFIG, or entrepot.toml in the data folder.",
    )
    return data(config(command))
