from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from entrepot.cli.groups import Entry, LazyGroup
from entrepot.cli.main import cli


def lazy_groups(group: click.Group) -> Iterator[LazyGroup]:
    if isinstance(group, LazyGroup):
        yield group
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            if isinstance(command, click.Group):
                yield from lazy_groups(command)


@pytest.mark.parametrize(
    ("group", "entry"),
    [(group, entry) for group in lazy_groups(cli) for entry in group.entries.values()],
    ids=lambda value: value.name,
)
def test_the_table_says_what_the_command_says(group: LazyGroup, entry: Entry) -> None:
    with click.Context(group) as ctx:
        command = group.get_command(ctx, entry.name)
    assert command is not None
    assert command.name == entry.name
    assert command.hidden == entry.hidden
    assert entry.hidden or command.short_help == entry.summary


def test_listing_imports_no_command() -> None:
    group = LazyGroup("made-up", entries=[Entry("absent", "no.such.module:command", "Is listed all the same.")])
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


@pytest.mark.parametrize("path", [("ws",), ("ah",), ("notifications",), ("admin", "audit"), ("repo", "publisher")])
def test_the_help_of_every_command_has_an_example(path: tuple[str, ...]) -> None:
    group: click.Command = cli
    for name in path:
        assert isinstance(group, click.Group)
        found = group.get_command(click.Context(group), name)
        assert found is not None
        group = found
    assert [name for name, text in helps(group, " ".join(path)) if "Example" not in text] == []


def helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """Yield the names and help texts of all commands below a group."""
    with click.Context(command) as ctx:
        if not isinstance(command, click.Group):
            yield name, command.help or ""
            return
        for part in command.list_commands(ctx):
            below = command.get_command(ctx, part)
            assert below is not None
            yield from helps(below, f"{name} {part}")
