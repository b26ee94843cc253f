"""Command groups that import a command only when it is called."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Sequence

import attrs
import click

_SHORT = {"ls": ("list",), "rm": ("delete", "remove", "revoke")}
"""Common abbreviations and the commands that they stand for; the first one that the group has is used."""


@attrs.frozen
class CommandEntry:
    """One command of a group: its name, import target and summary line.

    ``target`` is ``module:attribute`` of a :class:`click.Command`. A hidden
    entry is an older spelling: it works, but is not listed or completed.
    """

    name: str
    target: str
    summary: str = ""
    hidden: bool = False


class LazyGroup(click.Group):
    """A group whose commands are in a table of :class:`CommandEntry`; ``ls`` and ``rm`` work where they make sense."""

    def __init__(self, *args: object, entries: Sequence[CommandEntry] = (), **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.entries = {entry.name: entry for entry in entries}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table, without hidden ones."""
        shown = [entry.name for entry in self.entries.values() if not entry.hidden]
        return [*shown, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if the group has no command of this name."""
        names = set(self.list_commands(ctx)) | set(self.entries)
        if cmd_name not in names:
            cmd_name = next((name for name in _SHORT.get(cmd_name, ()) if name in names), cmd_name)
        entry = self.entries.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        if command.name != entry.name or entry.hidden:
            command = copy.copy(command)
            command.name, command.hidden = entry.name, entry.hidden
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the called command; the error for an unknown one proposes a similar name.

        Raises:
            click.UsageError: the group has no such command.
        """
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            # Imported here because only errors need it.
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            cure = f"; did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"unknown command '{args[0]}'{cure}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        rows = [(entry.name, entry.summary) for entry in self.entries.values() if not entry.hidden]
        own = ((name, super(LazyGroup, self).get_command(ctx, name)) for name in super().list_commands(ctx))
        rows += [(name, command.get_short_help_str(100)) for name, command in own if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
