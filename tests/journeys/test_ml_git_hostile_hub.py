"""A hub that lies: nothing is written outside the project, no token goes elsewhere, and every lie is an exit code."""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from entrepot.names import Oid, RepoRef, RepoType, parse_repo_id
from entrepot.testing.hubs import RunningHub
from entrepot.workspace.hubs.repositories import HubMetadata
from entrepot.workspace.hubs.trees import read_entries, write_entries
from entrepot.workspace.metadata.git_objects import write_commit, write_tag
from entrepot.workspace.metadata.secure_git import check_identity
from tests.support.commands import Outcome
from tests.support.hub_sites import TAG, Site, create, publish
from tests.support.machines import Machine, git
from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse
from tests.support.scripted_hub import Reply, ScriptedHub

Lie = Callable[[RelayedResponse, str], RelayedResponse]
pytestmark = pytest.mark.timeout(300)

JSON = {"content-type": "application/json"}
ESCAPE = "\x1b[2J\x1b]0;owned\x07"


@attrs.frozen
class Scene:
    """A hub with the published dataset ``x``, a relay before it that can lie, and a host that waits for tokens."""

    site: Site
    relay: Relay
    elsewhere: ScriptedHub
    writer: Machine

    def machine(self) -> Machine:
        """Return a machine that knows the hub by its relay only."""
        token = self.site.user.token
        machine = Machine.create(self.site.place, "bob", ENTREPOT_ENDPOINT=self.relay.url, ENTREPOT_TOKEN=token)
        machine.ok("repository", "init")
        machine.ok("repository", "remote", "datasets", "add", f"hub+{self.relay.url}/{self.site.user.name}")
        return machine

    def lie(self, pattern: str, lie: Lie) -> None:
        """Change the responses to all requests whose path matches."""

        def rule(asked: RelayedRequest, pass_on: PassOn) -> RelayedResponse:
            told = pass_on(asked)
            return lie(told, self.elsewhere.url) if re.search(pattern, asked.path) else told

        self.relay.rule = rule

    def check(self, name: str, machine: Machine, outcome: Outcome, before: set[Path]) -> None:
        """Check what holds for every lie: a refusal in words, no new file elsewhere, no token elsewhere."""
        said = f"{name}: {outcome.out}{outcome.err}"
        assert outcome.code in (1, 3, 4), said
        assert "ERROR - " in said
        assert "\x1b" not in said
        assert self.site.user.token not in said
        assert self.outside(machine) == before, name
        assert not [seen for seen in self.elsewhere.seen if self.site.user.token in str(seen.headers)], name

    @property
    def repo(self) -> RepoRef:
        """The repository of the dataset."""
        return RepoRef(RepoType.DATASET, parse_repo_id(f"{self.site.user.name}/x"))

    def outside(self, machine: Machine) -> set[Path]:
        """Return everything that is not inside the project of a machine."""
        return {path for path in self.site.place.rglob("*") if machine.folder not in path.parents}


@pytest.fixture
def scene(entrepot_hub: RunningHub, scripted_hub: ScriptedHub, tmp_path: Path) -> Iterator[Scene]:
    site = Site.create(entrepot_hub, tmp_path)
    writer = site.machine("ann", "datasets")
    create(writer, "datasets", "x", "mutable", site.files)
    publish(writer, "datasets", "x")
    relay = Relay(entrepot_hub.url)
    yield Scene(site, relay, scripted_hub, writer)
    relay.close()


def whole(body: bytes | str, status: int = 200, **headers: str) -> Lie:
    """Return a lie that replaces the response."""
    content = body.encode() if isinstance(body, str) else body
    sent = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda told, elsewhere: RelayedResponse(status, sent, content)


@functools.cache
def bomb() -> bytes:
    """Return 300 MiB of JSON, compressed: made when the first test needs it."""
    return gzip.compress(b"[" + b" " * (300 << 20), 1)


def send_bomb(told: RelayedResponse, elsewhere: str) -> RelayedResponse:
    return RelayedResponse(200, {**JSON, "content-encoding": "gzip"}, bomb())


def redirect(to: str) -> Lie:
    """Return a lie that leads elsewhere; ``{}`` stands for the other host."""
    return lambda told, elsewhere: RelayedResponse(302, {"location": to.format(elsewhere)})


def main_is(text: str) -> Lie:
    """Return a lie about the commit of the branch main."""

    def lie(told: RelayedResponse, elsewhere: str) -> RelayedResponse:
        refs = json.loads(told.body)
        for branch in refs["branches"]:
            branch["targetCommit"] = text
        return attrs.evolve(told, body=json.dumps(refs).encode())

    return lie


LISTING, REFS, GIT, CONTENTS = r"/api/datasets\?", r"/x/refs", r"\.git/info/refs", r"/contents/|/resolve/"
LIES: dict[str, tuple[str, Lie]] = {
    "a listing that is no JSON": (LISTING, whole("<html>")),
    "a listing of a million levels": (LISTING, whole("[" * 1_000_000)),
    "a listing that is a bomb": (LISTING, send_bomb),
    "a listing that is packed twice": (
        LISTING,
        whole(gzip.compress(gzip.compress(b"[]")), content_encoding="gzip, gzip"),
    ),
    "a listing in an encoding of its own": (LISTING, whole(b"[]", content_encoding="zstd")),
    "a redirect to a file": (LISTING, redirect("file:///etc/passwd")),
    "a redirect in a circle": (LISTING, redirect("/api/datasets?again")),
    "a redirect to another host": (LISTING, redirect("{}/api/datasets")),
    "a refusal with escapes": (REFS, whole(json.dumps({"error": ESCAPE}), 400)),
    "a commit that is an option": (REFS, main_is("--output=/tmp/owned")),
    "a redirect of git to another host": (GIT, redirect("{}/x.git/info/refs?service=git-upload-pack")),
    "a redirect of git to a file": (GIT, redirect("file:///tmp/x.git/info/refs?service=git-upload-pack")),
    "a git answer that is none": (GIT, whole(ESCAPE * 100)),
}


def test_metadata_that_lies(scene: Scene) -> None:
    scene.elsewhere.on("GET", "/api/datasets", Reply("no"))
    machine = scene.machine()
    before = scene.outside(machine)
    for name, lie in LIES.items():
        scene.lie(*lie)
        scene.check(name, machine, machine.run("datasets", "init"), before)
        assert not (machine.folder / ".ml-git/datasets/hub-metadata").exists(), name


def test_names_that_lead_out_are_no_entities(scene: Scene) -> None:
    def lie(told: RelayedResponse, elsewhere: str) -> RelayedResponse:
        listed = json.loads(told.body)
        names = ("../../owned", "/etc/owned", "a\\..\\owned", ".", "..", "x.git", "-x", "\u001b[2J", "%2e%2e/owned")
        card = {"entrepot": {"kind": "datasets"}}
        forged = [{**listed[0], "id": f"{scene.site.user.name}/{name}", "cardData": card} for name in names]
        return attrs.evolve(told, body=json.dumps([*forged, *listed]).encode())

    machine = scene.machine()
    before = scene.outside(machine)
    scene.lie(LISTING, lie)
    machine.ok("datasets", "init")
    assert machine.ok("datasets", "list") == "ML dataset\n|-- x\n"
    assert scene.outside(machine) == before


def damage(told: RelayedResponse, elsewhere: str) -> RelayedResponse:
    return attrs.evolve(told, body=bytes(byte ^ 1 for byte in told.body)) if told.status < 300 else told


def longer(told: RelayedResponse, elsewhere: str) -> RelayedResponse:
    return attrs.evolve(told, body=told.body + b"more" * 100_000) if told.status < 300 else told


DAMAGE: dict[str, tuple[str, Lie, int]] = {
    "other bytes": (CONTENTS, damage, 4),
    "more bytes than the manifest says": (CONTENTS, longer, 4),
    "a content that is a bomb": (CONTENTS, send_bomb, 4),
    "a content from a file": (CONTENTS, redirect("file:///etc/passwd"), 1),
    "a content from another host": (CONTENTS, redirect("{}/content"), 4),
    "a content in a circle": (CONTENTS, redirect("/resolve/b"), 1),
}


def test_contents_that_lie(scene: Scene) -> None:
    scene.elsewhere.on("GET", "/content", Reply("other" * 1000))
    machine = scene.machine()
    machine.ok("datasets", "init")
    before = scene.outside(machine)
    for name, (pattern, lie, code) in DAMAGE.items():
        scene.lie(pattern, lie)
        outcome = machine.run("datasets", "checkout", "x")
        scene.check(name, machine, outcome, before)
        assert outcome.code == code, f"{name}: {outcome}"
        assert not (machine.folder / "datasets").exists(), name
    scene.relay.rule = lambda asked, pass_on: pass_on(asked)
    machine.ok("datasets", "checkout", "x")
    assert machine.files("datasets/x/data") == scene.site.files


def forge(scene: Scene, number: int, spec: Callable[[str, int], str], manifest: Callable[[str], str]) -> str:
    """Publish a version of ``x`` with another spec and manifest, as anyone with git can, and return its tag."""
    metadata = scene.writer.state().metadata
    assert isinstance(metadata, HubMetadata)
    tag, first = TAG.format("x", number), metadata.refs().tags[TAG.format("x", 1)].commit
    head = metadata.git.line("ls-remote", metadata.address.git_url(scene.repo), "refs/heads/main").split("\t")[0]
    metadata.git.run("fetch", "--quiet", metadata.address.git_url(scene.repo), head)
    texts = {path: git(metadata.folder, "show", f"{first}:{path}") for path in ("x.spec", "MANIFEST.yaml")}
    changed = {"x.spec": spec(texts["x.spec"], number), "MANIFEST.yaml": manifest(texts["MANIFEST.yaml"])}
    entries = read_entries(metadata.git, first)
    tree = write_entries(
        metadata.git,
        ((mode, path, changed[path].encode() if path in changed else oid) for path, (mode, oid) in entries.items()),
    )
    commit = write_commit(metadata.git, tree, (Oid(head),), "forged\n")
    oid = write_tag(metadata.git, tag, commit, "forged", check_identity(metadata.git))
    url = metadata.address.git_url(scene.repo)
    metadata.git.run("push", "--quiet", url, f"{commit}:refs/heads/main", f"{oid}:refs/tags/{tag}")
    return tag


def numbered(spec: str, number: int) -> str:
    return spec.replace("version: 1", f"version: {number}")


def in_folder(folder: str) -> Callable[[str, int], str]:
    return lambda spec, number: f"{numbered(spec, number).rstrip()}\n  entity-dir: {folder}\n"


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda manifest: re.sub(old, new, manifest)


SIZE, DIGEST, PATH = r'"size":\d+', r'"sha256":"[0-9a-f]{64}"', "data/train/batch_1"
CID = "zdj7WZtr6BJb6GLQ8Zvqg6FZLFKrzCqXC2j3MLeV7nkoSzbuV"
FORGERIES: dict[str, tuple[Callable[[str, int], str], Callable[[str], str]]] = {
    **{
        f"the path {path}": (numbered, replaced(PATH, path))
        for path in ("../owned", "../../../../owned", "/owned", "a/../../owned", ".git/hooks/x", ".ml-git/x", "a//b")
    },
    **{f"the folder {folder}": (in_folder(folder), str) for folder in ("../..", "a/../../..", "../../.ml-git", ".git")},
    **{f"the size {size}": (numbered, replaced(SIZE, f'"size":{size}')) for size in ("1", str(1 << 48), "-5", "1e400")},
    "a content that is nowhere": (numbered, replaced(DIGEST, f'"sha256":"{"0" * 64}"')),
    "a content of the old format": (numbered, replaced(DIGEST, f'"cid":"{CID}"')),
    "a digest that is a path": (numbered, replaced(DIGEST, '"sha256":"../../../owned"')),
}


def test_versions_that_lie(scene: Scene) -> None:
    tags = {name: forge(scene, number, *forgery) for number, (name, forgery) in enumerate(FORGERIES.items(), 2)}
    machine = scene.machine()
    machine.ok("datasets", "init")
    before, config = scene.outside(machine), (machine.folder / ".ml-git/config.yaml").read_bytes()
    for name, tag in tags.items():
        scene.check(name, machine, machine.run("datasets", "checkout", tag), before)
        assert (machine.folder / ".ml-git/config.yaml").read_bytes() == config, name
        assert not (machine.folder / "datasets").exists(), name


PUSHES: dict[str, tuple[str, Lie]] = {
    "a refusal with escapes": (r"/info/lfs/objects/batch", whole(json.dumps({"message": ESCAPE}), 422)),
    "an upload to another host": (r"/bulk|/info/lfs/objects/batch$|/api/.*(uploads|contents)", redirect("{}/steal")),
    "a push to another host": (r"git-receive-pack", redirect("{}/x.git/info/refs?service=git-receive-pack")),
    "a bomb": (r"/info/lfs/objects/batch", send_bomb),
}


def test_pushes_to_a_hub_that_lies(scene: Scene) -> None:
    machine = scene.machine()
    machine.ok("datasets", "init")
    machine.ok("datasets", "checkout", "x")
    machine.write("datasets/x/data/new", f"new {scene.site.user.name}")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    before = scene.outside(machine)
    for name, lie in PUSHES.items():
        scene.lie(*lie)
        scene.check(name, machine, machine.run("datasets", "push", "x"), before)
    scene.relay.rule = lambda asked, pass_on: pass_on(asked)
    assert machine.ok("datasets", "push", "x").startswith(f"published {TAG.format('x', 2)}")
