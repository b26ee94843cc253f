"""URLs of repositories and commits, as strings with attributes for their parts."""

from __future__ import annotations

import dataclasses
import urllib.parse

from entrepot.client.paths import current_paths
from entrepot.errors import Malformed
from entrepot.names import VERSIONED_TYPES, RepoType, parse_repo_id


class RepoUrl(str):
    """The URL of a repository's page: a string with ``namespace``, ``repo_name``, ``repo_id`` and ``repo_type``.

    Raises:
        Malformed: the URL is not that of a repository of the hub at ``endpoint``.
        InvalidName: the repository id breaks a rule.
    """

    def __new__(cls, url: str, endpoint: str | None = None) -> RepoUrl:  # noqa: D102 - documented by the class
        return super().__new__(cls, url)

    def __init__(self, url: str, endpoint: str | None = None) -> None:
        self.endpoint = endpoint or current_paths().endpoint
        kind, repo_id = _read(str(url), self.endpoint)
        parsed = parse_repo_id(repo_id)
        self.namespace, self.repo_name = parsed.namespace, parsed.name
        self.repo_id = repo_id
        self.repo_type: str = kind.value
        self.url = str(self)

    def __reduce__(self) -> tuple[object, ...]:
        return RepoUrl, (str(self), self.endpoint)

    def __repr__(self) -> str:
        return f"RepoUrl('{self}', endpoint='{self.endpoint}', repo_type='{self.repo_type}', repo_id='{self.repo_id}')"


@dataclasses.dataclass
class CommitInfo(str):
    """A commit: the URL of its page as a string, with fields; those about a pull request may be None."""

    commit_url: str
    commit_message: str
    commit_description: str
    oid: str
    _endpoint: str | None = dataclasses.field(default=None, repr=False)
    pr_url: str | None = None
    repo_url: RepoUrl = dataclasses.field(init=False)
    pr_revision: str | None = dataclasses.field(init=False)
    pr_num: int | None = dataclasses.field(init=False)

    def __new__(cls, commit_url: str, *_args: object, **_kwargs: object) -> CommitInfo:  # noqa: D102 - as above
        return str.__new__(cls, commit_url)

    def __post_init__(self) -> None:
        self.repo_url = RepoUrl(self.commit_url.split("/commit/")[0], endpoint=self._endpoint)
        number = self.pr_url.rpartition("/discussions/")[2] if self.pr_url else ""
        if self.pr_url and not number.isdigit():
            raise Malformed("pull request URL", f"{self.pr_url!r} does not end in its number")
        self.pr_num = int(number) if number else None
        self.pr_revision = f"refs/pr/{number}" if number else None

    def __reduce__(self) -> tuple[object, ...]:
        values = (self.commit_url, self.commit_message, self.commit_description, self.oid, self._endpoint, self.pr_url)
        return type(self), values


def _read(url: str, endpoint: str) -> tuple[RepoType, str]:
    """Return type and id from a URL, or from ``namespace/name`` and ``datasets/namespace/name``."""
    path = url.removeprefix(endpoint)
    if "://" in path:
        # A hub with several host names may answer with another one than the endpoint's.
        path = urllib.parse.urlsplit(path).path
    parts = [part for part in path.split("/") if part]
    kind = next((kind for kind in VERSIONED_TYPES if kind.prefix and parts[:1] == [kind.plural]), RepoType.MODEL)
    parts = parts[1:] if kind is not RepoType.MODEL else parts
    if len(parts) != 2:
        raise Malformed("repository URL", f"{url!r} does not end in namespace/name")
    return kind, "/".join(parts)
