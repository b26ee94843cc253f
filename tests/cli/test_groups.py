from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.main import cli


def lazy_groups(group: click.Group) -> Iterator[LazyGroup]:
    if isinstance(group, LazyGroup):
        yield group
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            if isinstance(command, click.Group):
                yield from lazy_groups(command)


def test_the_table_says_what_the_commands_say() -> None:
    entries = [(group, entry) for group in lazy_groups(cli) for entry in group.entries.values()]
    assert len(entries) > 200
    for group, entry in entries:
        with click.Context(group) as ctx:
            command = group.get_command(ctx, entry.name)
        assert command is not None, entry.name
        assert (command.name, command.hidden) == (entry.name, entry.hidden)
        assert entry.hidden or command.short_help == entry.summary, entry.name


def test_listing_imports_no_command() -> None:
    group = LazyGroup("made-up", entries=[CommandEntry("absent", "no.such.module:command", "Is listed all the same.")])
    outcome = CliRunner().invoke(group, ["--help"])
    assert outcome.exit_code == 0
    assert "Is listed all the same." in outcome.output


@pytest.mark.parametrize(
    ("word", "answer"),
    [("gcc", "unknown command 'gcc'; did you mean 'gc'?"), ("xyzzy", "unknown command 'xyzzy'\n")],
)
def test_a_command_that_does_not_exist_is_reported_with_a_near_one(word: str, answer: str) -> None:
    outcome = CliRunner().invoke(cli, [word])
    assert outcome.exit_code == 2
    assert answer in outcome.output


def test_the_help_of_every_command_has_an_example() -> None:
    assert [name for name, command in leaves(cli, "entrepot") if "Example" not in (command.help or "")] == []


def test_every_command_that_reports_something_prints_json_on_request() -> None:
    silent = [name for name, command in leaves(cli, "entrepot") if not any(is_json(it) for it in command.params)]
    # They print a script, run until they are stopped, or speak a protocol of git-lfs.
    assert sorted(silent) == [
        "entrepot completion",
        "entrepot lfs-multipart-upload",
        "entrepot quickstart",
        "entrepot serve",
        "entrepot worker",
        "entrepot ws completion",
    ]


def is_json(parameter: click.Parameter) -> bool:
    """Return whether a parameter is the option for JSON."""
    return "--json" in parameter.opts


def leaves(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield all commands below a group, hidden ones too, with their names."""
    with click.Context(command) as ctx:
        if not isinstance(command, click.Group):
            yield name, command
            return
        for part in command.list_commands(ctx):
            below = command.get_command(ctx, part)
            assert below is not None
            yield from leaves(below, f"{name} {part}")
