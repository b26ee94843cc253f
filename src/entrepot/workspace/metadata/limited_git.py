"""Git with limits: a command that talks to a remote is stopped if it takes too long, stalls or receives too much."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import IO

import attrs

from entrepot.client.git.git_commands import CommandResult, Git
from entrepot.errors import GitFailed
from entrepot.workspace.configuration.tables import GLOBAL_NAME
from entrepot.workspace.configuration.transfer_limits import TransferLimits

_REMOTE = frozenset({"clone", "fetch", "ls-remote", "push"})
_LOOK_S = 0.25
_END_S = 5.0
_SLOWEST = 1000
_MAX_OUTPUT = 64 << 20
_PIECE = 1 << 16
_PROGRESS = re.compile(
    rb"^(?:remote: )?(?:Cloning|Enumerating|Counting|Compressing|Receiving|Resolving|Unpacking|Checking|Total)\b"
    rb"[^\r\n]*[\r\n]+",
    re.MULTILINE,
)
_INCOMING = ("tmp_pack_", "incoming-", "tmp_objdir")


@attrs.frozen
class LimitedGit(Git):
    """Git with limits for commands that talk to a remote."""

    limits: TransferLimits = attrs.field(factory=TransferLimits, kw_only=True)

    def attempt(self, *arguments: str, stdin: bytes | None = None) -> CommandResult:
        """Run ``git …`` and return the result; raises as in the class above.

        Raises:
            GitFailed: a limit was reached; git was stopped, and the data that it had received is removed.
        """
        if arguments[0] not in _REMOTE or stdin is not None:
            return super().attempt(*arguments, stdin=stdin)
        git = self if arguments[0] == "push" else self.with_progress()
        shown = tuple("--progress" if word == "--quiet" and git is not self else word for word in arguments)
        with _Watch(git, shown) as watch:
            return watch.wait()

    def with_progress(self) -> LimitedGit:
        """Return a copy for commands that receive data: they are stopped if a web server sends almost nothing."""
        slow = (("http.lowSpeedLimit", str(_SLOWEST)), ("http.lowSpeedTime", str(self.limits.idle_limit)))
        return attrs.evolve(self, settings=(*self.settings, *slow))


class _Watch:
    """One command, what it has said, and how much it has received."""

    def __init__(self, git: LimitedGit, arguments: tuple[str, ...]) -> None:
        self._git, self._arguments = git, arguments
        self._output: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._said = 0
        self._before = _incoming(git.folder)
        self._process = git.start(*arguments)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        streams = {"stdout": self._process.stdout, "stderr": self._process.stderr}
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True) for name, stream in streams.items()
        ]

    def __enter__(self) -> _Watch:
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._end()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def wait(self) -> CommandResult:
        """Return the result of the command.

        Raises:
            GitFailed: a limit was reached.
        """
        limits, start = self._git.limits, time.monotonic()
        last, moved = 0, start
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LOOK_S)
                break
            now, received = time.monotonic(), self._received()
            if received + self._said != last:
                last, moved = received + self._said, now
            if received > limits.size_limit:
                self._refuse(f"it sends more than {limits.size_limit:,} bytes", "git_size_limit")
            if now - moved > limits.idle_limit and self._arguments[0] != "push":  # its remote may be busy with checks
                self._refuse(f"nothing arrived for {limits.idle_limit:,} seconds", "git_idle_limit")
            if now - start > limits.time_limit:
                self._refuse(f"it took longer than {limits.time_limit:,} seconds", "git_time_limit")
        for reader in self._readers:
            reader.join()
        stderr = _PROGRESS.sub(b"", bytes(self._output["stderr"]))
        return self._git.done(self._process, bytes(self._output["stdout"]), stderr)

    def _read(self, name: str, stream: IO[bytes]) -> None:
        kept = self._output[name]
        while piece := os.read(stream.fileno(), _PIECE):
            self._said += len(piece)
            if len(kept) < _MAX_OUTPUT:
                kept += piece

    def _received(self) -> int:
        found = _incoming(self._git.folder)
        return sum(size for path, size in found.items() if path not in self._before)

    def _refuse(self, what: str, key: str) -> None:
        self._end()
        for path in _incoming(self._git.folder).keys() - self._before.keys():
            _remove(path)
        cure = (
            f"if the remote is trusted, raise {key} ('ml-git repository config set --global {key} …', ~/{GLOBAL_NAME})"
        )
        raise GitFailed(self._arguments[0], f"stopped: {what}; {cure}")

    def _end(self) -> None:
        """End git and its helpers; it gets time to remove what it has received."""
        helpers = _descendants(self._process.pid)
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._process.kill()
        self._process.wait()
        for pid in helpers:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGTERM)


def _descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and theirs; none where the system does not say."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text(encoding="ascii").split()):
                found += [child, *_descendants(child)]
    return found


def _incoming(folder: Path) -> dict[Path, int]:
    """Return the files in which git keeps what it is receiving, with their sizes."""
    found: dict[Path, int] = {}
    for objects in (folder / ".git" / "objects", folder / "objects"):
        for place in (objects, objects / "pack"):
            with contextlib.suppress(OSError):
                for entry in os.scandir(place):
                    if entry.name.startswith(_INCOMING):
                        found |= _sizes(Path(entry.path))
    return found


def _sizes(path: Path) -> dict[Path, int]:
    """Return the size of a file, or of all files of a folder together under the path of the folder."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            return {path: sum(file.stat().st_size for file in path.rglob("*") if file.is_file())}
        return {path: path.stat().st_size}
    return {}


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
