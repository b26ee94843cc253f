"""Command groups that import a command when it is called, not when it is listed."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import attrs
import click


@attrs.frozen
class Entry:
    """One command of a group: its name, where it is, and the line that lists it.

    ``target`` is ``module:attribute`` of a :class:`click.Command`.
    """

    name: str
    target: str
    summary: str


class LazyGroup(click.Group):
    """A group whose commands stand in a table of :class:`Entry`."""

    def __init__(self, *args: object, entries: Sequence[Entry] = (), **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.entries = {entry.name: entry for entry in entries}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return [*self.entries, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None when there is none of this name."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called, or say which name is near.

        Raises:
            click.UsageError: there is no such command.
        """
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            # Imported here, because only a mistake needs it.
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            cure = f"; did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"there is no command '{args[0]}'{cure}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        rows = [(entry.name, entry.summary) for entry in self.entries.values()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
