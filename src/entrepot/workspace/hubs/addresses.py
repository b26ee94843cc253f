"""Addresses of namespaces on hubs, and the connection to one."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

import attrs

from entrepot.client.calls import Call, json_as
from entrepot.client.hubs import Hub, connect
from entrepot.client.paths import parse_endpoint, read_paths
from entrepot.errors import ConfigError, EntrepotError, InvalidName, UrlRefused
from entrepot.errors.redactions import redact
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.workspace.entities.specs import Spec
from entrepot.workspace.hubs.repo_names import repo_name

STORAGE = "hub"
"""The type of the storage of entities on a hub: ``hub://NAMESPACE``."""

_EXPLICIT = "hub+"
_PROBE_S = 10.0
_PATH = re.compile(r"/[A-Za-z0-9._-]+/?", re.ASCII)


@attrs.frozen
class EntityNamespace:
    """A namespace on a hub, where entities are repositories."""

    endpoint: str
    namespace: str

    @property
    def url(self) -> str:
        """The address in the form that configurations contain."""
        return f"{self.endpoint}/{self.namespace}"

    def repo(self, word: str, name: str) -> RepoRef:
        """Return the repository of an entity whose spec names none; labels are datasets on a hub.

        Args:
            word: the kind of the entity: ``datasets``, ``labels`` or ``models``.

        Raises:
            InvalidName: no repository can have this name.
        """
        return RepoRef(repo_type(word), parse_repo_id(f"{self.namespace}/{repo_name(name)}"))

    def repo_of(self, spec: Spec) -> RepoRef:
        """Return the repository of an entity: the one that its spec names, else the one with its name.

        Raises:
            InvalidName: no repository can have this name.
        """
        if not spec.repository:
            return self.repo(spec.kind.word, spec.name)
        return RepoRef(repo_type(spec.kind.word), parse_repo_id(f"{self.namespace}/{spec.repository}"))

    def git_url(self, ref: RepoRef) -> str:
        """Return the URL of a repository for git."""
        return f"{self.endpoint}/{ref.path}.git"

    def connect(self, environ: Mapping[str, str]) -> Hub:
        """Return the connection to the hub, with the token of the environment or of the last login.

        The token of the environment is for the hub that the environment names: the address is from the
        configuration of a project, which may have been cloned from anyone.

        Raises:
            ConfigError: a variable cannot be used.
        """
        paths = attrs.evolve(read_paths(environ), is_endpoint_given=True)
        return connect(self.endpoint, paths=paths, library_name="ml-git")


def repo_type(word: str) -> RepoType:
    """Return the type of the repositories of a kind of entities."""
    return RepoType.MODEL if word == "models" else RepoType.DATASET


def parse_hub_url(text: str) -> EntityNamespace:
    """Parse the address of a namespace: ``https://hub.example.org/alice``, with or without ``hub+`` before it.

    Raises:
        UrlRefused: it is not one.
    """
    plain = text.removeprefix(_EXPLICIT).rstrip("/")
    endpoint, _, namespace = plain.rpartition("/")
    try:
        address = EntityNamespace(parse_endpoint(endpoint), namespace)
        parse_repo_id(f"{namespace}/x")
    except (ConfigError, InvalidName) as error:
        raise UrlRefused(redact(text), "expected https://HUB/NAMESPACE, without user or password") from error
    return address


def find_hub(text: str, environ: Mapping[str, str]) -> EntityNamespace | None:
    """Return the namespace that the URL of a remote names; None if it is a git URL.

    ``hub+https://…`` always names one. A URL with one path segment names one if a hub of this kind answers there.

    Raises:
        UrlRefused: the URL begins with ``hub+``, and what follows is no address.
    """
    if text.startswith(_EXPLICIT):
        return parse_hub_url(text)
    if not text.startswith(("http://", "https://")):
        return None
    try:
        path = urllib.parse.urlsplit(text).path
        if not _PATH.fullmatch(path) or path.endswith(".git"):
            return None
        address = parse_hub_url(text)
        answer = address.connect(environ).send(_WHAT, timeout_s=_PROBE_S)
    except (EntrepotError, ValueError):
        return None
    return address if answer.get("hub") == "entrepot" else None


_WHAT = Call("GET", "/-/hub", json_as(dict[str, Any]), is_authorized=False)
