"""The root and the families of the error tree, and the escaping of untrusted text in messages."""

from __future__ import annotations

import attrs

from entrepot.errors.redactions import redact


@attrs.define
class EntrepotError(Exception):
    """The root of the error tree.

    ``str(error)`` is the message for people. Neither ``str`` nor ``repr`` reveals a secret.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Set on each class before attrs decorates it; a generated __repr__ would show the fields unredacted.
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = EntrepotError.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    @property
    def message(self) -> str:
        """One sentence for people: what is wrong and, if known, the remedy."""
        raise AttributeError("every leaf of the error tree has a message")

    @property
    def public_message(self) -> str:
        """The message for callers: without what is for administrators only, who read it in the log."""
        return self.message

    def __str__(self) -> str:
        return redact(self.message)


class Invalid(EntrepotError):
    """The input cannot be used as it is; nothing was changed."""


class Unauthenticated(EntrepotError):
    """The caller sent no credentials, or credentials that are not valid."""


class Forbidden(EntrepotError):
    """The caller is known and can see the thing, but may not do this to it."""


class NotFound(EntrepotError):
    """The thing is absent, or invisible to the caller."""


class Conflict(EntrepotError):
    """The input is fine, but the current state forbids the change."""


class TooLarge(EntrepotError):
    """A limit was exceeded; nothing was stored."""


class Unavailable(EntrepotError):
    """Nothing is wrong with the input; the same call may succeed later."""


class Damaged(EntrepotError):
    """Stored bytes are missing or wrong."""


def unexpected(error: BaseException) -> BaseException | None:
    """Return an error that a log shows with its traceback; None for one of :class:`Unavailable`.

    A database, a store or a disk that fails does so for every job and every request: its message says what is known,
    and the traceback, of which none differs from the others, would only fill the log.
    """
    return None if isinstance(error, Unavailable) else error


def shown(value: str, *, quote: bool = True) -> str:
    """Return untrusted text as it may stand in a message: printable ASCII, at most 200 characters."""
    # Truncate before escaping, so that a name of one megabyte does not cost a megabyte of work.
    text = value[:200].encode("ascii", "backslashreplace").decode("ascii")
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    if len(value) > 200 or len(text) > 200:
        text = f"{text[:160]}...({len(value)} characters)"
    return f"'{text}'" if quote else text
