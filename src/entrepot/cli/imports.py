"""``entrepot import``: bringing repositories in from elsewhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from entrepot.cli.reports import Progress, show, show_json
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.names import RepoRef, RepoType, parse_repo_id


@click.command("import", short_help="Bring in a git repository from elsewhere.")
@folder_options
@click.argument("source", metavar="GIT_URL_OR_PATH")
@click.argument("repo", metavar="REPO")
@click.option("--private", is_flag=True, help="Only members of the namespace shall see it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_session
def import_(session: Session, source: str, repo: str, private: bool, as_json: bool) -> int:
    """Bring in a git repository: branches, tags, the full history and the
    large files behind git-lfs. REPO must not exist yet.

    A source over https, http or ssh must have public addresses, on every
    redirect too, unless the setting import_private_sources is true. Without
    it, proxies of the environment are not used.

    \b
    Examples:
      entrepot import https://example.org/team/model.git alice/model
      entrepot import ./data datasets/alice/data --private
    """
    from entrepot.hub import imports

    ref = read_repo(repo)
    place = str(Path(source).absolute()) if Path(source).exists() else source
    visibility = "private" if private else None
    progress = Progress()
    with session.opened_hub() as hub, tempfile.TemporaryDirectory(prefix="entrepot-import-") as folder:
        copy = Path(folder) / "copy.git"
        environ = {**session.environ, "GIT_TERMINAL_PROMPT": "0"}
        done = imports.bring_in(hub, place, ref, copy, environ=environ, visibility=visibility, progress=progress)
    progress.clear()
    if as_json:
        refused = [{"ref": verdict.ref, "reason": verdict.reason} for verdict in done.refused]
        show_json(
            {"repo": str(ref.id), "type": ref.type.value, "refs": done.refs, "files": done.files, "refused": refused}
        )
    else:
        for verdict in done.refused:
            show(f"refused   {verdict.ref}: {verdict.reason}")
        show(f"{ref.path}: {done.refs} branches and tags, {done.files} large files")
    return 1 if done.refused else 0


def read_repo(text: str) -> RepoRef:
    """A repository as its URL names it: ``alice/model``, ``datasets/alice/data``.

    Raises:
        InvalidName: it is no such name.
    """
    for kind in (RepoType.DATASET, RepoType.SPACE):
        if text.startswith(kind.prefix):
            return RepoRef(kind, parse_repo_id(text.removeprefix(kind.prefix)))
    return RepoRef(RepoType.MODEL, parse_repo_id(text))
