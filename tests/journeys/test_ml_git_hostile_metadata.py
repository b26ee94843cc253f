"""Hostile metadata at a remote: specs, manifests, tags and authors that anyone may have pushed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.machines import Machine, Team, create_team, git, published

SHA = "a" * 64
ESCAPES = "\x1b]0;title\x07\x1b[31m\u202e"


def row(path: str, sha: str = SHA, size: object = 3) -> str:
    return f'{{"format":2,"files":{{\n{json.dumps(path)}:{{"sha256":"{sha}","size":{json.dumps(size)}}}\n}}}}\n'


MANIFESTS = {
    "no mapping": "[]",
    "another format": '{"format":3,"files":{\n}}\n',
    "a tag of Python": "!!python/object/apply:os.system ['touch STOLEN']",
    "an alias": "a: &a [x]\nb: [*a, *a]\n",
    "aliases of aliases": "".join(f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * 9) + "]\n" for n in range(1, 20)),
    "deep": "[" * 2_000,
    "deep objects": '{"format":2,"files":' * 500,
    "not UTF-8": "\udcff",
    "parts that are missing": '{"format":2,"parts":["MANIFEST.d/0123456789abcdef.json"]}',
    "parts that lead out": '{"format":2,"parts":["../../../../etc/passwd"]}',
    "many parts": '{"format":2,"parts":[' + ",".join(['"MANIFEST.d/0123456789abcdef.json"'] * 50_000) + "]}",
    "a path that leads out": row("../../../out"),
    "an absolute path": row("/tmp/out"),
    "a path into git": row(".git/hooks/post-checkout"),
    "a path into git on Windows": row("GIT~1/config"),
    "a path into the settings": row(".ml-git/config.yaml"),
    "a backslash": row("a\\..\\..\\out"),
    "a drive": row("C:\\out"),
    "a NUL": row("a\0b"),
    "a line break": row("a\nb"),
    "an escape": row(f"a{ESCAPES}b"),
    "a surrogate": row("a\udc80b").replace("\udc80", "\\udc80"),
    "a long name": row("n" * 300),
    "a long path": row("/".join(["d"] * 5000)),
    "an empty path": row(""),
    "the path of the spec": row("x.spec"),
    "a negative size": row("f", size=-5),
    "a huge size": row("f", size=10**30),
    "a large size": row("f", size=1 << 60),
    "a size that is text": row("f", size="3"),
    "a short digest": row("f", sha="ab"),
    "a digest with a path": row("f", sha="../" + "a" * 61),
    "a content that is nowhere": row("f"),
    "an old path that leads out": f"zdj7W{'a' * 44}: !!set\n  ? ../../out\n",
    "an old id with a path": "../../x: !!set\n  ? a/b\n",
    "an old content that is nowhere": "zdj7WWYTbR7zxVQ1uUqSrhb5KxNEKbLxNbPBmvLVEJHqnPZQn: !!set\n  data/f:\n",
    "an old set of sets": f"zdj7W{'a' * 44}: !!set\n  ? [a, b]\n",
}
SPECS = {
    "empty": "",
    "another root": "model: {}\n",
    "no mapping": "dataset: [1]\n",
    "a tag of Python": "dataset: !!python/object/apply:os.system ['touch STOLEN']\n",
    "an alias": "dataset: &a {b: *a}\n",
    "another name": "dataset: {name: y, version: 1, categories: [vision, images], manifest: {storage: 's3h://b'}}\n",
    "a long number": "dataset: {name: x, version: " + "9" * 5000 + ", categories: [vision, images]}\n",
    "a name with a path": "dataset: {name: ../x, version: 1, categories: [vision, images]}\n",
    "a deep category": "dataset: {name: x, version: 1, categories: [[[vision]], {images: 1}]}\n",
    "categories without end": "dataset: {name: x, version: 1, categories: [" + "a, " * 2_000 + "]}\n",
    "more than a megabyte": "# " + "x" * (1 << 20) + "\ndataset: {}\n",
}
KEYS = {
    "a storage that leads out": ("manifest", {"storage": "file:///tmp/../etc"}),
    "a storage with a line break": ("manifest", {"storage": "s3h://a\nb"}),
    "a storage that is a list": ("manifest", {"storage": ["s3h://a"]}),
    "a manifest that is text": ("manifest", "text"),
    "a mutability of no kind": ("mutability", "rigid"),
    "a mutability that is a list": ("mutability", [1]),
}

TEXTS = {
    "a title": ESCAPES,
    "a tag of Python": "!!python/name:os.system",
    "a script": "<script>alert(1)</script>",
    "the end of a graph": '"];}',
    "an option": "-o x",
}
DOCUMENTS = ("x/x.spec", "x/MANIFEST.yaml", "x/README.md", "x/.mlgitignore", "x")
FOLDERS = (".ml-git", "A/.ML-GIT")
BRANCHES = ("--upload-pack=touch+STOLEN", "-u", "a;touch", "$(x)")
ALMOST = ("vision__images__x__0099", "vision__images__x__99999999999999999999", "x__-1", "__1")


class Forger:
    """A clone of the remote in which versions of `x` are forged, each on the genuine first one."""

    def __init__(self, remote: Path, clone: Path) -> None:
        git(clone.parent, "clone", "-q", str(remote), str(clone))
        for key, value in (("user.name", "eve"), ("user.email", "eve@example.org")):
            git(clone, "config", key, value)
        self.clone = clone
        self.genuine = git(clone, "rev-parse", "HEAD").strip()
        self.spec = (clone / "x/x.spec").read_text()
        self.tags: dict[str, str] = {}

    def number(self) -> int:
        """Return the number of the next version."""
        return len(self.tags) + 2

    def numbered(self) -> None:
        """Give the spec the number of the next version."""
        (self.clone / "x/x.spec").write_text(self.spec.replace("version: 1", f"version: {self.number()}"))

    def tag(self, label: str, commit: str = "HEAD") -> None:
        """Name a commit as the next version."""
        name = f"vision__images__x__{self.number()}"
        git(self.clone, "tag", "-am", "forged", name, commit)
        self.tags[label] = name

    def commit(self, label: str) -> None:
        """Make a version of what is in the clone, and go back to the genuine one."""
        git(self.clone, "add", "-fA")
        git(self.clone, "commit", "-q", "--allow-empty", "-m", f"forged {ESCAPES}\n\nTag: fake")
        self.tag(label)
        git(self.clone, "reset", "-q", "--hard", self.genuine)

    def write(self, command: str, content: bytes, *options: str) -> str:
        """Write an object and return its id."""
        done = subprocess.run(
            ["git", command, *options], cwd=self.clone, input=content, capture_output=True, check=True
        )
        return done.stdout.decode().strip()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    return create_team(tmp_path_factory.mktemp("team"))


@pytest.fixture(scope="module")
def machine(team: Team) -> Machine:
    """A machine with the published dataset `x`, strict, of two files."""
    return published(team, a="one", b="two")


@pytest.fixture(scope="module")
def forged(team: Team, machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The tags of forged versions by what is wrong with them; the machine has fetched all of them."""
    forger = Forger(team.remote("datasets"), tmp_path_factory.mktemp("eve") / "clone")
    clone = forger.clone
    for label, text in MANIFESTS.items():
        forger.numbered()
        (clone / "x/MANIFEST.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
        forger.commit(f"manifest: {label}")
    for label, text in SPECS.items():
        (clone / "x/x.spec").write_text(text)
        forger.commit(f"spec: {label}")
    for label, (key, value) in KEYS.items():
        data = {"name": "x", "version": forger.number(), "categories": ["vision", "images"], "mutability": "strict"}
        data |= {"manifest": {"storage": "file:///x"}, key: value}
        (clone / "x/x.spec").write_text(json.dumps({"dataset": data}))
        forger.commit(f"key: {label}")
    for place in DOCUMENTS:
        forger.numbered()
        _replace_by_link(clone / place)
        forger.commit(f"link: {place}")
    for folder in FOLDERS:
        _forge_folder(forger, folder)
    git(clone, "config", "user.name", "eve\x1b[31m\u202e")
    for label, text in TEXTS.items():
        forger.numbered()
        manifest = f"    data-plugin: {json.dumps(text)}\n    storage:"
        spec = (clone / "x/x.spec").read_text().replace("    storage:", manifest, 1)
        (clone / "x/x.spec").write_text(f"{spec}  metadata: {json.dumps({text: text})}\n")
        forger.commit(f"text: {label}")
    for label, spot in (("tree", "HEAD^{tree}"), ("blob", "HEAD:x/x.spec")):
        name = f"vision__images__x__{forger.number()}"
        git(clone, "update-ref", f"refs/tags/{name}", git(clone, "rev-parse", spot).strip())
        forger.tags[f"tag: of a {label}"] = name
    forger.tag("tag: of another version", "vision__images__x__1")
    for name in ALMOST:
        git(clone, "tag", "-am", "forged", name)
    heads = [f"{forger.genuine}:refs/heads/{name}" for name in BRANCHES]
    git(clone, "push", "-q", "origin", "refs/tags/*:refs/tags/*", *heads)
    machine.ok("datasets", "update")
    return forger.tags


def _replace_by_link(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to("/etc/passwd")


def _forge_folder(forger: Forger, folder: str) -> None:
    """Forge a version whose entity is in the folder of the settings."""
    forger.numbered()
    rows = b""
    for name in ("x.spec", "MANIFEST.yaml"):
        oid = forger.write("hash-object", (forger.clone / "x" / name).read_bytes(), "-w", "--stdin")
        rows += f"100644 blob {oid}\t{name}\n".encode()
    tree = forger.write("mktree", rows)
    for name in reversed([*folder.split("/"), "x"]):
        tree = forger.write("mktree", f"040000 tree {tree}\t{name}\n".encode())
    forger.tag(f"folder: {folder}", git(forger.clone, "commit-tree", tree, "-p", "HEAD", "-m", "forged").strip())
    git(forger.clone, "reset", "-q", "--hard", forger.genuine)


USABLE = {f"text: {label}" for label in TEXTS} | {"link: x/README.md", "link: x/.mlgitignore"}
LABELS = (
    *(f"manifest: {label}" for label in MANIFESTS),
    *(f"spec: {label}" for label in SPECS),
    *(f"key: {label}" for label in KEYS),
    *(f"link: {place}" for place in DOCUMENTS),
    *(f"folder: {folder}" for folder in FOLDERS),
    *(f"text: {label}" for label in TEXTS),
    *(f"tag: of {what}" for what in ("a tree", "a blob", "another version")),
)


def assert_calm(code: int, shown: str) -> None:
    """Whether a command ended without a bug, and printed nothing that steers a terminal."""
    assert code != 70, shown
    assert "Traceback" not in shown
    assert not {"\x1b", "\x07", "\u202e", "\0", "\r"} & {*shown}, shown


@pytest.mark.parametrize("label", LABELS)
def test_a_forged_version_changes_nothing_but_what_it_may(machine: Machine, forged: dict[str, str], label: str) -> None:
    place = machine.folder.parent
    before = {path for path in place.rglob("*") if ".ml-git" not in path.parts}
    files = machine.files("datasets/x/data")
    outcome = machine.run("datasets", "checkout", forged[label], "--force")
    assert_calm(outcome.code, outcome.out + outcome.err)
    assert outcome.code == 0 if label in USABLE else outcome.code in (1, 2, 4), outcome
    assert machine.files("datasets/x/data") == files
    new = {path for path in place.rglob("*") if ".ml-git" not in path.parts} - before
    assert {path.name for path in new} <= {".mlgitignore"}
    assert not any(path.is_symlink() for path in (machine.folder / "datasets").rglob("*"))


def test_all_other_commands_survive_all_forged_versions(machine: Machine, forged: dict[str, str]) -> None:
    machine.ok("datasets", "checkout", "x", "--version=1", "--force")
    for args in (
        ("datasets", "list"),
        ("datasets", "tag", "list", "x", "--all"),
        ("datasets", "log", "x", "--stat"),
        ("repository", "graph", "--dot"),
        ("repository", "graph", "--json"),
        ("datasets", "show", "x"),
        ("datasets", "status", "x"),
        ("datasets", "fsck"),
        ("repository", "gc", "--dry-run"),
    ):
        outcome = machine.run(*args)
        assert outcome.code == 0, outcome
        assert_calm(outcome.code, outcome.out + outcome.err)
    for args in (
        ("remote-fsck", "x", "--all-versions"),
        ("diff", "x", "vision__images__x__1", forged["manifest: a huge size"]),
        ("show", "x", "--tag", forged["text: a title"]),
        ("migrate", "x", "--all-versions"),
    ):
        outcome = machine.run("datasets", *args)
        assert_calm(outcome.code, outcome.out + outcome.err)
    shown = machine.ok("datasets", "tag", "list", "x").split()
    assert not set(ALMOST) & set(shown)
    assert not [path for path in machine.folder.rglob("*") if path.name == "STOLEN"]


def test_work_goes_on_after_forged_versions(team: Team, machine: Machine, forged: dict[str, str]) -> None:
    machine.ok("datasets", "checkout", "x", "--version=1", "--force")
    machine.write("datasets/x/data/c", "three")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    machine.ok("datasets", "push", "x")
    assert f"vision__images__x__{len(forged) + 2}" in team.tags()
