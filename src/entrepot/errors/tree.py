"""The root of the error tree, its families, and the leaves that a hub raises.

To add a leaf, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

import attrs


@attrs.define
class EntrepotError(Exception):
    """The root: ``str(error)`` is the message shown to people."""

    @property
    def message(self) -> str:
        """One sentence for people: what is wrong and, if known, the cure."""
        raise AttributeError("every leaf of the error tree has a message")

    def __str__(self) -> str:
        return self.message


# --- families ---------------------------------------------------------------


class Invalid(EntrepotError):
    """The input cannot be used as it is; nothing was changed."""


class Unauthenticated(EntrepotError):
    """The caller did not say, or could not prove, who it is."""


class Forbidden(EntrepotError):
    """The caller is known, sees the thing, and may not do this to it."""


class NotFound(EntrepotError):
    """The thing is absent, or invisible to the caller."""


class Conflict(EntrepotError):
    """The input is fine, but the present state is against it."""


class TooLarge(EntrepotError):
    """A limit was exceeded; nothing was kept."""


class Unavailable(EntrepotError):
    """Nothing is wrong with the input; the same call may succeed later."""


class Damaged(EntrepotError):
    """Stored bytes are missing or are not what they must be."""


# --- invalid input ----------------------------------------------------------


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
class LargeFileMissing(Invalid):
    """A commit names a large file whose bytes the caller has not uploaded here."""

    path: str
    sha256: str

    @property
    def message(self) -> str:
        # The sentence is the public hub's; clients and people search for it.
        return (
            "Your push was rejected because an LFS pointer pointed to a file that does not exist. "
            f"For instance, {shown(self.path)}: upload the object {self.sha256} first"
        )


@attrs.define
class XorbMissing(Invalid):
    """A shard uses a xorb that is not stored, or not where its uploader may use it."""

    xorb: str
    where: str

    @property
    def message(self) -> str:
        # Clients trust their own cache for weeks and never ask again; only its removal helps.
        return (
            f"the xorb {self.xorb} ({self.where}) is not stored here; remove the folder 'xet' "
            "of the client's cache (usually ~/.cache/huggingface/xet) and upload again"
        )


@attrs.define
class ContentMismatch(Invalid):
    """Received bytes are not the announced ones; nothing of them was kept."""

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
class NotGated(Invalid):
    """An access request to a repository whose content everybody reads who sees it."""

    repo: str
    kind: str

    @property
    def message(self) -> str:
        return f"the {self.kind} {self.repo} is not gated: nobody needs to ask for access to it"


@attrs.define
class AlreadyGranted(Invalid):
    """Access for somebody who has it already."""

    user: str
    repo: str

    @property
    def message(self) -> str:
        return f"{self.user} already has access to {self.repo}"


@attrs.define
class NotMergeable(Invalid):
    """A pull request cannot be merged as it is; ``paths`` are the files in conflict, if that is why."""

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


# --- who is asking ----------------------------------------------------------


@attrs.define
class InvalidCredentials(Unauthenticated):
    """A token was sent, but it is unknown, expired or revoked."""

    @property
    def message(self) -> str:
        # The exact text keeps clients from reporting a missing repository instead.
        return "Invalid credentials in Authorization header"


@attrs.define
class LoginRequired(Unauthenticated):
    """The call needs a caller, and none was named."""

    @property
    def message(self) -> str:
        return "Invalid username or password."


@attrs.define
class InvalidSignature(Forbidden):
    """A signed URL is expired, altered or used for something else."""

    reason: str

    @property
    def message(self) -> str:
        return f"this signed URL cannot be used: {self.reason}; ask the hub for a new one"


@attrs.define
class NotAllowed(Forbidden):
    """The caller lacks a right; ``reason`` is one whole sentence."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class GatedRepo(Forbidden):
    """Metadata are public, content needs an accepted access request."""

    repo: str
    kind: str
    anonymous: bool
    request: str | None = None
    """Where the caller's own request stands: ``pending``, ``rejected``, or None when there is none."""

    @property
    def message(self) -> str:
        if self.anonymous:
            return (
                f"Access to {self.kind} {self.repo} is restricted. You must have access to it and be "
                "authenticated to access it. Please log in."
            )
        if self.request == "pending":
            return f"Your request to access {self.kind} {self.repo} is awaiting a review from the repo authors."
        if self.request == "rejected":
            return f"Your request to access {self.kind} {self.repo} has been rejected by the repo's authors."
        return (
            f"Access to {self.kind} {self.repo} is restricted and you are not in the authorized list. "
            "Visit its page to ask for access."
        )


@attrs.define
class RepoDisabled(Forbidden):
    """An administrator has disabled the repository."""

    @property
    def message(self) -> str:
        return "Access to this resource is disabled."


# --- absent or invisible ----------------------------------------------------


@attrs.define
class RepoNotFound(NotFound):
    """No such repository, or none that this caller may know of."""

    anonymous: bool = False

    @property
    def message(self) -> str:
        return "Invalid username or password." if self.anonymous else "Repository not found"


@attrs.define
class RevisionNotFound(NotFound):
    """The repository has no such branch, tag or commit."""

    revision: str

    @property
    def message(self) -> str:
        return f"Invalid rev id: {shown(self.revision, quote=False)}"


@attrs.define(slots=False)  # so that what is absent on this computer can be a FileNotFoundError too
class EntryNotFound(NotFound):
    """The revision exists, the path in it does not."""

    path: str
    commit: str | None = None
    reason: str = "Entry not found"

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class AccountNotFound(NotFound):
    """No user or organisation has this name; ``kind`` says which of them was meant."""

    name: str
    kind: str = "user or organisation"

    @property
    def message(self) -> str:
        return f"no {self.kind} is called {shown(self.name)}"


@attrs.define
class ThingNotFound(NotFound):
    """Something else that was named does not exist (a token, a job, an upload)."""

    what: str
    value: str

    @property
    def message(self) -> str:
        return f"no {self.what} {shown(self.value)} here"


@attrs.define
class RepoMoved(NotFound):
    """The repository has a new name; doors answer with a redirect."""

    old: str
    new: str

    @property
    def message(self) -> str:
        return f"{self.old} has moved to {self.new}"


@attrs.define
class NotOffered(NotFound):
    """The public hub has this service, this one has not; ``what`` is its name, in the plural."""

    what: str

    @property
    def message(self) -> str:
        return f"{self.what} are not offered by this hub"


# --- conflicts --------------------------------------------------------------


@attrs.define
class AlreadyExists(Conflict):
    """The name is taken; ``subject`` is the whole sentence shown."""

    subject: str
    url: str | None = None

    @property
    def message(self) -> str:
        return self.subject


@attrs.define
class BranchMoved(Conflict):
    """The pinned parent is no longer the head of the branch."""

    branch: str
    changed: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        # Both sentences are asserted by the clients' own tests, one per generation.
        text = (
            "The branch was updated since you opened this page. Please refresh and try again. "
            "A commit has happened since. Please refresh and try again."
        )
        if not self.changed:
            return text
        names = ", ".join(shown(path, quote=False) for path in self.changed[:20])
        more = f" and {len(self.changed) - 20} more" if len(self.changed) > 20 else ""
        return f"{text} Changed on {shown(self.branch, quote=False)} since then: {names}{more}."


@attrs.define
class Refused(Conflict):
    """The state forbids the change; ``reason`` is one whole sentence."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason


# --- limits -----------------------------------------------------------------


@attrs.define
class LimitExceeded(TooLarge):
    """Something is larger than the hub accepts."""

    what: str
    limit: int
    cure: str = ""

    @property
    def message(self) -> str:
        text = f"{self.what} exceeds the limit of {self.limit:,}"
        return f"{text}; {self.cure}" if self.cure else text


@attrs.define
class QuotaExceeded(TooLarge):
    """A namespace has no room for what was sent; ``facts`` say how much there is, and the cure."""

    namespace: str
    facts: str

    @property
    def message(self) -> str:
        return f"the quota of the namespace {self.namespace} is exceeded: {self.facts}"


# --- the hub's own state ----------------------------------------------------


@attrs.define
class Busy(Unavailable):
    """Somebody else kept winning; ``what`` is what could not be had."""

    what: str

    @property
    def message(self) -> str:
        return f"{self.what} is busy; try again"


@attrs.define
class StoreFull(Unavailable):
    """The disk that holds the data folder has no room left."""

    detail: str

    @property
    def message(self) -> str:
        return f"no space left to store this ({self.detail}); nothing was kept; free some room on the hub"


@attrs.define
class StoreUnavailable(Unavailable):
    """The store that keeps the bytes did not do what was asked, for a reason outside the input."""

    what: str
    reason: str

    @property
    def message(self) -> str:
        return f"the store cannot serve {shown(self.what)} now: {self.reason}"


@attrs.define
class DataFolderError(Unavailable):
    """The data folder cannot be opened by this version or by this user."""

    folder: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot open the data folder {self.folder}: {self.reason}"


@attrs.define
class ClientGone(Unavailable):
    """The peer closed the connection before its request was complete; nobody reads the answer."""

    @property
    def message(self) -> str:
        return "the client closed the connection before its request was complete; nothing was kept"


# --- stored bytes -----------------------------------------------------------


@attrs.define
class BlobMissing(Damaged):
    """No bytes are stored under a key that should have some."""

    key: str

    @property
    def message(self) -> str:
        return f"no bytes are stored under {self.key}; run 'entrepot fsck'"


@attrs.define
class BlobUnreadable(Damaged):
    """Bytes are stored under a key, but the disk does not give them back."""

    key: str
    reason: str

    @property
    def message(self) -> str:
        return f"the bytes under {self.key} cannot be read: {self.reason}; run 'entrepot fsck'"


@attrs.define
class XorbDamaged(Damaged):
    """The stored bytes of a xorb are not the right ones; it is, or will be, in quarantine."""

    xorb: str

    @property
    def message(self) -> str:
        return f"the stored xorb {self.xorb} is damaged, and with it the files that need it; run 'entrepot fsck'"


@attrs.define
class ObjectMissing(Damaged):
    """A git object that something points at is not stored."""

    oid: str

    @property
    def message(self) -> str:
        return f"the object {self.oid} is missing from the store; run 'entrepot fsck'"


@attrs.define
class ObjectDamaged(Damaged):
    """A stored git object cannot be read or has another id than its name."""

    oid: str
    reason: str

    @property
    def message(self) -> str:
        return f"the stored object {self.oid} is damaged: {self.reason}; run 'entrepot fsck'"


def shown(value: str, *, quote: bool = True) -> str:
    """Render untrusted text for a message: printable ASCII, at most 200 characters."""
    # Cut before escaping: a name of a megabyte must not cost a megabyte of work.
    text = value[:200].encode("ascii", "backslashreplace").decode("ascii")
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    if len(value) > 200 or len(text) > 200:
        text = f"{text[:160]}...({len(value)} characters)"
    return f"'{text}'" if quote else text
