"""Specs: the YAML file that names an entity, its version, its storage and what it is linked to."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import InvalidName, Malformed
from entrepot.workspace.entities.kinds import EntityKind
from entrepot.workspace.entities.mutability import Mutability, parse_mutability
from entrepot.workspace.entities.version_tags import Identity, VersionTag, parse_categories, parse_name
from entrepot.workspace.entities.yaml_documents import parse_yaml, render_flat_yaml, render_yaml

MANIFEST_NAME = "MANIFEST.yaml"

_STORAGE = re.compile(r"([a-z][a-z0-9]*)://(\S(?:[^\x00-\x1f\x7f]*\S)?)")
_LONGEST_BUCKET = 1024
_PLAIN_TYPES = ("s3h", "azureblobh")
_PLAIN_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]*", re.ASCII)
_INVISIBLE = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_VERSION_LINE = re.compile(r"^([ \t]+version[ \t]*:[ \t]*)([0-9]+)([ \t]*(?:#.*)?)$", re.MULTILINE)
_FOLDER = "entity-dir"
_DERIVED = ("amount", "files", "size")


@attrs.frozen
class VersionLink:
    """A version of another entity that a version refers to; ``sha`` is the id of its commit."""

    tag: str
    sha: str


@attrs.frozen
class StorageRef:
    """A storage: its type, such as ``s3h``, and its bucket."""

    type: str
    bucket: str

    def __str__(self) -> str:
        return f"{self.type}://{self.bucket}"


@attrs.frozen
class Spec:
    """A spec; ``data`` is everything below the root key, in the order of the file. Never modified in place."""

    kind: EntityKind
    data: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the entity."""
        return str(self.data["name"])

    @property
    def version(self) -> int:
        """The number of the version."""
        return int(self.data["version"])

    @property
    def identity(self) -> Identity:
        """Categories and name."""
        return Identity(_categories(self.data["categories"]), self.name)

    @property
    def tag(self) -> VersionTag:
        """The tag of the version that the spec names."""
        return VersionTag(self.identity, self.version)

    @property
    def mutability(self) -> Mutability:
        """The mutability; old specs without one are strict."""
        return parse_mutability(self.data.get("mutability", "strict"))

    @property
    def storage(self) -> StorageRef:
        """The storage of the data."""
        return parse_storage(self._manifest.get("storage", self._manifest.get("store", "")))

    @property
    def repository(self) -> str:
        """The name of the repository on a hub; empty if it is that of the entity."""
        return str(self._manifest.get("repository") or "")

    @property
    def declared_size(self) -> str:
        """The total size that the spec of a version declares, with its unit; empty if it declares none."""
        return str(self._manifest.get("size") or "")

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics, in the order of the file; what is not a number is left out."""
        found = self.data.get("metrics")
        pairs = found.items() if isinstance(found, dict) else ()
        return {str(name): float(value) for name, value in pairs if isinstance(value, int | float)}

    @property
    def names_plugin(self) -> bool:
        """Whether the spec names a plugin, which is kept but never run."""
        return "data-plugin" in self._manifest

    def link(self, root: str) -> VersionLink | None:
        """Return the link to a version of the kind with this root key, or None."""
        found = self.data.get(root)
        if not isinstance(found, dict) or "tag" not in found:
            return None
        return VersionLink(str(found["tag"]), str(found.get("sha", "")))

    def links(self) -> dict[str, VersionLink]:
        """Return all links by the root key of their kind."""
        found = {root: self.link(root) for root in self.kind.links}
        return {root: link for root, link in found.items() if link is not None}

    def with_version(self, number: int) -> Spec:
        """Return the spec with another version number."""
        return self._replaced(version=number)

    def with_metrics(self, metrics: Mapping[str, float]) -> Spec:
        """Return the spec with another set of metrics."""
        return self._replaced(metrics=dict(sorted(metrics.items())))

    def with_links(self, links: Mapping[str, VersionLink]) -> Spec:
        """Return the spec with exactly these links."""
        data = {key: value for key, value in self.data.items() if key not in self.kind.links}
        return attrs.evolve(
            self, data=data | {root: {"sha": link.sha, "tag": link.tag} for root, link in links.items()}
        )

    def with_storage(self, storage: StorageRef) -> Spec:
        """Return the spec with another storage."""
        manifest = {key: value for key, value in self._manifest.items() if key != "store"}
        return self._replaced(manifest={**manifest, "storage": str(storage)})

    def with_repository(self, name: str) -> Spec:
        """Return the spec with the name of another repository on a hub; empty is that of the entity."""
        manifest = {key: value for key, value in self._manifest.items() if key != "repository"}
        return self._replaced(manifest=manifest | ({"repository": name} if name else {}))

    def with_contents(self, amount: int, size: str) -> Spec:
        """Return the spec as it is committed: with the number of files and their size."""
        manifest = {key: value for key, value in self._manifest.items() if key != "store"}
        manifest |= {"amount": amount, "files": MANIFEST_NAME, "size": size, "storage": str(self.storage)}
        return self._replaced(manifest=manifest)

    @property
    def folder(self) -> str:
        """The folder of the entity in a workspace, as versions on a hub say it."""
        above = str(self.data.get(_FOLDER) or "").strip("/")
        return f"{above}/{self.name}" if above else self.name

    def with_folder(self, folder: str) -> Spec:
        """Return the spec as it is committed on a hub, with the folder of the entity."""
        above = folder.rpartition("/")[0]
        data = {key: value for key, value in self.data.items() if key != _FOLDER}
        return attrs.evolve(self, data=data | ({_FOLDER: above} if above else {}))

    def declared(self) -> dict[str, Any]:
        """Return the part that the user declares: all but the version, links and values derived from the data."""
        data = copy.deepcopy({key: value for key, value in self.data.items() if key not in self.kind.links})
        data.pop("version", None)
        data.pop(_FOLDER, None)
        data["manifest"] = {key: value for key, value in self._manifest.items() if key not in _DERIVED}
        return data

    def render(self) -> str:
        """Return the YAML text: keys sorted, lists indented."""
        return render_yaml({self.kind.root: dict(self.data)})

    def render_content(self) -> str:
        """Return the YAML text below the root key as it is shown: keys sorted, lists not indented."""
        return render_flat_yaml(dict(self.data))

    @property
    def _manifest(self) -> dict[str, Any]:
        found = self.data.get("manifest")
        return found if isinstance(found, dict) else {}

    def _replaced(self, **values: object) -> Spec:
        return attrs.evolve(self, data={**self.data, **values})


def parse_spec(text: str | bytes, kind: EntityKind, what: str) -> Spec:
    """Parse and check a spec.

    Args:
        what: the file, for messages.

    Raises:
        Malformed: it is not YAML, a key is missing or has a value of another kind.
        InvalidName: the name, a category or the mutability breaks a rule.
    """
    document = parse_yaml(text, what)
    data = document.get(kind.root, document.get(kind.word))
    if not isinstance(data, dict):
        raise Malformed(what, f"expected the root key '{kind.root}'")
    _check_version(data.get("version"), what)
    if "categories" not in data or not isinstance(data.get("manifest", {}), dict):
        raise Malformed(what, "expected the keys 'categories' and 'manifest'")
    parse_name(str(data.get("name", "")))
    _categories(data["categories"])
    spec = Spec(kind, {str(key): value for key, value in data.items()})
    _ = spec.mutability, spec.storage
    return spec


def new_spec(
    kind: EntityKind, name: str, categories: Sequence[str], mutability: Mutability, storage: StorageRef, version: int
) -> Spec:
    """Return the spec of a new entity."""
    data: dict[str, Any] = {
        "categories": list(categories),
        "manifest": {"storage": str(storage)},
        "mutability": mutability.value,
        "name": name,
        "version": version,
    }
    return Spec(kind, data)


def parse_storage(text: object) -> StorageRef:
    """Return the storage that a URL such as ``s3h://bucket`` names.

    Raises:
        InvalidName: it is not ``<type>://<bucket>``.
    """
    match = _STORAGE.fullmatch(str(text))
    if match is None:
        raise InvalidName("storage", str(text), "expected <type>://<bucket>, for example s3h://my-bucket")
    type_, bucket = match[1], match[2]
    if len(bucket) > _LONGEST_BUCKET or ".." in bucket.split("/") or _INVISIBLE.search(bucket):
        raise InvalidName("storage", str(text)[:100], "the bucket is too long, or has '..' or invisible characters")
    if type_ in _PLAIN_TYPES and not _PLAIN_BUCKET.fullmatch(bucket):
        raise InvalidName("storage", str(text), "a bucket has letters, digits, '.', '-' and '_' only")
    return StorageRef(type_, bucket)


def edit_version(text: str, kind: EntityKind, number: int, what: str) -> str:
    """Return the text of a spec with another version; comments and the order of keys stay if possible.

    Raises:
        Malformed, InvalidName: the text is not a spec.
    """
    wanted = parse_spec(text, kind, what).with_version(number)
    edited = _VERSION_LINE.sub(rf"\g<1>{number}\g<3>", text, count=1)
    return edited if _is_same(edited, wanted, what) else wanted.render()


def edit_metrics(text: str, kind: EntityKind, metrics: Mapping[str, float], what: str) -> str:
    """Return the text of a spec with another set of metrics; comments elsewhere stay if possible.

    Raises:
        Malformed, InvalidName: the text is not a spec.
    """
    spec = parse_spec(text, kind, what)
    wanted = spec.with_metrics(metrics)
    if text == spec.render():
        return wanted.render()
    kept, indent = _without_block(text, "metrics")
    block = render_yaml({"metrics": dict(wanted.data["metrics"])})
    edited = kept.rstrip("\n") + "\n" + "".join(f"{indent}{line}\n" for line in block.splitlines())
    return edited if _is_same(edited, wanted, what) else wanted.render()


def _without_block(text: str, key: str) -> tuple[str, str]:
    """Return a text without the block of a key on the second level, and the indentation of that level."""
    lines = text.splitlines(keepends=True)
    indents = [line[: len(line) - len(line.lstrip(" "))] for line in lines]
    indent = next((i for i, line in zip(indents, lines, strict=True) if i and not line.lstrip().startswith("#")), "  ")
    kept: list[str] = []
    is_inside = False
    for line, own in zip(lines, indents, strict=True):
        if own == indent and line.strip():
            is_inside = line.strip().startswith(f"{key}:")
        elif line.strip() and len(own) < len(indent):
            is_inside = False
        if not is_inside:
            kept.append(line)
    return "".join(kept), indent


def _is_same(text: str, wanted: Spec, what: str) -> bool:
    try:
        return parse_spec(text, wanted.kind, what).data == wanted.data
    except (Malformed, InvalidName):
        return False


def _categories(value: object) -> tuple[str, ...]:
    words = value if isinstance(value, list) else str(value).split(",")
    return parse_categories(str(word) for word in words)


def _check_version(value: object, what: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 999_999_999:
        raise Malformed(what, "the version must be a whole number between 0 and 999,999,999")
