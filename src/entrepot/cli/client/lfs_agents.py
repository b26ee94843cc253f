"""Multipart uploads with git-lfs: the command that sets up a clone, and the transfer agent that git-lfs starts."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from entrepot.cli.results import json_option, show_result
from entrepot.cli.sessions import Session, pass_session
from entrepot.errors import InvalidArgument


@click.command("lfs-enable-largefiles", short_help="Set up a git clone for files of many gigabytes.")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@json_option
@pass_session
def lfs_enable_largefiles(session: Session, path: Path, as_json: bool) -> None:
    """Set up the git clone in PATH for pushing files of many gigabytes.

    git-lfs then sends such files in parts, using this installation of
    entrepot; other files are sent as before. Run this once for each clone.

    \b
    Example:
      entrepot lfs-enable-largefiles ./bert
    """
    from entrepot.client.git.git_commands import Git
    from entrepot.client.git.worktrees import WorkTree

    tree = WorkTree(Git(path.absolute(), session.environ))
    if not path.is_dir() or not tree.is_repository():
        raise InvalidArgument(f"no git clone in {str(path)!r}; name the folder that contains .git")
    tree.enable_large_files()
    row = {"path": str(path.absolute())}
    show_result(row, f"{path}: git-lfs now sends large files in parts", as_json=as_json)


@click.command("lfs-multipart-upload", short_help="Upload large files for git-lfs (started by git-lfs).")
def lfs_multipart_upload() -> None:
    """Upload large files in parts, as a transfer agent of git-lfs.

    git-lfs starts this command in clones set up with 'entrepot
    lfs-enable-largefiles' and talks to it over standard input and output.

    \b
    Examples:
      git config lfs.customtransfer.multipart.path entrepot
      git config lfs.customtransfer.multipart.args lfs-multipart-upload
    """
    from entrepot.client.git.lfs_agents import serve
    from entrepot.client.hubs import render_user_agent

    def say(line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    serve(sys.stdin.buffer, say, user_agent=render_user_agent())
