"""Sites: namespaces of a real hub, and machines whose `ml-git` uses them as remote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from entrepot import HfApi
from entrepot.testing.hubs import RunningHub
from tests.support.machines import Machine

CATEGORIES = "--categories=computer-vision, images"
TAG = "computer-vision__images__{}__{}"
PATHS = ("train/batch_1", "train/batch_2", "train/batch_3")


class Site:
    """A hub with a namespace of its own, and machines that use it."""

    def __init__(self, hub: RunningHub, place: Path, name: str) -> None:
        self.hub = hub
        self.place = place
        self.user = hub.user(name)
        self.api = HfApi(endpoint=hub.url, token=self.user.token)

    @property
    def files(self) -> dict[str, bytes]:
        """Contents that no other test has sent to the hub."""
        return {path: f"{self.user.name} {path}".encode() * 50 for path in PATHS} | {"val/val_data": b""}

    @property
    def url(self) -> str:
        return f"hub+{self.hub.url}/{self.user.name}"

    def environ(self, token: str) -> dict[str, str]:
        """Return the variables of someone who has this token of the hub."""
        return {"ENTREPOT_ENDPOINT": self.hub.url, "ENTREPOT_TOKEN": token}

    def machine(self, name: str, *words: str) -> Machine:
        machine = Machine.create(self.place, name, **self.environ(self.user.token))
        machine.ok("repository", "init")
        for word in words:
            machine.ok("repository", "remote", word, "add", self.url)
            machine.ok(word, "init")
        return machine

    @classmethod
    def create(cls, hub: RunningHub, place: Path) -> Site:
        """Return a site whose namespace has the name of the test's folder."""
        return cls(hub, place, re.sub(r"[^a-z0-9]", "", place.name.lower())[-30:] + "x")


def publish(machine: Machine, word: str, name: str, *options: str) -> str:
    """Add, commit and push an entity; return what the push printed."""
    machine.ok(word, "add", name)
    machine.ok(word, "commit", name, *options)
    return machine.ok(word, "push", name)


def create(machine: Machine, word: str, name: str, mutability: str, files: Mapping[str, bytes], *options: str) -> None:
    """Create an entity with data."""
    machine.ok(word, "create", name, CATEGORIES, f"--mutability={mutability}", *options)
    for path, content in files.items():
        machine.write(f"{word}/{name}/data/{path}", content)
