"""References: plain JSON values that name a commit of a repository, or some of its files.

Flows store them as artifacts. They contain no token and no path of this
computer, and stay valid as long as the commit exists.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

import attrs

from entrepot.client.paths import parse_endpoint
from entrepot.errors import ConfigError, InvalidArgument, InvalidName
from entrepot.metaflow.specs import parse_patterns
from entrepot.names import RepoRef, is_oid, parse_repo_id, parse_repo_type

TYPE, VERSION = "hub", 1

_KEY = re.compile(r"hub/(models|datasets|spaces)/([^/@]+/[^/@]+)@([0-9a-f]{40})")


@attrs.frozen
class Reference:
    """A commit of a repository, and the files of it that were selected; ``revision`` is what was asked for."""

    endpoint: str
    ref: RepoRef
    revision: str
    commit: str
    allow: tuple[str, ...] | None
    ignore: tuple[str, ...] | None
    files: int
    size: int
    created_on: str

    @property
    def key(self) -> str:
        """The reference as text: ``hub/models/demo/bert@<commit>``."""
        return key_of(self.ref, self.commit)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain value to store as an artifact."""
        patterns = {"allow_patterns": self.allow, "ignore_patterns": self.ignore}
        return {
            "type": TYPE,
            "version": VERSION,
            "key": self.key,
            "endpoint": self.endpoint,
            "repo_id": str(self.ref.id),
            "repo_type": self.ref.type.value,
            "revision": self.revision,
            "commit": self.commit,
            **{name: list(value) for name, value in patterns.items() if value is not None},
            "files": self.files,
            "size": self.size,
            "created_on": self.created_on,
        }


def key_of(ref: RepoRef, commit: str) -> str:
    """Return the key of a commit: ``hub/models/demo/bert@<commit>``."""
    return f"hub/{ref.type.plural}/{ref.id}@{commit}"


def parse_key(key: str) -> tuple[RepoRef, str]:
    """Return the repository and the commit of a key.

    Raises:
        InvalidArgument: the text is not a key.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise InvalidArgument("expected a key like hub/models/demo/bert@ and a full commit id")
    try:
        return RepoRef(parse_repo_type(found[1]), parse_repo_id(found[2])), found[3]
    except InvalidName as error:
        raise InvalidArgument(f"the key names no repository: {error}") from error


def now() -> str:
    """Return the current time in the format of ``created_on``."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def is_reference(value: object) -> bool:
    """Return whether a value is a reference of a hub, judging by its type only."""
    return isinstance(value, Mapping) and value.get("type") == TYPE


def parse_reference(value: object) -> Reference:
    """Parse a reference.

    Raises:
        InvalidArgument: it is something else, of a newer version, or incomplete.
    """
    if not is_reference(value) or not isinstance(value, Mapping):
        kind = f"a dict of type {value.get('type')!r}" if isinstance(value, Mapping) else type(value).__name__
        raise InvalidArgument(
            f"expected a reference that snapshot_download or push of the hub returned, not {kind[:80]}; "
            "references of @checkpoint, and of @model that saved a model, need the package metaflow-checkpoint"
        )
    version = value.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise InvalidArgument(
            f"the reference has version {str(version)[:20]}, this client reads {VERSION}: install a newer entrepot"
        )
    try:
        ref = RepoRef(parse_repo_type(value["repo_type"]), parse_repo_id(value["repo_id"]))
        commit = value["commit"]
        if not is_oid(commit):
            raise InvalidArgument("the commit is not a full commit id")
        return Reference(
            parse_endpoint(value["endpoint"]),
            ref,
            str(value["revision"]),
            commit,
            parse_patterns("allow_patterns", value.get("allow_patterns")),
            parse_patterns("ignore_patterns", value.get("ignore_patterns")),
            int(value["files"]),
            int(value["size"]),
            str(value["created_on"]),
        )
    except (KeyError, TypeError, ValueError, InvalidName, ConfigError) as error:
        missing = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InvalidArgument(f"the reference of the hub is damaged: {missing}") from error
