"""Runs the installed git in a folder, with a token that appears in no argument, file or message.

The token is passed in the environment of the process to a credential helper
that responds for one origin only; git and git-lfs both use it. Other helpers
are not used for this origin, so none of them can store the token.
"""

from __future__ import annotations

import re
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from entrepot.errors import GitFailed, LimitExceeded, ProgramMissing, SourceMissing
from entrepot.errors.redactions import redact
from entrepot.git.listings import read_lines
from entrepot.wire.texts import one_line

_HELPER = '!f() { if test "$1" = get; then printf \'username=%s\\npassword=%s\\n\' user "$ENTREPOT_GIT_TOKEN"; fi; }; f'
_LFS_FILTER = (
    ("filter.lfs.clean", "git-lfs clean -- %f"),
    ("filter.lfs.smudge", "git-lfs smudge -- %f"),
    ("filter.lfs.process", "git-lfs filter-process"),
    ("filter.lfs.required", "true"),
)
# These would make git use another repository than that of the folder, for example inside a hook.
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
    (r"repository .* not found|Repository not found", "check the name, create it, or pass a token with access"),
    (r"[Ll]arge files|exceeds the (file size )?limit", "track it with git-lfs: lfs_track"),
)
_TELLING = re.compile(r"^(fatal|error|batch response|LFS|remote|CONFLICT)\b|^ ?! \[")
_VAGUE = "error: failed to push some refs"
_MAX_REASON = 1000


@attrs.frozen
class Credential:
    """A token, and a URL of the origin that it is for."""

    url: str
    token: str = attrs.field(repr=False)


@attrs.frozen
class CommandResult:
    """The result of a command; ``code`` is 0 after success, and 128 or more after a signal."""

    code: int
    stdout: bytes = attrs.field(repr=False)
    stderr: str

    @property
    def text(self) -> str:
        """What the command printed, without blanks of ASCII around it; the name of a ref may end in others."""
        return _text_of(self.stdout)


@attrs.frozen
class Git:
    """Git in one folder. As safe to use from several threads as git itself.

    Args:
        folder: where commands run; it must exist when they run.
        environ: the environment of the process.
        credential: None leaves authentication to the user's own helpers. Git
            never prompts at the terminal.
        settings: configuration for these commands only.
    """

    folder: Path
    environ: Mapping[str, str] = attrs.field(repr=False)
    credential: Credential | None = None
    settings: tuple[tuple[str, str], ...] = ()

    def run(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """Run ``git …`` and return its standard output.

        Raises:
            GitFailed: it exited with an error; the message is that of git or of the remote.
            ProgramMissing: git is not installed.
            SourceMissing: the folder does not exist.
        """
        done = self.attempt(*arguments, stdin=stdin)
        if done.code:
            raise self.failure(arguments, done)
        return done.stdout

    def line(self, *arguments: str) -> str:
        """Run a command that prints one line and return it as :attr:`CommandResult.text`; raises as :meth:`run`."""
        return _text_of(self.run(*arguments))

    def lines(self, *arguments: str) -> list[str]:
        """Run a command and return the lines that it prints; raises as :meth:`run`."""
        return read_lines(self.run(*arguments).decode("utf-8", "surrogateescape"))

    def paths(self, *arguments: str, stdin: bytes | None = None) -> list[str]:
        """Run a command that prints NUL-terminated paths (``-z``) and return them; raises as :meth:`run`."""
        listed = self.run(*arguments, stdin=stdin).decode("utf-8", "surrogateescape")
        return [path for path in listed.split("\0") if path]

    def limited_paths(self, *arguments: str, most_bytes: int) -> list[str]:
        """As :meth:`paths`, for untrusted commits, whose trees can have more paths than fit in memory.

        Raises:
            LimitExceeded: the paths have more bytes; git was stopped.
            GitFailed, ProgramMissing, SourceMissing: as :meth:`run`.
        """
        with self.start(*arguments) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            listed = process.stdout.read(most_bytes + 1)
            if len(listed) > most_bytes:
                process.kill()
                raise LimitExceeded("the paths of a commit: their size in bytes", most_bytes)
            stderr = process.stderr.read()
        done = self.done(process, listed, stderr)
        if done.code:
            raise self.failure(arguments, done)
        return [path for path in listed.decode("utf-8", "surrogateescape").split("\0") if path]

    def attempt(self, *arguments: str, stdin: bytes | None = None) -> CommandResult:
        """Run ``git …`` and return the result, even after an error.

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
            return subprocess.Popen(  # noqa: S603 - no shell; user input follows "--" or was checked
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
            raise ProgramMissing("git", "install it with your package manager, or from git-scm.com") from error

    def done(self, process: subprocess.Popen[bytes], stdout: bytes, stderr: bytes) -> CommandResult:
        """Return the result of a process that has ended, with the token masked."""
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        return CommandResult(code, stdout, self.without_secrets(stderr.decode("utf-8", "replace")))

    def failure(self, arguments: Sequence[str], done: CommandResult) -> GitFailed:
        """Return the error for a failed command."""
        said = self.without_secrets(done.stdout.decode("utf-8", "replace"))
        command = " ".join(arguments[:2]) if arguments[0] == "lfs" else arguments[0]
        return GitFailed(command, reason_of(done.stderr, said, done.code))

    def without_secrets(self, text: str) -> str:
        """Mask the token, and credentials in URLs."""
        if self.credential is not None:
            text = text.replace(self.credential.token, "***")
        return redact(text)

    def need_lfs(self) -> None:
        """Check that git-lfs is installed.

        Raises:
            ProgramMissing: git or git-lfs is not installed.
        """
        if self.attempt("lfs", "version").code:
            raise ProgramMissing(
                "git-lfs", "it is required for large files: install it with your package manager, or from git-lfs.com"
            )

    def with_lfs_filter(self) -> Git:
        """Return the same git with the filters of git-lfs, even if ``git lfs install`` was never run."""
        return attrs.evolve(self, settings=(*self.settings, *_LFS_FILTER))

    def with_environ(self, **variables: str) -> Git:
        """Return the same git with additional environment variables."""
        return attrs.evolve(self, environ={**self.environ, **variables})

    def _environ(self) -> dict[str, str]:
        environ = {name: value for name, value in self.environ.items() if name not in _ELSEWHERE}
        # Disable translations, because messages are parsed; LC_ALL would change the encoding too.
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
    """Return scheme, host and port of a URL."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _text_of(printed: bytes) -> str:
    return printed.decode("utf-8", "surrogateescape").strip(" \t\r\n")


def reason_of(stderr: str, stdout: str, code: int) -> str:
    """Return one line that explains why a git command failed, with a remedy if one is known.

    Messages of the remote come first, because it knows best why it refuses.
    """
    lines = [line.rstrip() for line in stderr.replace("\r", "\n").splitlines()]
    lines += [line for line in stdout.splitlines() if line.startswith("CONFLICT")]
    remote = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    telling = [line.strip() for line in lines if _TELLING.match(line) and not line.startswith("remote:")]
    anything = [line.strip() for line in (*lines, *stdout.splitlines()) if line.strip()]
    chosen = [line for line in (*remote, *telling) if line]
    if all(line.startswith(_VAGUE) for line in chosen):  # git's helpers have messages of their own
        chosen = anything[-3:] or [f"it exited with {code}"]
    text = one_line("; ".join(dict.fromkeys(chosen)), _MAX_REASON)
    cures = [cure for pattern, cure in _CURES if re.search(pattern, f"{stderr}\n{stdout}")]
    return f"{text} (cure: {cures[0]})" if cures else text
