"""The command ``entrepot``: the edge between the process and everything else.

Only this module reads the environment and the arguments of the process; here
every failure becomes one line on standard error and an exit code.
"""

from __future__ import annotations

import os
import platform
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from typing import TextIO

import click

import entrepot
from entrepot.cli.groups import Entry, LazyGroup
from entrepot.cli.reports import remark, show, show_json
from entrepot.cli.sessions import Session
from entrepot.errors import EntrepotError

FAILED = 1
UNFORESEEN = 70
INTERRUPTED = 130

_SERVER_LIBRARIES = frozenset(
    (
        "alembic",
        "argon2",
        "blake3",
        "granian",
        "lz4",
        "numpy",
        "prometheus_client",
        "sqlalchemy",
        "starlette",
        "uvloop",
    )
)

_FIRST_WORDS = frozenset(
    (
        *("A", "Access", "An", "Could", "Got", "Invalid", "It", "Missing", "No", "On", "Option", "Pass", "Please"),
        *("Reset", "Sorry", "The", "There", "This", "Too", "Visit", "You", "Your"),
    )
)
"""Words that begin sentences of click and of hubs, and are no names."""

_ENTRIES = (
    Entry("login", "entrepot.cli.client.logins:login", "Keep a token for a hub, after checking it."),
    Entry("logout", "entrepot.cli.client.logins:logout", "Forget the token of a hub."),
    Entry("whoami", "entrepot.cli.client.logins:whoami", "Say who is logged in."),
    Entry("upload", "entrepot.cli.client.uploads:upload", "Upload a file or a folder."),
    Entry("upload-large-folder", "entrepot.cli.client.uploads:upload_large_folder", "Upload a folder of any size."),
    Entry("download", "entrepot.cli.client.downloads:download", "Download files, or everything."),
    Entry("repo", "entrepot.cli.client.repositories:repo", "Make, find, move and delete repositories."),
    Entry("repos", "entrepot.cli.client.repositories:repo", hidden=True),
    Entry("cache", "entrepot.cli.client.caches:cache", "See, check and clear what was downloaded."),
    Entry("env", "entrepot.cli.doctor:env", "Print what this computer is set up for."),
    Entry("doctor", "entrepot.cli.doctor:doctor", "Check the way to the hub, and say what is wrong."),
    Entry("quickstart", "entrepot.cli.quickstart:quickstart", "Start a hub with a first account, to try it out."),
    Entry("serve", "entrepot.cli.serving:serve", "Run the hub."),
    Entry("worker", "entrepot.cli.serving:worker", "Run background jobs without a server."),
    Entry("admin", "entrepot.cli.admin.commands:admin", "Manage a hub: users, organisations, repositories, storage."),
    Entry("config", "entrepot.cli.configuration:config", "Show the settings that hold, and where each came from."),
    Entry("fsck", "entrepot.cli.admin.maintenance:fsck", "Check everything that a hub keeps."),
    Entry("gc", "entrepot.cli.admin.maintenance:gc", "Delete what is no longer referenced."),
    Entry("du", "entrepot.cli.admin.maintenance:du", "Show what repositories cost, and what deleting them frees."),
    Entry("backup", "entrepot.cli.admin.backups:backup", "Back a hub up, list and verify backups."),
    Entry("restore", "entrepot.cli.admin.backups:restore", "Restore a backup into a new data folder."),
    Entry("import", "entrepot.cli.admin.imports:import_", "Bring in a git repository from elsewhere."),
    Entry(
        "lfs-enable-largefiles",
        "entrepot.cli.client.lfs_agents:lfs_enable_largefiles",
        "Set a git clone up for files of many gigabytes.",
    ),
    Entry(
        "lfs-multipart-upload",
        "entrepot.cli.client.lfs_agents:lfs_multipart_upload",
        "Send large files for git-lfs, which starts this itself.",
    ),
    Entry("completion", "entrepot.cli.completion:completion", "Print the completion script for a shell."),
    Entry("version", "entrepot.cli.main:version", "Print the version."),
)


@click.group(
    cls=LazyGroup,
    entries=_ENTRIES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 failed, or fsck found damage; 2 wrong usage; 70 a mistake in entrepot; "
    "130 interrupted.",
)
@click.option("--debug", is_flag=True, help="Show where a failure came from.")
@click.version_option(entrepot.__version__, "--version", message="entrepot %(version)s")
@click.pass_obj
def cli(session: Session, debug: bool) -> None:
    """The self-hosted hub for machine-learning artifacts.

    \b
    Start a hub and make its first account:
      entrepot serve
      entrepot admin users create alice --admin
      entrepot admin tokens create alice --role write
    \b
    Use it:
      entrepot login
      entrepot upload alice/my-model ./model
      entrepot download alice/my-model
    """
    session.debug = debug


@click.command(short_help="Print the version.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def version(as_json: bool) -> None:
    """Print the version of entrepot; with --json also that of Python."""
    if as_json:
        show_json({"entrepot": entrepot.__version__, "python": platform.python_version()})
    else:
        show(f"entrepot {entrepot.__version__}")


def main(args: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command and return its exit code; every failure has been told on standard error."""
    session = Session(environ)
    try:
        result = cli.main(list(args), prog_name="entrepot", standalone_mode=False, obj=session)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - the edge: any failure becomes a sentence and an exit code
        return _report(error, session)
    return result if isinstance(result, int) else 0


def run() -> None:
    """The console script: run the command of this process and exit."""
    warnings.showwarning = _say_warning
    sys.exit(main(sys.argv[1:], os.environ))


def _say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Tell a warning as a sentence: where in the source it came from helps nobody at a terminal."""
    remark(f"warning: {message}")


def _show_usage_error(error: click.ClickException) -> None:
    """Print click's errors in the style of all others: the usage, ``error:`` in lower case, and where help is."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        remark(context.get_usage())
    remark(f"error: {_lowered(error.format_message().rstrip('.'))}")
    if context is not None:
        remark(f"hint: see '{context.command_path} --help'")


def _lowered(sentence: str) -> str:
    """Return a sentence as it follows ``error:``; names of people and things keep their capitals."""
    first, _, rest = sentence.partition(" ")
    return f"{first.lower()} {rest}" if first in _FIRST_WORDS else sentence


def _report(error: Exception, session: Session) -> int:
    """Say what went wrong, in one line where that is possible; returns the exit code."""
    if isinstance(error, click.ClickException):
        _show_usage_error(error)
        return error.exit_code
    if isinstance(error, click.Abort):
        remark("interrupted")
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # The reader of the output has what it wanted; the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if session.debug:
        traceback.print_exception(error)
    if isinstance(error, EntrepotError):
        remark(f"error: {_lowered(str(error))}")
        return FAILED
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if missing in _SERVER_LIBRARIES:
        remark(f'error: this command needs the server ({missing} is missing): pip install "entrepot[server]"')
        return FAILED
    remark(f"error: unforeseen {type(error).__name__}: {error}")
    remark("This is a mistake in entrepot: please report it, with the output of 'entrepot --debug ...' and of")
    remark("'entrepot version --json'.")
    return UNFORESEEN
