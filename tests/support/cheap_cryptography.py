"""Passwords that are cheap to hash, and trusted authorities that are read once; for this process only."""

from __future__ import annotations

import functools
import os
import ssl

import argon2
import httpcore2


def hash_passwords_cheaply() -> None:
    """Let a password cost a fraction of a millisecond, not 200: hundreds of tests sign in.

    Servers that tests start as processes hash as those of users do; see tests/hub/accounts/test_passwords.py.
    """
    cheap = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
    argon2.PasswordHasher = cheap  # type: ignore[misc, assignment]


def share_authorities() -> None:
    """Let HTTP clients with the same settings share what they trust: reading it takes 23 ms for every client."""
    load = httpcore2.default_ssl_context
    known: dict[tuple[bool, str | None, str | None], ssl.SSLContext] = {}

    def shared(*, _trust_env: bool = True) -> ssl.SSLContext:
        key = (_trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        if key not in known:
            known[key] = load(_trust_env=_trust_env)
        return known[key]

    httpcore2.default_ssl_context = shared
