"""Git as projects run it: without hooks, prompts, foreign protocols and variables of the caller."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from entrepot.client.git.git_commands import Git
from entrepot.errors import ConfigError

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
)


def secure_git(folder: Path, environ: Mapping[str, str]) -> Git:
    """Return git for a folder; of the caller's ``GIT_*`` variables only identity, access and files are kept."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or name in _KEPT}
    kept["GIT_ALLOW_PROTOCOL"] = "file:git:http:https:ssh"
    return Git(folder, kept, settings=_SETTINGS)


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
    return done.stdout.decode("utf-8", "surrogateescape").strip()
