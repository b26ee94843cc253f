"""The command ``entrepot``: the boundary between the process and the rest of the package.

Only this module reads the environment and the arguments of the process, and
only it turns errors into one line on standard error and an exit code.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from typing import TextIO

import click

import entrepot
from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.reports import show, show_json, show_message
from entrepot.cli.sessions import Session
from entrepot.errors import EntrepotError, RepoNotFound

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

_CHOICES = re.compile(r"\. Choose from:\s*(.*)", re.DOTALL)
"""The list that click appends to the message about a missing choice, one value a line."""

_FIRST_WORDS = frozenset(
    (
        *("A", "Access", "An", "Could", "Got", "Invalid", "It", "Missing", "No", "On", "Option", "Pass", "Please"),
        *("Reset", "Sorry", "The", "There", "This", "Too", "Visit", "You", "Your"),
    )
)
"""First words of messages from click and from hubs that are written in lower case after ``error:``."""

_ENTRIES = (
    CommandEntry("login", "entrepot.cli.client.logins:login", "Check a token and store it for later commands."),
    CommandEntry("logout", "entrepot.cli.client.logins:logout", "Delete the stored token of a hub."),
    CommandEntry("whoami", "entrepot.cli.client.logins:whoami", "Show who is logged in."),
    CommandEntry("upload", "entrepot.cli.client.uploads:upload", "Upload a file or a folder."),
    CommandEntry(
        "upload-large-folder", "entrepot.cli.client.uploads:upload_large_folder", "Upload a folder of any size."
    ),
    CommandEntry("download", "entrepot.cli.client.downloads:download", "Download files or a whole repository."),
    CommandEntry("repo", "entrepot.cli.client.repositories:repo", "Create, find, move and delete repositories."),
    CommandEntry("repos", "entrepot.cli.client.repositories:repo", hidden=True),
    CommandEntry("diff", "entrepot.cli.client.comparisons:diff", "Show how two revisions differ, by content."),
    CommandEntry(
        "lineage", "entrepot.cli.client.lineage:lineage", "Show what a repository was made from, and its uses."
    ),
    CommandEntry("sql", "entrepot.cli.client.queries:sql", "Query the tables of a dataset at any revision."),
    CommandEntry(
        "notifications",
        "entrepot.cli.client.notifications:notifications",
        "List your notifications, and mark them as read.",
    ),
    CommandEntry("ah", "entrepot.cli.asset_hub:ah", "Folders, models, datasets and their branches, as in Asset Hub."),
    CommandEntry("cache", "entrepot.cli.client.caches:cache", "List, verify and delete downloaded files."),
    CommandEntry("env", "entrepot.cli.doctor:env", "Print versions, paths and settings."),
    CommandEntry(
        "ws", "entrepot.cli.workspace.commands:ws", "Version datasets, labels and models in buckets (ml-git)."
    ),
    CommandEntry("doctor", "entrepot.cli.doctor:doctor", "Check the connection to the hub."),
    CommandEntry(
        "quickstart", "entrepot.cli.quickstart:quickstart", "Start a hub with a first account, to try it out."
    ),
    CommandEntry("serve", "entrepot.cli.serving:serve", "Run the hub."),
    CommandEntry("worker", "entrepot.cli.serving:worker", "Run background jobs without a server."),
    CommandEntry(
        "admin", "entrepot.cli.admin.commands:admin", "Manage a hub: users, organisations, repositories, storage."
    ),
    CommandEntry("config", "entrepot.cli.configuration:config", "Show the effective settings and their sources."),
    CommandEntry("fsck", "entrepot.cli.admin.maintenance:fsck", "Check the integrity of all stored data."),
    CommandEntry("gc", "entrepot.cli.admin.maintenance:gc", "Delete unreferenced data."),
    CommandEntry("du", "entrepot.cli.admin.maintenance:du", "Show the storage used by repositories."),
    CommandEntry("backup", "entrepot.cli.admin.backups:backup", "Back up a hub, list and verify backups."),
    CommandEntry("restore", "entrepot.cli.admin.backups:restore", "Restore a backup into a new data folder."),
    CommandEntry("import", "entrepot.cli.admin.imports:import_", "Import a git repository."),
    CommandEntry(
        "lfs-enable-largefiles",
        "entrepot.cli.client.lfs_agents:lfs_enable_largefiles",
        "Set up a git clone for files of many gigabytes.",
    ),
    CommandEntry(
        "lfs-multipart-upload",
        "entrepot.cli.client.lfs_agents:lfs_multipart_upload",
        "Upload large files for git-lfs (started by git-lfs).",
    ),
    CommandEntry("completion", "entrepot.cli.completion:completion", "Print the completion script for a shell."),
    CommandEntry("version", "entrepot.cli.main:version", "Print the version."),
)


@click.group(
    cls=LazyGroup,
    entries=_ENTRIES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 failed, or fsck found damage; 2 wrong usage; 3 copied, without what was damaged; "
    "70 a bug in entrepot; 130 interrupted.",
)
@click.option("--debug", is_flag=True, help="Print tracebacks of errors.")
@click.version_option(entrepot.__version__, "--version", message="entrepot %(version)s")
@click.pass_obj
def cli(session: Session, debug: bool) -> None:
    """The self-hosted hub for machine-learning artifacts.

    \b
    Start a hub and create its first account:
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
    """Print the version of entrepot, and of Python with --json.

    \b
    Examples:
      entrepot version
      entrepot version --json
    """
    if as_json:
        show_json({"entrepot": entrepot.__version__, "python": platform.python_version()})
    else:
        show(f"entrepot {entrepot.__version__}")


def main(
    args: Sequence[str], environ: Mapping[str, str], *, command: click.Command | None = None, name: str = "entrepot"
) -> int:
    """Run one command and return its exit code; errors are reported on standard error.

    Args:
        command: None is the whole command line; another one, such as a group of it, is called ``name``.
    """
    session = Session(environ)
    try:
        result = (command or cli).main(list(args), prog_name=name, standalone_mode=False, obj=session)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - outermost handler: any error becomes a message and an exit code
        return _report(error, session)
    return result if isinstance(result, int) else 0


def run() -> None:
    """Run the command of this process and exit; the entry point of the console script."""
    warnings.showwarning = _say_warning
    sys.exit(main(sys.argv[1:], os.environ))


def run_ah() -> None:
    """Run the command ``ah`` of this process and exit; the entry point of that console script."""
    from entrepot.cli.asset_hub import ah

    warnings.showwarning = _say_warning
    sys.exit(main(sys.argv[1:], os.environ, command=ah, name="ah"))


def main_ml_git(args: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command of ``ml-git`` and return its exit code; as :func:`main`."""
    from entrepot.cli.workspace.commands import ws

    return main(args, environ, command=ws, name="ml-git")


def run_ml_git() -> None:
    """Run the command ``ml-git`` of this process and exit; the entry point of that console script."""
    warnings.showwarning = _say_warning
    sys.exit(main_ml_git(sys.argv[1:], os.environ))


def _say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning without its source location, which is useless at a terminal."""
    show_message(f"warning: {message}")


def _show_usage_error(error: click.ClickException) -> None:
    """Print an error of click in our style: the usage, the message after ``error:``, and a hint."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 and later: the message is the whole help
        show_message(error.format_message())
        return
    if context is not None:
        show_message(context.get_usage())
    text = _CHOICES.sub(lambda found: f"; choose from {' '.join(found[1].split())}", error.format_message())
    show_message(f"error: {_lowered(text.rstrip('.'))}")
    if context is not None:
        show_message(f"hint: see '{context.command_path} --help'")


def _lowered(sentence: str) -> str:
    """Return a message in lower case as it follows ``error:``; names keep their capitals."""
    first, _, rest = sentence.partition(" ")
    return f"{first.lower()} {rest}" if first in _FIRST_WORDS else sentence


def _report(error: Exception, session: Session) -> int:
    """Report an error, in one line if possible, and return the exit code."""
    if isinstance(error, click.ClickException):
        _show_usage_error(error)
        return error.exit_code
    if isinstance(error, click.Abort):
        show_message("interrupted")
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # The reader closed the pipe, as `head` does; keep the interpreter from reporting it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if session.debug:
        traceback.print_exception(error)
    if isinstance(error, EntrepotError):
        show_message(f"error: {_lowered(str(error))}")
        if type(error) is RepoNotFound:  # found in no data folder; that of a client names the hub and the cure
            show_message(
                "hint: 'entrepot admin repos list' shows what there is; datasets are written datasets/alice/data"
            )
        return FAILED
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if missing in _SERVER_LIBRARIES:
        show_message(f"error: this command needs the server's libraries ({missing} is missing)")
        show_message('hint: pip install "entrepot[server]"')
        return FAILED
    show_message(f"error: unexpected {type(error).__name__}: {error}")
    show_message("hint: this is a bug in entrepot; please report it with the output of 'entrepot --debug ...' and of")
    show_message("'entrepot version --json'.")
    return UNFORESEEN
