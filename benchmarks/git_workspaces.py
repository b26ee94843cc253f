"""A folder for git with its own home, and the CPU time of git's native servers."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

from benchmarks.meters import Cost

# Counts git and the children it waited for, but not this process.
_SERVICE = """#!{python}
import resource, subprocess, sys
code = subprocess.run(["git", "{service}", *sys.argv[1:]]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open({out!r}, "a") as out:
    print(used.ru_utime + used.ru_stime, file=out)
sys.exit(code)
"""


@attrs.frozen
class GitWorkspace:
    """A folder in which git runs with its own home."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment of a git process that ignores the user's configuration."""
        who = {f"GIT_{role}_{part}": "a@b.example" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "NO_PROXY": "*",
            **who,
        }

    def git(self, *arguments: str | Path, cwd: Path | None = None, data: bytes = b"") -> str:
        """Run git and return its output.

        Raises:
            subprocess.CalledProcessError: git failed; the reason is on standard error.
        """
        command = ["git", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=cwd or self.folder, env=self.environ, input=data, stdout=subprocess.PIPE, check=True
        )
        return done.stdout.decode().strip()

    @contextlib.contextmanager
    def native(self, service: str) -> Iterator[tuple[str, Cost]]:
        """Yield an option that makes git measure its own server, and a cost that is filled in when the block ends.

        Args:
            service: ``upload-pack`` or ``receive-pack``.
        """
        out, program = self.folder / f"{service}.cpu", self.folder / f"measured-{service}"
        out.unlink(missing_ok=True)
        program.write_text(_SERVICE.format(python=sys.executable, service=service, out=str(out)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        cost = Cost()
        yield f"--{service}={program}", cost
        cost.server_cpu_s = sum(float(line) for line in out.read_text().split())


def write_history(workspace: GitWorkspace, folder: Path, commits: int) -> int:
    """Create a bare repository of small text files in 100 folders.

    Args:
        commits: the number of commits; each changes 130 of 6,500 files, in adjacent folders, and adds 200 objects.

    Returns:
        The number of objects.
    """
    workspace.git("init", "-q", "--bare", "--initial-branch=main", folder)
    lines = []
    for number in range(commits):
        lines.append(f"commit refs/heads/main\ncommitter A <a@b.example> {1_700_000_000 + number} +0000\n")
        lines.append(f"data <<E\nchange {number}\nE\n")
        for n in range(130):
            at = number * 61 % 100 + n % 68
            place = f"d{at % 100:02}/f{n * 7 % 65:03}.json"
            text = "".join(f'{{"commit": {number}, "file": {n}, "line": {i * number * n}}}\n' for i in range(12))
            lines.append(f"M 100644 inline {place}\ndata {len(text)}\n{text}\n")
    workspace.git("fast-import", "--quiet", "--force", cwd=folder, data="".join(lines).encode())
    return int(workspace.git("rev-list", "--objects", "--all", "--count", cwd=folder))
