"""Create local clones of repositories."""

from __future__ import annotations

import urllib.parse

import attrs

from entrepot.client.git.git_commands import Credential, origin_of
from entrepot.client.git.worktrees import WorkTree, need_name
from entrepot.errors import GitFailed, InvalidToken
from entrepot.errors.redactions import conceal
from entrepot.names import VERSIONED_TYPES, RepoType, parse_repo_link, split_url


@attrs.frozen
class Remote:
    """The remote of a clone: a URL without credentials, and the repository type if it belongs to the hub."""

    url: str
    repo_type: RepoType | None
    credential: Credential | None = None


def find_remote(text: str, endpoint: str, *, repo_type: str | None = None, token: str | None = None) -> Remote:
    """Parse what a user wants to clone.

    Args:
        text: ``alice/model``, ``datasets/alice/data``, a URL of the hub, or
            anything else that git can clone. Credentials are removed from a URL
            and used instead of ``token``.
        repo_type: type of an id without a prefix; None is a model.

    Raises:
        InvalidName: it refers to a repository of the hub by an invalid name.
    """
    url, given = _without_credentials(text)
    if not url.startswith(f"{endpoint}/") and not _is_id(url):
        secret = given or (token if origin_of(url) == origin_of(endpoint) else None)
        return Remote(url, None, Credential(url, secret) if secret else None)
    ref = parse_repo_link(url.rstrip("/"), repo_type, endpoint=endpoint, is_short_allowed=True)
    secret = given or token
    return Remote(f"{endpoint}/{ref.path}", ref.type, Credential(endpoint, secret) if secret else None)


def clone(tree: WorkTree, remote: Remote, *, with_large_files: bool = True) -> bool:
    """Make the folder a clone of a remote; return whether it was cloned now.

    An existing clone of the same remote is left unchanged.

    Raises:
        GitFailed: the folder contains something else, or the repository does not
            exist or may not be read; the folder is unchanged.
    """
    need_name("repository", remote.url)
    tree.git.need_lfs()
    if any(tree.folder.iterdir()):
        _need_clone(tree, remote)
        return False
    git = tree.git.with_lfs_filter().with_environ(GIT_LFS_SKIP_SMUDGE="0" if with_large_files else "1")
    git.run("clone", "--quiet", "--", remote.url, ".")
    tree.install_lfs()
    return True


def _need_clone(tree: WorkTree, remote: Remote) -> None:
    if not tree.is_repository():
        raise GitFailed(
            "clone", f"the folder {str(tree.folder)!r} is not empty and not a git repository; choose another one"
        )
    known = tree.git.run("remote", "-v").decode("utf-8", "replace").split()
    if all(_plain(word) != _plain(remote.url) for word in known):
        origin = tree.remote_url() or "none"
        raise GitFailed(
            "clone",
            f"the folder {str(tree.folder)!r} is a clone of something else (origin: {origin}), "
            f"not of {remote.url}; choose another one",
        )


def _plain(url: str) -> str:
    return _without_credentials(url)[0].rstrip("/").removesuffix(".git")


def _without_credentials(url: str) -> tuple[str, str | None]:
    """Return a URL without user and password, and the password (or the user, if the URL has only a token there)."""
    if not url.startswith(("http://", "https://")):
        return url, None
    parts = split_url(url)
    login, _, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    secret = urllib.parse.unquote(password or user)
    if not secret.isprintable():
        # Line endings would inject lines into git's credential protocol.
        raise InvalidToken("token", "address to clone", "it contains control characters")
    conceal(secret)
    return urllib.parse.urlunsplit(parts._replace(netloc=host)), secret or None


def _is_id(text: str) -> bool:
    parts = text.split("/")
    if any(mark in text for mark in (":", "\\")) or text.startswith((".", "/", "~")):
        return False
    return len(parts) == 2 or (len(parts) == 3 and parts[0] in {kind.plural for kind in VERSIONED_TYPES})
