"""The root of the error tree, its families, and how a message shows untrusted text."""

from __future__ import annotations

import attrs

from entrepot.errors.redactions import redact


@attrs.define
class EntrepotError(Exception):
    """The root: ``str(error)`` is the message shown to people; neither it nor ``repr(error)`` holds a secret."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Seen by attrs as the class's own, so that no generated one shows the fields as they were given.
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = EntrepotError.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    @property
    def message(self) -> str:
        """One sentence for people: what is wrong and, if known, the cure."""
        raise AttributeError("every leaf of the error tree has a message")

    def __str__(self) -> str:
        return redact(self.message)


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


def shown(value: str, *, quote: bool = True) -> str:
    """Render untrusted text for a message: printable ASCII, at most 200 characters."""
    # Cut before escaping: a name of a megabyte must not cost a megabyte of work.
    text = value[:200].encode("ascii", "backslashreplace").decode("ascii")
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    if len(value) > 200 or len(text) > 200:
        text = f"{text[:160]}...({len(value)} characters)"
    return f"'{text}'" if quote else text
