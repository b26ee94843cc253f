"""Git as projects run it: without hooks, prompts, foreign protocols and variables of the caller."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from entrepot.client.git.git_commands import Git
from entrepot.errors import ConfigError
from entrepot.workspace.configuration.transfer_limits import TransferLimits
from entrepot.workspace.metadata.limited_git import LimitedGit

_KEPT = frozenset(
    {
        *("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE"),
        *("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE"),
        *("GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
        *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH"),
    }
)
_SETTINGS = (
    ("core.hooksPath", os.devnull),
    ("core.autocrlf", "false"),
    ("core.fsmonitor", "false"),
    ("protocol.ext.allow", "never"),
    ("transfer.fsckObjects", "true"),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("user.useConfigOnly", "true"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    # A project may bring a folder that looks like a repository, with settings that run programs.
    ("safe.bareRepository", "explicit"),
    # What arrives is a file that grows, never loose objects, so that it can be limited.
    ("fetch.unpackLimit", "1"),
)


def secure_git(folder: Path, environ: Mapping[str, str], limits: TransferLimits | None = None) -> Git:
    """Return git for a folder; of the caller's ``GIT_*`` variables only identity, access and files are kept.

    Args:
        limits: of what its commands may receive.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or name in _KEPT}
    kept["GIT_ALLOW_PROTOCOL"] = "file:git:http:https:ssh"
    return LimitedGit(folder, kept, settings=_SETTINGS, limits=limits or TransferLimits())


def check_identity(git: Git) -> str:
    """Return the line that names the committer and the time, as git writes it.

    Raises:
        ConfigError: git knows no name or no address.
    """
    for variable in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
        done = git.attempt("var", variable)
        if done.code:
            reason = 'git knows no author; run git config --global user.name "…" and git config --global user.email "…"'
            raise ConfigError("user.name", "git", reason)
    return done.text
