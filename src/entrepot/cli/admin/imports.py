"""``entrepot import``: imports of git repositories."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrepot.cli.reports import ProgressLine, counted, show, show_json
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.names import RepoRef, parse_repo_link

if TYPE_CHECKING:
    from entrepot.hub.git.imports import Imported
    from entrepot.hub.git.lfs_rewrites import Rewritten


@click.command("import", short_help="Import a git repository.")
@folder_options
@click.argument("source", metavar="GIT_URL_OR_PATH")
@click.argument("repo", metavar="REPO")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option(
    "--tolerate-old-history",
    is_flag=True,
    help="Accept malformed old commits and trees that git itself accepts, such as those with impossible time zones.",
)
@click.option(
    "--large-files",
    type=click.Choice(["refuse", "lfs"]),
    default="refuse",
    show_default=True,
    help="What to do with regular files above the hub's limit: lfs rewrites the history, which changes commit ids.",
)
@click.option("--id-map", type=click.Path(dir_okay=False), help="Write the old and new ids to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_session
def import_(
    session: Session,
    source: str,
    repo: str,
    private: bool,
    tolerate_old_history: bool,
    large_files: str,
    id_map: str | None,
    as_json: bool,
) -> int:
    """Import a git repository with its branches, tags, full history and
    git-lfs files. REPO must not exist; it is not created if the import fails.

    With --large-files lfs, regular files above the limit become git-lfs
    files. From the first such file on, commits get new ids and lose their
    signatures; the old and new ids are printed.

    Sources over https, http or ssh must have public addresses, including every
    redirect, unless the setting import_private_sources is true. Without it,
    proxy variables of the environment are ignored.

    \b
    Examples:
      entrepot import https://example.org/team/model.git alice/model
      entrepot import ./data datasets/alice/data --private
    """
    from entrepot.hub.git import imports

    ref = read_repo(repo)
    place = str(Path(source).absolute()) if Path(source).exists() else source
    visibility = "private" if private else None
    progress = ProgressLine()
    with session.opened_hub() as hub, tempfile.TemporaryDirectory(prefix="entrepot-import-") as folder:
        copy = Path(folder) / "copy.git"
        environ = {**session.environ, "GIT_TERMINAL_PROMPT": "0"}
        done = imports.import_repo(
            hub,
            place,
            ref,
            copy,
            environ=environ,
            visibility=visibility,
            tolerates_old=tolerate_old_history,
            rewrites_large=large_files == "lfs",
            progress=progress,
        )
    progress.clear()
    if id_map is not None:
        ids = done.rewritten.ids if done.rewritten is not None else {}
        Path(id_map).write_text("".join(f"{old} {new}\n" for old, new in ids.items()))
    _show_done(ref, done, is_listed=id_map is None, as_json=as_json)
    return 1 if done.refused else 0


def _show_done(ref: RepoRef, done: Imported, *, is_listed: bool, as_json: bool) -> None:
    if as_json:
        refused = [{"ref": verdict.ref, "reason": verdict.reason} for verdict in done.refused]
        rewritten = done.rewritten
        show_json(
            {"repo": str(ref.id), "type": ref.type.value, "refs": done.refs, "files": done.files, "refused": refused}
            | ({"rewritten": rewritten.ids, "signatures_dropped": rewritten.signatures} if rewritten else {})
        )
        return
    if done.rewritten is not None:
        _show_rewritten(done.rewritten, is_listed=is_listed)
    for verdict in done.refused:
        show(f"refused   {verdict.ref}: {verdict.reason}")
    show(f"{ref.path}: {done.refs} branches and tags, {counted(done.files, 'large file')}")


def _show_rewritten(rewritten: Rewritten, *, is_listed: bool) -> None:
    for old, new in rewritten.ids.items() if is_listed else ():
        show(f"rewritten {old} {new}")
    dropped = f", {rewritten.signatures:,} signatures dropped" if rewritten.signatures else ""
    show(f"{rewritten.files:,} large files became git-lfs files: {len(rewritten.ids):,} new ids{dropped}")


def read_repo(text: str) -> RepoRef:
    """Parse the path of a repository, such as ``alice/model`` or ``datasets/alice/data``.

    Raises:
        InvalidName: the text is not the path of a repository.
    """
    return parse_repo_link(text)
