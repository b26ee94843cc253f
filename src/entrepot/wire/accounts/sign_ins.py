"""JSON of how and where the caller signs in. The shapes are an extension of this hub."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class BrowserSession(msgspec.Struct, rename="camel"):
    """A session of a browser; ``means``: how it was opened; ``network`` and ``browser``: from where, as it said."""

    id: str
    created_at: str
    last_used_at: str
    means: str
    network: str
    browser: str


class OwnPasskey(msgspec.Struct, rename="camel"):
    """A passkey, without its key; ``lastUsedAt`` null means never."""

    id: str
    name: str
    created_at: str
    last_used_at: str | None


class SignInSecurity(msgspec.Struct, rename="camel"):
    """Two-step sign-in by an app (``twoStepSince`` null: it is off), its recovery codes that are left, and passkeys."""

    two_step_since: str | None
    recovery_codes_left: int
    passkeys: Sequence[OwnPasskey]
