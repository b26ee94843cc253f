"""Users of the fixture ``world`` who push from clones of their own."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Callable

from entrepot.git.commands import Command, CommandStatus, PushRequest
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.git import push_publishing, pushes
from entrepot.names import Oid, RepoRef
from tests.support.worlds import World

PEOPLE = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

ENV = {**PEOPLE, "PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

LARGE = bytes(range(256)) * 2000


class Author:
    """A user with a clone, who pushes through the use cases."""

    def __init__(self, world: World, ref: RepoRef, folder: pathlib.Path) -> None:
        self.world = world
        self.ref = ref
        self.folder = folder
        self.warnings = ""
        if not folder.exists():
            folder.mkdir()
            world.export(ref, folder / "source")
        subprocess.run(["git", "clone", "-q", folder / "source", folder / "work"], env=ENV, check=True)

    def git(self, *arguments: str, given: bytes = b"") -> str:
        work = self.folder / "work"
        done = subprocess.run(["git", *arguments], cwd=work, env=ENV, input=given, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def commit(self, **files: bytes) -> Oid:
        for name, content in files.items():
            (self.folder / "work" / name).write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "m")
        return Oid(self.git("rev-parse", "HEAD"))

    def push(
        self,
        *commands: tuple[str, str | None, str | None],
        words: str = "",
        by: MaybeCaller = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> list[CommandStatus]:
        asked = PushRequest(tuple(Command(*command) for command in commands), frozenset(words.split()))  # type: ignore[arg-type]
        push = pushes.begin(self.world.hub, by or self.world.alice, self.ref, asked)
        try:
            wanted = "".join(f"{new}\n" for _, _, new in commands if new) + "^origin/main\n"
            work = self.folder / "work"
            command = ["git", "pack-objects", "--revs", "--stdout", "-q", "--thin"]
            pack = subprocess.run(
                command, cwd=work, env=ENV, input=wanted.encode(), capture_output=True, check=True
            ).stdout
            receiver = push.receiver(pushes.check_pack(pack))
            if pushes.check_pack(pack):
                subprocess.run(
                    receiver.argv, env=dict(receiver.environ), input=pack, check=True, stdout=subprocess.DEVNULL
                )
            meanwhile()
            return push_publishing.finish(push)
        finally:
            self.warnings = push.progress.warnings
            push.close()


def reasons(verdicts: list[CommandStatus]) -> dict[str, str | None]:
    return {verdict.ref: verdict.reason for verdict in verdicts}
