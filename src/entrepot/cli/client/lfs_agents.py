"""Files of many gigabytes with git: set a clone up for them, and the agent that git-lfs then starts."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from entrepot.cli.answers import json_option, show_result
from entrepot.cli.sessions import Session, pass_session
from entrepot.errors import InvalidArgument


@click.command("lfs-enable-largefiles", short_help="Set a git clone up for files of many gigabytes.")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@json_option
@pass_session
def lfs_enable_largefiles(session: Session, path: Path, as_json: bool) -> None:
    """Set the git clone in PATH up for pushing files of many gigabytes.

    git-lfs then sends such a file in parts, with this installation of
    entrepot; other files go as before. Do this once for each clone.
    """
    from entrepot.client.git.git_commands import Git
    from entrepot.client.git.worktrees import WorkTree

    tree = WorkTree(Git(path.absolute(), session.environ))
    if not path.is_dir() or not tree.is_repository():
        raise InvalidArgument(f"there is no git clone in {str(path)!r}; name the folder that has .git in it")
    tree.enable_large_files()
    row = {"path": str(path.absolute())}
    show_result(row, f"{path}: git-lfs sends large files in parts from now on", as_json=as_json)


@click.command("lfs-multipart-upload", short_help="Send large files for git-lfs, which starts this itself.")
def lfs_multipart_upload() -> None:
    """Send large files in parts for git-lfs.

    git-lfs starts this by itself, after 'entrepot lfs-enable-largefiles', and
    speaks to it over standard input and output.
    """
    from entrepot.client.git.lfs_agents import serve
    from entrepot.client.hubs import render_user_agent

    def say(line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    serve(sys.stdin.buffer, say, user_agent=render_user_agent())
