"""The output of commands of a workspace: results on standard output, sentences with a level on standard error.

Errors of entrepot become one sentence and an exit code here: 1 failed, 2 wrong
names or values, 3 a conflict with the current state, 4 damage.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs
import click

from entrepot.cli.reports import show, show_json, show_message
from entrepot.cli.sessions import Session
from entrepot.cli.workspace.wizards import wizard_option
from entrepot.errors import CannotWrite, ConfigError, Conflict, Damaged, EntrepotError, InvalidArgument, InvalidName

if TYPE_CHECKING:
    from entrepot.workspace.configuration.settings_edits import ConfigFile
    from entrepot.workspace.entities.kinds import EntityKind
    from entrepot.workspace.projects.entities import Entity
    from entrepot.workspace.projects.projects import KindState, Project, Surroundings

Function = TypeVar("Function", bound=Callable[..., object])

_OPTIONS = (
    click.option("--debug", is_flag=True, help="Print tracebacks of errors."),
    click.option("--quiet", is_flag=True, help="Print results and errors only."),
    click.option("--verbose", is_flag=True, help="Print more messages."),
    wizard_option,
    click.option("--json", "as_json", is_flag=True, help="Print JSON; docs/ml-git.md lists the keys."),
)

global_option = click.option("-g", "--global", "is_global", is_flag=True, help="Use the user's file, ~/.mlgitconfig.")
"""The option ``--global``, passed to a command as ``is_global``."""

retry_option = click.option(
    "--retry", type=click.IntRange(0, 100), default=5, show_default=True, help="How often a failed call is repeated."
)
"""The option ``--retry``; :func:`console_options` passes its value to the storage."""

FAILED, MISUSED, IN_CONFLICT, DAMAGED = 1, 2, 3, 4
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LEVELS = ("debug", "info", "warning", "error")


@attrs.define
class Console:
    """The output of one command, and what the command works on.

    Attributes:
        word: the word for the kind of entities that the command was called with; empty for commands of projects.
    """

    session: Session
    word: str = ""
    as_json: bool = False
    is_verbose: bool = False
    is_quiet: bool = False
    retries: int = 5
    code: int = 0
    level: str = "info"
    log_folder: Path | None = None
    logged: list[str] = attrs.field(factory=list)

    def result(self, value: object, lines: Iterable[str]) -> None:
        """Print the result: with ``--json`` one object, else lines."""
        if self.as_json:
            show_json(value)
        else:
            for line in lines:
                show(printable(line))

    def step(self, line: str) -> None:
        """Print a line about a finished part, even if later parts fail; nothing with ``--json``."""
        if not self.as_json:
            show(printable(line))

    def say(self, level: str, text: str) -> None:
        """Print a sentence with its level, unless the user does not want to see this level."""
        from entrepot.errors.redactions import redact

        self.logged.append(f"{level.upper()} {redact(text)}")
        lowest = "debug" if self.is_verbose else "warning" if self.is_quiet else self.level
        if _LEVELS.index(level) >= _LEVELS.index(lowest if lowest in _LEVELS else "error"):
            show_message(f"{level.upper()} - {printable(redact(text))}")

    def info(self, text: str) -> None:
        """Print a sentence about what was done."""
        self.say("info", text)

    def fail(self, error: EntrepotError) -> None:
        """Report an error and set the exit code."""
        self.code = exit_code(error)
        if self.as_json:
            message, _, cure = str(error).partition("; ")
            show_json({"error": type(error).__name__, "message": message, "cure": cure, "code": self.code})
        self.logged.append(f"ERROR {subject_of(error)}: {error}")
        show_message(f"ERROR - {subject_of(error)}: {printable(str(error))}")

    def write_log(self, command: str) -> None:
        """Append what was said to the log of the project, if the command was about one."""
        if self.log_folder is not None and self.log_folder.is_dir():
            from entrepot.cli.workspace.log_files import write_log

            write_log(self.log_folder, [f"{command}: exit code {self.code}", *self.logged])

    @property
    def kind(self) -> EntityKind:
        """The kind of entities that the command is about."""
        from entrepot.workspace.entities.kinds import parse_kind

        return parse_kind(self.word)

    @property
    def around(self) -> Surroundings:
        """The context of use cases in this process."""
        from entrepot.client.progress import Bars, Silent
        from entrepot.workspace.projects.projects import Surroundings

        environ = self.session.environ
        home = environ.get("HOME") or environ.get("USERPROFILE")
        progress = Silent() if self.is_quiet or self.as_json else Bars()
        return Surroundings(environ, Path(home) if home else Path.home(), progress, self.say, self.retries)

    @property
    def project(self) -> Project:
        """The project of the current folder.

        Raises:
            ProjectMissing, Malformed, ConfigError: there is none, or its configuration cannot be used.
        """
        from entrepot.workspace.projects.projects import open_project

        project = open_project(Path.cwd(), self.around)
        self.level = str(project.configuration.values.get("verbose", "info"))
        self.log_folder = project.root / ".ml-git" if project.configuration.keeps_log else None
        return project

    @property
    def state(self) -> KindState:
        """The state of this kind of entities; raises as :attr:`project`."""
        return self.project.of_kind(self.kind)

    def entity(self, name: str) -> Entity:
        """Return an entity of the workspace.

        Raises:
            EntityMissing, EntityAmbiguous: the name stands for none, or for several.
        """
        from entrepot.workspace.projects.entities import find_entity

        return find_entity(self.state, name)


def console_options(function: Function) -> Function:
    """Add the options that every command has, and pass it a :class:`Console`; errors become its exit code."""

    def run(as_json: bool, verbose: bool, quiet: bool, debug: bool, wizard: bool, **values: object) -> None:
        ctx = click.get_current_context()
        session = ctx.ensure_object(Session)
        retries = values.get("retry")
        console = Console(
            session,
            word=_word_of(ctx),
            as_json=as_json,
            is_verbose=verbose,
            is_quiet=quiet,
            retries=retries if isinstance(retries, int) else 5,
        )
        try:
            function(console, **values)
        except EntrepotError as error:
            if debug or session.debug:
                traceback.print_exception(error)
            console.fail(error)
        except OSError as error:
            if debug or session.debug or isinstance(error, BrokenPipeError):
                raise
            console.fail(CannotWrite(str(error.filename or Path.cwd()), error.strerror or str(error)))
        console.write_log(f"{ctx.command_path} {values.get('name') or ''}".rstrip())
        if console.code:
            ctx.exit(console.code)

    wrapped: Callable[..., object] = functools.update_wrapper(run, function)
    for option in _OPTIONS:
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value] # click passes what the function needs


def config_file(console: Console, *, is_global: bool) -> ConfigFile:
    """Return the file that a command edits; its values may be ones that no other command accepts.

    Raises:
        ProjectMissing: it is that of a project, and there is none.
    """
    from entrepot.errors import ProjectMissing
    from entrepot.workspace.configuration.settings_edits import ConfigFile
    from entrepot.workspace.projects.projects import find_root

    around, root = console.around, None if is_global else find_root(Path.cwd())
    if root is None and not is_global:
        raise ProjectMissing(str(Path.cwd()))
    if root is not None:
        with contextlib.suppress(ConfigError):
            _ = console.project  # finds the log and the level of messages
    return ConfigFile.of(root, around.home, around.environ)


def exit_code(error: EntrepotError) -> int:
    """Return the exit code that stands for an error."""
    if isinstance(error, Damaged):
        return DAMAGED
    # Conflicts with the machine (git failed, disk full) are failures; those with the state of a project are not.
    if isinstance(error, Conflict) and not isinstance(error, OSError | ImportError):
        return IN_CONFLICT
    return MISUSED if isinstance(error, InvalidName | InvalidArgument) else FAILED


def subject_of(error: EntrepotError) -> str:
    """Return the word before the message of an error: what the error is about."""
    name = type(error).__name__
    if name.startswith("Git") or name in ("UrlRefused", "MetadataMissing", "BranchMoved"):
        return "Metadata"
    if name.startswith(("Storage", "Bucket", "Chunk", "Store", "Record", "Content")):
        return "Storage"
    return "Settings" if name.startswith("Config") else "Repository"


def printable(text: str) -> str:
    """Return text without characters that would steer a terminal: names and messages may come from anyone."""
    return text if text.isascii() and text.isprintable() else _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def native(path: str) -> str:
    """Return a path with the separators of this system."""
    return path.replace("/", os.sep)


def _word_of(ctx: click.Context) -> str:
    words = ("datasets", "dataset", "labels", "label", "models", "model")
    context: click.Context | None = ctx
    while context is not None:
        if context.info_name in words and context is not ctx:
            return str(context.info_name)
        context = context.parent
    return ""
