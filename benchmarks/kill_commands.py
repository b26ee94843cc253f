"""Operations of operators and of other clients that are killed at moments of their own duration."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from entrepot.hub.context import open_hub
from entrepot.hub.files import file_scrubbing, xorb_scrubbing
from entrepot.settings import load_settings
from tests.support.killed_operations import Halfway, Operation, Stage
from tests.support.machines import Machine
from tests.support.metaflow_flows import MetaflowEnvironment, make_environment

_TIMEOUT_S = 100
_IN_FOLDERS = {"ENTREPOT_DATABASE": "", "ENTREPOT_STORE": "", "ENTREPOT_SCRATCH": ""}


class Sweep(Operation):
    """``entrepot gc`` with something to delete, beside something to keep."""

    name = "gc"

    def prepare(self) -> None:
        """Make two repositories, and delete one of them."""
        self.create()
        self.sent = self.files(40, 30_000)
        self.commit(self.sent)
        self.create(f"{self.repo}-deleted")
        self.commit(self.files(60, 30_000), repo=f"models/tester/{self.repo}-deleted")
        with self.stage.client() as client:
            client.request("DELETE", "/api/repos/delete", json={"name": f"{self.repo}-deleted"}).raise_for_status()

    def act(self) -> None:
        """Delete everything that is not referenced."""
        self.run("gc", "--grace", "1s")

    def state(self) -> bool:
        """Compare what is kept; what is deleted is counted at the end."""
        return self.one_of(self.contents(), None, self.sent)


class Purge(Operation):
    """``entrepot admin users delete --purge`` of a user with repositories."""

    name = "purge of a user"
    is_repeatable = False

    def prepare(self) -> None:
        """Make a user with three repositories."""
        self.user = self.stage.hub.user(f"leaving{self.turn}")
        headers = {"authorization": f"Bearer {self.user.token}"}
        with self.stage.client() as client:
            for number in range(3):
                made = client.post("/api/repos/create", json={"name": f"m{number}"}, headers=headers)
                made.raise_for_status()

    def act(self) -> None:
        """Delete the user with all repositories."""
        self.run("admin", "users", "delete", self.user.name, "--purge", "--yes")

    def state(self) -> bool:
        """Look for the user; one that is left has repositories that can be deleted again."""
        with self.stage.client() as client:
            owner = client.get(f"/api/users/{self.user.name}/overview").status_code
            found = client.get(f"/api/models?author={self.user.name}").raise_for_status().json()
        if owner == 404 and found:
            raise Halfway(f"{self.name}: repositories without an owner: {found}")
        return owner == 404


class Scrub(Operation):
    """The verification of everything that is stored, as jobs do it."""

    name = "scrub"

    def prepare(self) -> None:
        """Add something to read."""
        self.create()
        self.sent = self.files(3, 2_000_000)
        self.commit(self.sent)

    def act(self) -> None:
        """Verify some of it."""
        self.run(function="benchmarks.kill_commands:scrub_all")

    def state(self) -> bool:
        """Compare the contents, which a scrub never changes."""
        return self.one_of(self.contents(), None, self.sent)


def scrub_all() -> None:
    """Verify everything that the hub of the environment stores."""
    found = load_settings(flags={}, environ=os.environ, toml_path=None, default_data=Path("absent"))
    with contextlib.closing(open_hub(found.settings)) as hub:
        for steps in (xorb_scrubbing.scrub_steps(hub), file_scrubbing.scrub_steps(hub)):
            for _ in steps:
                pass


class Backup(Operation):
    """``entrepot backup`` of the running hub."""

    name = "backup"

    def prepare(self) -> None:
        """Add something, and choose a folder: a new one every other time."""
        self.create()
        self.commit(self.files(30, 30_000))
        self.target = self.stage.folder / f"backup-{self.turn // 2}"
        self.before = self._snapshots()

    def act(self) -> None:
        """Add a snapshot."""
        self.run("backup", "create", str(self.target))

    def state(self) -> bool:
        """Verify every snapshot that is listed; an interrupted one is not."""
        found = self._snapshots()
        if found:
            self.run("backup", "verify", str(self.target))
        return found > self.before

    def _snapshots(self) -> int:
        if not (self.target / "snapshots").exists():
            return 0
        try:
            return len(json.loads(self.run("backup", "list", str(self.target), "--json")))
        except subprocess.CalledProcessError:  # killed before it was a backup folder
            return 0


class _Copy(Operation):
    """A hub that is written into new stores; the server is not touched by it."""

    is_repeatable = False

    def prepare(self) -> None:
        """Back up the hub once, and choose new stores."""
        self.backup = self.stage.folder / f"backup-of-{self.name.split()[0]}"
        if not self.backup.exists():
            self.create()
            self.commit(self.files(200, 20_000))
            self.run("backup", "create", str(self.backup))
        self.target = self.stage.folder / f"{self.repo}-target"
        self.places = self.stage.places()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the new hub."""
        return {**_IN_FOLDERS, **self.places, "ENTREPOT_DATA": str(self.target)}

    def state(self) -> bool:
        """Check the new hub, if there is one; half of one cannot be opened."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("admin", "users", "list", "--json", **self.settings)
            self.run("fsck", "--deep", **self.settings)
            return True
        return False


class Restore(_Copy):
    """``entrepot restore`` of a backup."""

    name = "restore"

    def act(self) -> None:
        """Restore it; into a folder, where no command goes on, as a new folder."""
        if not self.places and self.target.exists():
            self.target = self.target.with_name(f"{self.target.name}-again")
        self.run("restore", str(self.backup), **self.settings)


class Migration(_Copy):
    """``entrepot admin migrate`` of a hub that is stopped."""

    name = "migrate"

    def prepare(self) -> None:
        """Restore a backup as the hub that is to be moved."""
        super().prepare()
        self.source = self.stage.folder / "source-of-migration"
        self.old = {**_IN_FOLDERS, "ENTREPOT_DATA": str(self.source)}
        if not self.source.exists():
            self.run("restore", str(self.backup), **self.old)

    def act(self) -> None:
        """Move it; the same command goes on."""
        words = [("--to", self.places.get("ENTREPOT_DATABASE")), ("--store", self.places.get("ENTREPOT_STORE"))]
        more = [word for name, value in words if value for word in (name, value)]
        self.run("admin", "migrate", str(self.target), *more, **self.old)


class AssetHubCommit(Operation):
    """A session of Asset Hub that stages files and commits them, in a process of its own."""

    name = "commit of Asset Hub"
    _SCRIPT = (
        "import sys, pathlib; from entrepot import ah; folder = pathlib.Path(sys.argv[2]); "
        "names = [path.name for path in folder.iterdir()]; "
        "ah.stage(sys.argv[1], add={str(folder / name): f'files/{name}' for name in names}); "
        "ah.commit(sys.argv[1], 'files', force=True)"
    )

    def prepare(self) -> None:
        """Make a folder, a branch and files."""
        self.sent = {f"files/{path[6:]}": data for path, data in self.files(12, 50_000).items()}
        self.work = self.stage.folder / f"ah-{self.turn}"
        self.work.mkdir()
        for path, data in self.sent.items():
            (self.work / path[6:]).write_bytes(data)
        self._ah("import sys; from entrepot import ah; ah.create(sys.argv[1])")

    @property
    def repo(self) -> str:
        """The repository, which is in a folder."""
        return "x"

    def act(self) -> None:
        """Stage the files and commit them."""
        self._ah(self._SCRIPT)

    def state(self) -> bool:
        """Compare the files; what is staged is not part of the branch."""
        return self.one_of(self.contents(f"tester.killed{self.turn}/x"), {}, self.sent)

    def _ah(self, script: str) -> None:
        home = {"ENTREPOT_HOME": str(self.stage.folder / "ah-home"), "HOME": str(self.stage.folder)}
        environ = {**os.environ, **self.stage.hub.environ(), **home}
        path = f"/tester/t9k-assethub/model/killed{self.turn}/x"
        subprocess.run(
            [sys.executable, "-c", script, path, str(self.work)],
            env=environ, capture_output=True, timeout=_TIMEOUT_S, check=True,
        )  # fmt: skip


class FlowPush(Operation):
    """A step of a Metaflow flow that pushes its results."""

    name = "push of Metaflow"
    _FLOW = """
import pathlib
from metaflow import FlowSpec, current, hub, step

class Pushing(FlowSpec):
    @hub
    @step
    def start(self):
        self.model = current.hub.push("tester/{repo}", pathlib.Path("{work}"), message="trained")
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Pushing()
"""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.environment: MetaflowEnvironment | None = None

    def prepare(self) -> None:
        """Write the results of a step."""
        place = self.stage.folder / "metaflow"
        if self.environment is None:
            place.mkdir()
            self.environment = make_environment(place).with_hub(self.stage.hub)
        self.create()
        self.sent = self.files(20, 40_000)
        self.work = place / f"results-{self.turn}"
        for path, data in self.sent.items():
            (self.work / path).parent.mkdir(parents=True, exist_ok=True)
            (self.work / path).write_bytes(data)

    def act(self) -> None:
        """Run the flow."""
        assert self.environment is not None
        folder = self.stage.folder / f"flow-{self.turn}"
        folder.mkdir(exist_ok=True)
        run = self.environment.run(self._FLOW.format(repo=self.repo, work=self.work), folder=folder)
        if run.code != 0:
            raise subprocess.SubprocessError(run.text[-2_000:])

    def state(self) -> bool:
        """Compare the files."""
        return self.one_of(self.contents(), {}, self.sent)


class VersionPush(Operation):
    """``ml-git datasets push`` to the hub."""

    name = "push of ml-git"

    def prepare(self) -> None:
        """Commit a version of a dataset of its own."""
        hub = self.stage.hub
        writer = self._machine(f"writer-{self.turn}")
        self.entity = f"e{self.turn}"
        writer.ok("datasets", "create", self.entity, "--categories=killed", "--mutability=mutable")
        data = writer.folder / "datasets" / self.entity / "data"
        for path, content in self.files(30, 30_000).items():
            (data / path).parent.mkdir(exist_ok=True)
            (data / path).write_bytes(content)
        writer.ok("datasets", "add", self.entity)
        writer.ok("datasets", "commit", self.entity)
        self.writer, self.hub = writer, hub

    def act(self) -> None:
        """Push it, in a process of its own."""
        process = self.writer.start("datasets", "push", self.entity)
        out, err = process.communicate(timeout=_TIMEOUT_S)
        if process.returncode != 0:
            raise subprocess.SubprocessError(f"{out}{err}")

    def state(self) -> bool:
        """Let another machine check it out, if there is a version, and compare the files."""
        reader = self._machine(f"reader-{self.turn}-{self.dice.random()}")
        if self.entity not in reader.ok("datasets", "list") or reader.run("datasets", "tag", "list", self.entity).code:
            return False
        reader.ok("datasets", "checkout", self.entity)
        place = f"datasets/{self.entity}/data"
        return self.one_of(_digests(reader, place), None, _digests(self.writer, place))

    def _machine(self, name: str) -> Machine:
        hub = self.stage.hub
        place = self.stage.folder / "ml-git"
        machine = Machine.create(place, name, ENTREPOT_ENDPOINT=hub.url, ENTREPOT_TOKEN=hub.user("versions").token)
        machine.ok("repository", "init")
        machine.ok("repository", "remote", "datasets", "add", f"hub+{hub.url}/versions")
        machine.ok("datasets", "init")
        return machine


def _digests(machine: Machine, place: str) -> dict[str, Any]:
    return {path: hashlib.sha256(data).hexdigest() for path, data in machine.files(place).items()}
