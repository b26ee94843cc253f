"""A loopback host that serves a Git repository."""

from __future__ import annotations

import http.server
import os
import pathlib
import subprocess

import attrs

GIT_ENV = {
    **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


@attrs.define
class GitSite:
    """A loopback host that serves ``repo.git`` as static files, with configurable redirects and responses to POST."""

    folder: pathlib.Path
    server: http.server.ThreadingHTTPServer
    redirects: dict[str, str] = attrs.Factory(dict)
    posts: dict[str, bytes] = attrs.Factory(dict)
    asked: list[str] = attrs.Factory(list)

    def url(self, path: str, host: str = "source.example") -> str:
        """Return the URL of a path under one of the names of the host."""
        return f"http://{host}:{self.server.server_port}/{path}"

    def git(self, folder: str, *arguments: str) -> None:
        """Run git in a folder of the site."""
        subprocess.run(["git", *arguments], cwd=self.folder / folder, env=GIT_ENV, capture_output=True, check=True)

    def commit(self, path: str, content: bytes) -> None:
        """Commit a file to ``repo.git``."""
        (self.folder / "work" / path).write_bytes(content)
        self.git("work", "add", "-A")
        self.git("work", "commit", "-q", "-m", "m")
        self.git("work", "push", "-q", "../repo.git", "main")
        self.git("repo.git", "update-server-info")
