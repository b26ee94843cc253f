"""Clones of projects: settings from a git repository, then the metadata of every configured kind."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from entrepot.errors import CannotWrite, GitFailed, Malformed, Refused
from entrepot.workspace.configuration.config_files import config_path, load_configuration
from entrepot.workspace.configuration.tables import CONFIG_NAME, PROJECT_FOLDER
from entrepot.workspace.configuration.urls import parse_git_url
from entrepot.workspace.entities.kinds import KINDS
from entrepot.workspace.hubs.addresses import parse_hub_url
from entrepot.workspace.metadata.secure_git import check_identity, secure_git
from entrepot.workspace.projects.projects import Project, Surroundings, open_project
from entrepot.workspace.projects.updates import initialise_metadata

_PUSHED = (".ml-git/config.yaml", ".gitignore")


def clone_project(
    url: str, folder: Path | None, place: Path, around: Surroundings, *, is_untracked: bool = False
) -> Project:
    """Clone the settings of a project and initialise its metadata; after a failure there is no folder.

    Args:
        folder: must be absent or empty; None takes the last name of the URL.
        place: the folder below which relative paths are.
        is_untracked: the new project is not a git repository.

    Raises:
        UrlRefused: the URL, or one in the cloned configuration, is not acceptable.
        Refused: the folder is not empty.
        Malformed: the repository contains no project, or its configuration cannot be used.
        GitFailed: a repository cannot be cloned.
    """
    checked = parse_git_url(url, folder=place)
    target = place / (folder if folder is not None else _name_of(checked))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused(f"{target} exists and is not empty; name another folder")
    above = target.absolute().parent
    try:
        above.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=above))
    except OSError as error:
        raise CannotWrite(str(above), error.strerror or str(error)) from error
    try:
        project = _cloned(checked, draft, around, is_untracked)
        for state in project.configured():
            initialise_metadata(state)
        draft.chmod(0o755)
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return open_project(target, around)


def push_settings(project: Project, message: str | None = None) -> bool:
    """Commit the configuration of a project in its own git repository and push it; return whether it had changed.

    Only ``.ml-git/config.yaml`` and ``.gitignore`` are committed.

    Raises:
        Refused: the project is not in a git repository.
        ConfigError: git knows no author.
        GitFailed: the push failed; the commit is there.
    """
    git = secure_git(project.root, project.around.environ, project.configuration.limits)
    if git.attempt("rev-parse", "--git-dir").code:
        raise Refused(f"{project.root} is not in a git repository; run 'git init' and add a remote")
    paths = [path for path in _PUSHED if (project.root / path).is_file()]
    git.run("add", "--force", "--", *paths)
    is_changed = git.attempt("diff", "--cached", "--quiet", "--", *paths).code != 0
    if is_changed:
        check_identity(git)
        git.run("commit", "--quiet", "--only", "-m", message or "Update the ml-git configuration", "--", *paths)
    branch = git.line("symbolic-ref", "--short", "HEAD")
    if is_changed or git.attempt("rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{branch}").code:
        try:
            git.run("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        except GitFailed:
            if is_changed:
                raise
    return is_changed


def set_settings_remote(project: Project, url: str, place: Path) -> None:
    """Set the remote ``origin`` of the project's own git repository, which is created if needed.

    Raises:
        UrlRefused: the URL is not acceptable.
    """
    checked = parse_git_url(url, folder=place)
    git = secure_git(project.root, project.around.environ)
    if not (project.root / ".git").exists():
        git.run("init", "--quiet")
    git.run("config", "remote.origin.url", checked)
    git.run("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")


def _cloned(url: str, draft: Path, around: Surroundings, is_untracked: bool) -> Project:
    git = secure_git(draft, around.environ, load_configuration(None, around.home, around.environ).limits)
    git.run("clone", "--quiet", "--no-recurse-submodules", "--", url, ".")
    path = config_path(draft)
    if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
        raise Malformed(url, "the repository has no file .ml-git/config.yaml; push one: 'repository config push'")
    _distrust_state(url, draft)
    configuration = load_configuration(draft, around.home, around.environ)
    for (_, key), place in configuration.state_folders.items():
        if place.is_relative_to(draft) and os.path.lexists(place):
            raise Malformed(url, f"it has files where its configuration puts the state of the project ({key})")
    for kind in KINDS:
        remote = configuration.git_url(kind.word)
        if remote:
            parse_git_url(remote)
        if configuration.hub_url(kind.word):
            parse_hub_url(configuration.hub_url(kind.word))
    if is_untracked:
        shutil.rmtree(draft / ".git")
    return Project(draft, configuration, around)


def _distrust_state(url: str, draft: Path) -> None:
    """Remove foreign state of a project, and refuse links through which data would leave the project.

    Raises:
        Malformed: a folder of the project is a link.
    """
    places = [draft / kind.word for kind in KINDS]
    if any(place.is_symlink() for place in places):
        raise Malformed(url, "a folder of the project is a link")
    for place in (draft / PROJECT_FOLDER).iterdir():
        if place.name == CONFIG_NAME:
            continue
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()


def _name_of(url: str) -> str:
    name = url.rstrip("/").replace("\\", "/").replace(":", "/").rpartition("/")[2].removesuffix(".git")
    if name in ("", ".", ".."):
        raise Refused(f"the URL {url} names no folder; name one")
    return name
