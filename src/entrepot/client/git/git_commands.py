"""Git as it is installed: run in a folder, with a token that stands in no argument, no file and no message.

The token travels in the environment of the process, to a credential helper
that answers for one origin only; git and git-lfs both ask it. Other helpers
are not asked for this origin, so none of them can keep the token.
"""

from __future__ import annotations

import re
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from entrepot.errors import GitFailed, ProgramMissing, SourceMissing
from entrepot.errors.redactions import redact

_HELPER = '!f() { if test "$1" = get; then printf \'username=%s\\npassword=%s\\n\' user "$ENTREPOT_GIT_TOKEN"; fi; }; f'
_LFS_FILTER = (
    ("filter.lfs.clean", "git-lfs clean -- %f"),
    ("filter.lfs.smudge", "git-lfs smudge -- %f"),
    ("filter.lfs.process", "git-lfs filter-process"),
    ("filter.lfs.required", "true"),
)
# They would make git work on another repository than that of the folder (a script may run inside a hook).
_ELSEWHERE = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
    }
)
_CURES = (
    (r"could not read (Username|Password)|Authentication failed|terminal prompts disabled", "log in, or pass a token"),
    (r"non-fast-forward|fetch first|\[rejected\]", "pull first"),
    (r"tell me who you are|empty ident|unable to auto-detect email", "pass git_user and git_email"),
    (r"repository .* not found|Repository not found", "check the name, create it, or pass a token that may see it"),
    (r"[Ll]arge files|exceeds the (file size )?limit", "track it with git-lfs: lfs_track"),
)
_TELLING = re.compile(r"^(fatal|error|batch response|LFS|remote|CONFLICT)\b|^ ?! \[")
_VAGUE = "error: failed to push some refs"
_MOST_REASON = 1000


@attrs.frozen
class Credential:
    """A token, and the URL whose origin it is for."""

    url: str
    token: str = attrs.field(repr=False)


@attrs.frozen
class CommandResult:
    """A command that has ended; ``code`` is 0 when it was successful, 128 and more for a signal."""

    code: int
    stdout: bytes = attrs.field(repr=False)
    stderr: str


@attrs.frozen
class Git:
    """Git in one folder. Safe to use from many threads, as far as git is.

    Args:
        folder: where commands run; it must exist when they do.
        environ: the environment of the process.
        credential: None leaves authentication to the user's own helpers. Git
            never asks at a terminal.
        settings: configuration that holds for these commands only.
    """

    folder: Path
    environ: Mapping[str, str] = attrs.field(repr=False)
    credential: Credential | None = None
    settings: tuple[tuple[str, str], ...] = ()

    def run(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """Run ``git …`` and return what it writes to standard output.

        Raises:
            GitFailed: it ended with an error; the message is git's, or the remote's.
            ProgramMissing: git is not installed.
            SourceMissing: the folder does not exist.
        """
        done = self.attempt(*arguments, stdin=stdin)
        if done.code:
            raise self.failure(arguments, done)
        return done.stdout

    def line(self, *arguments: str) -> str:
        """As :meth:`run`, for commands that answer with one line."""
        return self.run(*arguments).decode("utf-8", "surrogateescape").strip()

    def paths(self, *arguments: str, stdin: bytes | None = None) -> list[str]:
        """As :meth:`run`, for commands that list paths ended by NUL (``-z``)."""
        listed = self.run(*arguments, stdin=stdin).decode("utf-8", "surrogateescape")
        return [path for path in listed.split("\0") if path]

    def attempt(self, *arguments: str, stdin: bytes | None = None) -> CommandResult:
        """Run ``git …``, whatever comes of it.

        Raises:
            ProgramMissing, SourceMissing: as :meth:`run`.
        """
        with self.start(*arguments, takes_input=stdin is not None) as process:
            stdout, stderr = process.communicate(stdin)
        return self.done(process, stdout, stderr)

    def start(self, *arguments: str, takes_input: bool = False) -> subprocess.Popen[bytes]:
        """Start ``git …`` with pipes for its output, which must be read.

        Raises:
            ProgramMissing, SourceMissing: as :meth:`run`.
        """
        try:
            return subprocess.Popen(  # noqa: S603 - no shell; texts of users follow "--" or were checked
                ["git", *arguments],  # noqa: S607 - the user's own git
                cwd=self.folder,
                env=self._environ(),
                stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError as error:
            if not self.folder.is_dir():
                raise SourceMissing(str(self.folder), "folder") from error
            raise ProgramMissing("git", "install it with the packages of your system, or from git-scm.com") from error

    def done(self, process: subprocess.Popen[bytes], stdout: bytes, stderr: bytes) -> CommandResult:
        """What a process that has ended said, without the token."""
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        return CommandResult(code, stdout, self.without_secrets(stderr.decode("utf-8", "replace")))

    def failure(self, arguments: Sequence[str], done: CommandResult) -> GitFailed:
        """The error for a command that has failed."""
        said = self.without_secrets(done.stdout.decode("utf-8", "replace"))
        command = " ".join(arguments[:2]) if arguments[0] == "lfs" else arguments[0]
        return GitFailed(command, reason_of(done.stderr, said, done.code))

    def without_secrets(self, text: str) -> str:
        """The text with the token, and credentials in URLs, blotted out."""
        if self.credential is not None:
            text = text.replace(self.credential.token, "***")
        return redact(text)

    def need_lfs(self) -> None:
        """Nothing, when git-lfs is installed.

        Raises:
            ProgramMissing: git or git-lfs is not installed.
        """
        if self.attempt("lfs", "version").code:
            raise ProgramMissing(
                "git-lfs", "large files need it: install it with the packages of your system, or from git-lfs.com"
            )

    def with_lfs_filter(self) -> Git:
        """The same git, with git-lfs at work although nobody has called ``git lfs install``."""
        return attrs.evolve(self, settings=(*self.settings, *_LFS_FILTER))

    def with_environ(self, **variables: str) -> Git:
        """The same git with further variables in its environment."""
        return attrs.evolve(self, environ={**self.environ, **variables})

    def _environ(self) -> dict[str, str]:
        environ = {name: value for name, value in self.environ.items() if name not in _ELSEWHERE}
        # Untranslated messages, whose beginnings are looked at; LC_ALL would change the encoding too.
        environ |= {"GIT_TERMINAL_PROMPT": "0", "LANGUAGE": "en"}
        settings = list(self.settings)
        if self.credential is not None:
            key = f"credential.{origin_of(self.credential.url)}.helper"
            settings += [(key, ""), (key, _HELPER)]
            environ["ENTREPOT_GIT_TOKEN"] = self.credential.token
        count = environ.get("GIT_CONFIG_COUNT", "0")
        first = int(count) if count.isdigit() else 0
        for number, (name, value) in enumerate(settings, first):
            environ |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        environ["GIT_CONFIG_COUNT"] = str(first + len(settings))
        return environ


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def reason_of(stderr: str, stdout: str, code: int) -> str:
    """One line that says why a git command failed, with the cure where it is known.

    What the remote says comes first: it knows best why it refuses.
    """
    lines = [line.rstrip() for line in stderr.replace("\r", "\n").splitlines()]
    lines += [line for line in stdout.splitlines() if line.startswith("CONFLICT")]
    remote = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    telling = [line.strip() for line in lines if _TELLING.match(line) and not line.startswith("remote:")]
    anything = [line.strip() for line in (*lines, *stdout.splitlines()) if line.strip()]
    chosen = [line for line in (*remote, *telling) if line]
    if all(line.startswith(_VAGUE) for line in chosen):  # helpers of git have words of their own
        chosen = anything[-3:] or [f"it ended with {code}"]
    text = "; ".join(dict.fromkeys(chosen))
    text = "".join(c if c.isprintable() else " " for c in text)[:_MOST_REASON]
    cures = [cure for pattern, cure in _CURES if re.search(pattern, f"{stderr}\n{stdout}")]
    return f"{text} (cure: {cures[0]})" if cures else text
