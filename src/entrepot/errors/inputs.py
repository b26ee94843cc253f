"""Errors about input that is invalid or exceeds a limit.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

import attrs

from entrepot.errors.base import Invalid, TooLarge, shown


@attrs.define
class InvalidName(Invalid):
    """A user, organisation, repository, branch or tag name breaks a rule."""

    what: str
    value: str
    rule: str

    @property
    def message(self) -> str:
        return f"invalid {self.what} {shown(self.value)}: {self.rule}"


@attrs.define
class InvalidSignInCode(Invalid):
    """A sign-in code is unknown, used or expired."""

    @property
    def message(self) -> str:
        return "this sign-in code is unknown, used or expired: ask an administrator of the hub for a new one"


@attrs.define
class InvalidPath(Invalid):
    """A path inside a repository breaks a rule."""

    path: str
    rule: str

    @property
    def message(self) -> str:
        return f"invalid path {shown(self.path)}: {self.rule}"


@attrs.define
class InvalidOperation(Invalid):
    """One operation of a commit cannot be applied."""

    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot apply the operation on {shown(self.path)}: {self.reason}"


@attrs.define
class Malformed(Invalid):
    """A document (request body, card, object, setting) cannot be read."""

    what: str
    reason: str

    @property
    def message(self) -> str:
        return f"malformed {self.what}: {self.reason}"


@attrs.define
class InvalidParameter(Invalid):
    """A parameter of the dataset viewer is missing or cannot be used."""

    name: str
    reason: str

    @property
    def message(self) -> str:
        return f"Parameter '{self.name}' {self.reason}"


@attrs.define
class UnsupportedDataset(Invalid):
    """A dataset or one of its files cannot be shown as a table."""

    what: str
    reason: str

    @property
    def message(self) -> str:
        return f"{self.what} cannot be shown as a table: {self.reason}"


@attrs.define
class QueryRefused(Invalid):
    """A query is not one SELECT, is wrong, or takes more than it may."""

    reason: str

    @property
    def message(self) -> str:
        return f"the query was refused: {self.reason}"


_PURPOSES = {"preview": "reads tables", "sso": "verifies tokens of other issuers"}
"""What the packages of each extra do."""


@attrs.define
class ExtraNotInstalled(Invalid):
    """The hub was installed without the packages that a request needs."""

    extra: str

    @property
    def message(self) -> str:
        return (
            f"this hub was installed without what {_PURPOSES.get(self.extra, 'this needs')}: "
            f"its administrator can run pip install 'entrepot[server,{self.extra}]'"
        )


@attrs.define
class LargeFileMissing(Invalid):
    """A commit names a large file whose bytes the caller has not uploaded to this repository."""

    path: str
    sha256: str

    @property
    def message(self) -> str:
        # This is the sentence of the public hub; clients and users search for it.
        return (
            "Your push was rejected because an LFS pointer pointed to a file that does not exist. "
            f"For instance, {shown(self.path)}: upload the object {self.sha256} first"
        )


@attrs.define
class XorbMissing(Invalid):
    """A shard uses chunks that are not stored, or that its uploader may not use; the message does not tell which."""

    xorb: str
    where: str

    @property
    def message(self) -> str:
        # Clients trust their local shard cache for weeks. It is keyed by the name of the store, which changes here.
        return (
            f"the chunks of xorb {self.xorb} ({self.where}) are not available to this token; upload again, "
            "and the client sends them. If that does not help, remove the folder 'xet' of the client's cache "
            "(usually ~/.cache/huggingface/xet)"
        )


@attrs.define
class ContentMismatch(Invalid):
    """The received bytes do not have the announced size or digest; none of them was kept."""

    what: str
    expected: str
    received: str

    @property
    def message(self) -> str:
        return f"{self.what} mismatch: announced {self.expected}, received {self.received}; nothing was kept"


@attrs.define
class ConfigError(Invalid):
    """A setting is unknown or has a value that cannot be used."""

    setting: str
    source: str
    reason: str

    @property
    def message(self) -> str:
        return f"setting {shown(self.setting)} ({self.source}): {self.reason}"


@attrs.define
class InvalidToken(ConfigError, ValueError):
    """A token cannot be used; the message says where the token came from, and never shows it."""

    @property
    def message(self) -> str:
        return f"the token ({self.source}) cannot be used: {self.reason}"


@attrs.define
class NotGated(Invalid):
    """An access request was made for a repository that is not gated."""

    repo: str
    kind: str

    @property
    def message(self) -> str:
        return f"the {self.kind} {self.repo} is not gated: no access request is needed"


@attrs.define
class AlreadyGranted(Invalid):
    """Access was granted to a user who already has it."""

    user: str
    repo: str

    @property
    def message(self) -> str:
        return f"{self.user} already has access to {self.repo}"


@attrs.define
class NotMergeable(Invalid):
    """A pull request cannot be merged; ``paths`` are the files in conflict, if there are conflicts."""

    number: int
    reason: str
    paths: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        text = f"pull request {self.number} cannot be merged: {self.reason}"
        if not self.paths:
            return text
        names = ", ".join(shown(path, quote=False) for path in self.paths[:20])
        more = f" and {len(self.paths) - 20} more" if len(self.paths) > 20 else ""
        return f"{text} in {names}{more}; merge the branch into refs/pr/{self.number}, or rewrite these files there"


@attrs.define
class RangeNotSatisfiable(Invalid):
    """A byte range lies outside the file."""

    size: int

    @property
    def message(self) -> str:
        return f"the requested range lies outside the file of {self.size} bytes"


@attrs.define
class LimitExceeded(TooLarge):
    """Something is larger than the hub accepts; ``cure`` says what to do instead, if known."""

    what: str
    limit: int
    cure: str = ""

    @property
    def message(self) -> str:
        text = f"{self.what} exceeds the limit of {self.limit:,}"
        return f"{text}; {self.cure}" if self.cure else text


@attrs.define
class QuotaExceeded(TooLarge):
    """A namespace has no quota left for the upload; ``facts`` say how much there is, and what to do."""

    namespace: str
    facts: str

    @property
    def message(self) -> str:
        return f"the quota of the namespace {self.namespace} is exceeded: {self.facts}"
