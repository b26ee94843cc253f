"""Quarantine: a repository in which the objects of a push are checked before they reach the hub."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import attrs

from entrepot.blobs.faults import reporting_full_disk
from entrepot.errors import StoreUnavailable
from entrepot.git import Kind
from entrepot.git.packs import read_index_ids
from entrepot.names import Oid
from entrepot.storage import processes
from entrepot.storage.mirrors import PUSH, lay_out

_PIECE = 1 << 20
_HELD_BYTES = 512 << 20
_CPU_S = 900
# Git checks this limit before it decompresses anything, but only for objects that it does not stream.
_HELD_WHOLE = {"core.bigFileThreshold": "1024g"}
_BEYOND_MEMORY = re.compile(rb"attempting to allocate|[Oo]ut of memory|malloc failed|data too large")


@attrs.frozen
class PushedObject:
    """An object of a push; ``content`` is None if it is longer than the requested limit."""

    oid: Oid
    kind: Kind
    size: int
    content: bytes | None


@attrs.frozen
class Receiver:
    """A program that reads a pack from its standard input, within limits of memory and time.

    ``longest``: the maximum size of an object in bytes. An object that announces
    more, in its header or as the result of a delta, is refused before it is
    decompressed.
    """

    argv: Sequence[str]
    environ: Mapping[str, str] = attrs.field(repr=False)
    longest: int

    def is_beyond_memory(self, stderr: bytes) -> bool:
        """Return whether the program failed because an object was longer than that."""
        return _BEYOND_MEMORY.search(stderr) is not None


@attrs.frozen
class Quarantine:
    """A folder in the form of a repository, with the objects of a mirror as alternates."""

    path: Path

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment for git processes that use the quarantine."""
        return processes.environment({"GIT_DIR": str(self.path)})

    @property
    def packs(self) -> Path:
        """The folder of its packs."""
        return self.path / "objects" / "pack"

    def receiver(self, number: int, *, longest_pack: int, longest_file: int, tolerated: Sequence[str] = ()) -> Receiver:
        """Return a program that reads a pack, checks every object in it and stores it here.

        Args:
            number: the number of objects that the pack announces.
            longest_pack: the maximum size of the pack in bytes.
            longest_file: in bytes; somewhat larger files pass, so that a later check can name their paths.
            tolerated: the fsck errors to accept, by their names in ``git help fsck``.
        """
        # Each entry of its tables takes about 60 bytes, and objects that are not streamed are held in memory.
        longest = max(_HELD_BYTES, 2 * longest_file, 128 * number)
        seconds = min(_CPU_S, 120 + number // 2_000)
        strict = "--strict" + ("=" if tolerated else "") + ",".join(f"{fault}=ignore" for fault in tolerated)
        flags = ["--stdin", "--fix-thin", strict, "--show-resolving-progress", f"--max-input-size={longest_pack}"]
        limits = f'ulimit -t {seconds}; ulimit -d {5 * longest >> 10}; exec "$@"'
        argv = ["sh", "-c", limits, "git", *processes.command(["index-pack", *flags], _HELD_WHOLE)]
        return Receiver(argv, {**self.environ, "GIT_ALLOC_LIMIT": str(longest)}, longest)

    def oids(self) -> list[Oid]:
        """Return the ids of all received objects."""
        return [oid for index in self.packs.glob("pack-*.idx") for oid in read_index_ids(index.read_bytes())]

    def without_files(self, oids: Sequence[Oid]) -> list[Oid]:
        """Return the given objects that are not file objects; no content is read.

        Raises:
            StoreUnavailable: git is not installed, or failed.
        """
        command = processes.command(["cat-file", "--batch-check=%(objectname) %(objecttype)", "--buffer"])
        with _running(command, self.environ, oids) as output:
            rows = [line.decode().split() for line in output]
        return [Oid(oid) for oid, kind in rows if kind != Kind.BLOB.value]

    def read(self, oids: Sequence[Oid], *, longest: Mapping[Kind, int]) -> Iterator[PushedObject]:
        """Yield objects in the order of the given ids; content longer than ``longest`` of its kind is skipped.

        Raises:
            StoreUnavailable: git is not installed, or failed.
        """
        if not oids:
            return
        command = processes.command(["cat-file", "--batch", "--buffer"])
        with _running(command, self.environ, oids) as output:
            for oid in oids:
                fields = output.readline().split()
                if len(fields) != 3 or fields[0].decode() != oid:
                    raise StoreUnavailable("git", f"the object {oid} of the push cannot be read")
                kind, size = Kind(fields[1].decode()), int(fields[2])
                content = None
                if size <= longest[kind]:
                    content = output.read(size)
                else:
                    _skip(output, size)
                if output.read(1) != b"\n":
                    raise StoreUnavailable("git", f"the object {oid} of the push was cut short")
                yield PushedObject(oid, kind, size, content)

    def close(self) -> None:
        """Delete the quarantine with its content."""
        shutil.rmtree(self.path, ignore_errors=True)


def open_quarantine(mirror: Path) -> Quarantine:
    """Create a quarantine beside a mirror, which must not be removed while the quarantine is used."""
    path = mirror.parent / f"{PUSH}{secrets.token_hex(8)}"
    try:
        with reporting_full_disk("the quarantine of a push"):
            lay_out(path)
            (path / "objects" / "info" / "alternates").write_text(f"{mirror / 'objects'}\n")
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return Quarantine(path)


@contextlib.contextmanager
def _running(command: Sequence[str], environ: Mapping[str, str], asked: Iterable[str]) -> Iterator[IO[bytes]]:
    """Run a program with some lines as input; its output can be read while it runs."""
    # A file, because a pipe would fill up while the output is not read.
    with tempfile.TemporaryFile() as lines:
        lines.writelines(f"{line}\n".encode() for line in asked)
        lines.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - the words are ours, never a shell's
                command,
                env=dict(environ),
                stdin=lines,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=_PIECE,
            )
        except FileNotFoundError as error:
            raise StoreUnavailable("git", "the program 'git' is not installed on the hub") from error
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.stdout.close()
        process.kill()
        process.wait()


def _skip(output: IO[bytes], size: int) -> None:
    while size:
        size -= len(output.read(min(size, _PIECE)) or b"x" * size)
